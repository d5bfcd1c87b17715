/** A menu behind a button, after the ARIA menu-button pattern. It exists only while it is open. */

import { button, h, icon, setAttribute } from "./dom.js";
import { child, listen } from "./lifetime.js";

/**
 * @typedef {{text: string, icon: Parameters<typeof icon>[0], act: () => unknown, title?: string}} Item
 */

/**
 * @param {object} host
 * @param {string} host.label The button's name.
 * @param {AbortSignal} host.signal
 * @param {() => Item[]} host.items Asked each time the menu opens.
 * @returns {HTMLButtonElement}
 */
export function createMenu({ label, signal, items }) {
  const opener = button(label, { icon: "more", quiet: true });
  setAttribute(opener, "aria-haspopup", "menu");
  setAttribute(opener, "aria-expanded", "false");
  /** @type {(() => void) | null} */
  let close = null;

  /** @param {"first" | "last"} end */
  function open(end) {
    close?.();
    const [own, done] = child(signal);
    const menu = h("div", { class: "hh-menu", role: "menu", "aria-label": label, popover: "auto" });
    for (const item of items()) menu.append(entry(item, own));
    close = () => {
      close = null;
      const inside = menu.contains(menu.ownerDocument.activeElement);
      done();
      setAttribute(opener, "aria-expanded", "false");
      if (inside) opener.focus({ preventScroll: true });
    };
    own.addEventListener("abort", () => menu.remove());
    opener.after(menu);
    listen(menu, "keydown", move, own);
    listen(menu, "toggle", (event) => event.newState === "closed" && close?.(), own);
    menu.showPopover();
    beside(menu, opener);
    // A scrolling that ended before may still be told now.
    const { top } = opener.getBoundingClientRect();
    listen(document, "scroll", () => Math.abs(opener.getBoundingClientRect().top - top) > 2 && close?.(), own, { capture: true, passive: true });
    setAttribute(opener, "aria-expanded", "true");
    /** @type {HTMLElement | null} */ (end === "last" ? menu.lastElementChild : menu.firstElementChild)?.focus();
  }

  /** @param {Item} item @param {AbortSignal} own */
  function entry({ text, icon: picture, act, title }, own) {
    const made = h("button", { type: "button", class: "hh-menu-item", role: "menuitem", tabindex: -1, title }, icon(picture), h("span", {}, text));
    listen(made, "click", () => {
      close?.();
      act();
    }, own);
    return made;
  }

  listen(opener, "click", () => (close ? close() : open("first")), signal);
  listen(opener, "keydown", (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    event.stopPropagation();
    open(event.key === "ArrowUp" ? "last" : "first");
  }, signal);

  /** @param {KeyboardEvent} event */
  function move(event) {
    const menu = /** @type {HTMLElement} */ (event.currentTarget);
    const all = /** @type {HTMLElement[]} */ ([...menu.children]);
    const now = all.indexOf(/** @type {HTMLElement} */ (menu.ownerDocument.activeElement));
    const turns = /** @type {Record<string, number>} */ ({ ArrowDown: now + 1, ArrowUp: now - 1 + all.length, Home: 0, End: all.length - 1 });
    event.stopPropagation();
    if (event.key in turns) all[turns[event.key] % all.length].focus();
    else if (event.key === "Escape" || event.key === "Tab") close?.();
    else if (event.key.length === 1 && event.key !== " ") {
      const from = [...all.slice(now + 1), ...all.slice(0, now + 1)];
      from.find((one) => one.textContent?.toLowerCase().startsWith(event.key.toLowerCase()))?.focus();
      return;
    } else return;
    if (event.key !== "Tab") event.preventDefault();
  }

  return opener;
}

/** Puts what is in the top layer below `opener`, or above it where there is no room. @param {HTMLElement} menu @param {HTMLElement} opener */
function beside(menu, opener) {
  const [at, own] = [opener.getBoundingClientRect(), menu.getBoundingClientRect()];
  const below = at.bottom + 2 + own.height <= window.innerHeight || at.top < own.height;
  menu.style.left = `${Math.max(4, Math.min(at.right - own.width, window.innerWidth - own.width - 4))}px`;
  menu.style.top = `${below ? at.bottom + 2 : at.top - own.height - 2}px`;
}
