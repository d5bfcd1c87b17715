/** Keeps the keyboard's place: where the element with the focus goes away, its nearest neighbour takes it. */

import { listen } from "./lifetime.js";

const REACHABLE = ["a[href]", "button", "input", "select", "textarea", "summary", "[tabindex]"].map((each) => `${each}:not([tabindex='-1'])`).join();

/**
 * Without it, the focus falls back on the page whenever what has it is removed, moved, hidden or disabled, and a person
 * without a mouse starts anew from the top. Who puts the focus elsewhere on purpose is left alone.
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 */
export function keepFocus(root, signal) {
  const { body } = root.ownerDocument;
  /** @type {Element[]} The element that has the focus, and everything around it up to the root. */
  let path = [];

  listen(root, "focusin", (event) => {
    path = [];
    for (let each = /** @type {Element | null} */ (event.target); each && root.contains(each); each = each.parentElement) path.push(each);
  }, signal);
  listen(root, "focusout", (event) => {
    const [left] = path;
    if (event.relatedTarget) path = [];
    // An element that is being removed tells so while it is still there; one that was left stays.
    else setTimeout(() => left === path[0] && left && usable(left) && left !== root.ownerDocument.activeElement && (path = []));
  }, signal);

  /** @param {MutationRecord[]} records */
  function look(records) {
    const [element, ...around] = path;
    const { activeElement: active } = root.ownerDocument;
    if (!element || (active && active !== body && active !== element)) return;
    if (usable(element)) {
      const moved = records.some(({ removedNodes }) => [...removedNodes].some((node) => node.contains(element)));
      if (moved && active !== element) /** @type {HTMLElement} */ (element).focus({ preventScroll: true });
      return;
    }
    for (const place of around) {
      const next = root.contains(place) && [...place.querySelectorAll(REACHABLE)].find(usable);
      if (next) return /** @type {HTMLElement} */ (next).focus({ preventScroll: true }); // a list that is scrolled takes rows away, too
    }
  }

  // Words that change, as at every key in the prompt, take no focus away; to look would have the page laid out once more.
  const touched = (/** @type {MutationRecord} */ { type, removedNodes }) =>
    type === "attributes" || [...removedNodes].some((node) => node instanceof Element);
  const observer = new MutationObserver((records) => records.some(touched) && look(records));
  observer.observe(root, { subtree: true, childList: true, attributes: true, attributeFilter: ["hidden", "disabled", "open"] });
  signal.addEventListener("abort", () => observer.disconnect());
}

/** Whether it can have the focus now. @param {Element} element */
function usable(element) {
  return element.isConnected && element.checkVisibility({ visibilityProperty: true }) && !element.matches(":disabled");
}
