/** The field for the address of an image: it opens where it is wanted, and takes no room before. */

import { button, h } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";

/**
 * @param {object} host
 * @param {(address: string) => void} host.take
 * @param {AbortSignal} host.signal
 */
export function createAddress({ take, signal }) {
  const opener = button("From an address", { icon: "link" });
  opener.setAttribute("aria-expanded", "false");
  const field = h("input", { type: "url", class: "hh-field", placeholder: "https://…", "aria-label": "Address of an image", autocomplete: "off" });
  const fetch = h("button", { type: "submit", class: "hh-button" }, "Add");
  const close = button("Close", { icon: "cross", quiet: true });
  const element = h("form", { class: "hh-address", novalidate: true, hidden: true }, field, fetch, close);

  /** @param {boolean} open */
  function show(open) {
    element.hidden = !open;
    opener.setAttribute("aria-expanded", String(open));
    (open ? field : opener).focus();
  }
  listen(opener, "click", () => show(element.hidden), signal);
  listen(close, "click", () => show(false), signal);
  listen(field, "keydown", (event) => {
    if (event.key === "Escape") show(false);
  }, signal);
  listen(element, "submit", (event) => {
    event.preventDefault();
    const given = field.value.trim();
    if (!given) return;
    field.value = "";
    take(given);
    show(false);
  }, signal);
  return { element, opener };
}
