/** What helps with writing, below the prompt: one panel at a time, opened by its button. */

import { createGuide } from "./guide.js";
import { createHistory, createTemplates } from "./keepsakes.js";
import { createProposal } from "./proposals.js";
import { button, h, setAttribute } from "./shared/dom.js";
import { child, listen } from "./shared/lifetime.js";

/**
 * @typedef {object} Desk What the panels work with.
 * @property {import("./shared/rpc.js").Model} model
 * @property {import("./shared/rpc.js").Rpc} rpc
 * @property {import("./form.js").Form} form
 * @property {AbortSignal} signal The view's: a panel has one of its own.
 * @property {(text: string) => void} announce
 * @property {() => string} text The prompt.
 * @property {(text: string) => void} write Replaces the prompt, so that Undo brings the former one back.
 *
 * @typedef {object} Panel
 * @property {HTMLElement} element
 * @property {() => void} [focus]
 */

/** @param {Desk} desk */
export function createAssist(desk) {
  const id = `hh-${Math.random().toString(36).slice(2)}`;
  const place = h("div", { class: "hh-assist-panel", id, hidden: true });
  const enhance = createProposal(desk, "enhance");
  const translate = createProposal(desk, "translate");
  /** @type {[Parameters<typeof button>[0], any, (host: Desk & {close: () => void}) => Panel][]} */
  const tools = [
    ["Enhance", "wand", enhance],
    ["Translate", "translate", translate],
    ["Templates", "note", createTemplates],
    ["History", "clock", createHistory],
    ["Guide", "book", createGuide],
  ];
  /** @type {(() => void) | null} */
  let close = null;

  const buttons = tools.map(([text, icon, create]) => {
    const opener = button(text, { icon });
    opener.classList.add("hh-assist-tool");
    setAttribute(opener, "aria-expanded", "false");
    setAttribute(opener, "aria-controls", id);
    listen(opener, "click", () => {
      const open = opener.getAttribute("aria-expanded") === "true";
      close?.();
      if (!open) show(opener, text, create);
    }, desk.signal);
    return opener;
  });

  /** @param {HTMLButtonElement} opener @param {string} text @param {(host: Desk & {close: () => void}) => Panel} create */
  function show(opener, text, create) {
    const [signal, end] = child(desk.signal);
    close = () => {
      close = null;
      const inside = place.contains(document.activeElement);
      end();
      setAttribute(opener, "aria-expanded", "false");
      place.hidden = true;
      place.replaceChildren();
      if (inside) opener.focus({ preventScroll: true });
    };
    const shut = () => close?.();
    const panel = create({ ...desk, signal, close: shut });
    const cross = button(`Close ${text}`, { icon: "cross", quiet: true });
    listen(cross, "click", shut, signal);
    listen(place, "keydown", (event) => {
      if (event.key !== "Escape") return;
      event.stopPropagation();
      shut();
    }, signal);
    setAttribute(place, "role", "group");
    setAttribute(place, "aria-label", text);
    place.replaceChildren(panel.element, cross);
    place.hidden = false;
    setAttribute(opener, "aria-expanded", "true");
    panel.focus?.();
  }

  return { element: h("div", { class: "hh-assist" }, h("div", { class: "hh-assist-tools", role: "group", "aria-label": "Help with the prompt" }, ...buttons), place) };
}
