/** Keeps keys that are typed in a widget away from the notebook's own shortcuts. */

import { listen } from "./lifetime.js";

const FOCUSABLE = "a, button, input, select, textarea, summary, video, audio, [tabindex], [contenteditable]";
const ATTRIBUTE = "data-lm-suppress-shortcuts";

/**
 * Marks `root` and every focusable element in it, those made later included, for as long as `signal` lives.
 *
 * JupyterLab and Notebook 7 look for the mark on the element that has the focus: without it, Shift+Enter re-runs the
 * cell and a typed `a`, `x` or `d d` adds, cuts or deletes cells. Stopping the event's propagation is not enough.
 * @param {HTMLElement} root
 * @param {AbortSignal} signal
 */
export function suppressShortcuts(root, signal) {
  const mark = (/** @type {Element} */ element) => element.setAttribute(ATTRIBUTE, "true");
  const markAll = (/** @type {Element} */ element) => {
    if (element.matches(FOCUSABLE)) mark(element);
    element.querySelectorAll(FOCUSABLE).forEach(mark);
  };
  mark(root);
  markAll(root);
  const observer = new MutationObserver((records) => {
    for (const record of records) {
      if (record.type === "attributes") markAll(/** @type {Element} */ (record.target));
      for (const node of record.addedNodes) if (node instanceof Element) markAll(node);
    }
  });
  observer.observe(root, {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["tabindex", "contenteditable"],
  });
  signal.addEventListener("abort", () => observer.disconnect());
  // JupyterLab takes line breaks and undo from any text field in a cell: it listens on the field itself, so the event
  // must not get there. What the browser does by default, which is to insert the line break, still happens.
  listen(root, "beforeinput", (event) => event.stopPropagation(), signal, { capture: true });
}
