/** The line that says what has just filled the Studio (a clip's settings, a preset, the last draft), with one step back. */

import { button, h, icon, setText } from "./shared/dom.js";
import { follow, listen } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";

/** @param {{model: import("./shared/rpc.js").Model, rpc: import("./shared/rpc.js").Rpc, signal: AbortSignal}} host */
export function createFilled({ model, rpc, signal }) {
  const text = h("span", { class: "hh-filled-text" });
  const undo = button("Undo", { icon: "undo", title: "Put back what was set up before" });
  const dismiss = button("Dismiss", { icon: "cross", quiet: true });
  const line = h("div", { class: "hh-filled", hidden: true }, icon("info"), text, undo, dismiss);
  const element = h("div", { role: "status" }, line);

  follow(model, "_filled", (filled) => {
    line.hidden = !filled.text;
    setText(text, filled.text ?? "");
  }, signal);
  /** @param {string} kind */
  const ask = (kind) => async () => {
    // What undo does is said in the same line, whose button keeps the focus; the same words again are announced, too.
    if (kind === KIND.STUDIO_UNDO) setText(text, "");
    else line.hidden = true;
    await rpc.request(kind, {}, { signal }).catch((error) => {
      if (signal.aborted) return;
      line.hidden = false;
      setText(text, error.message);
    });
  };
  listen(undo, "click", ask(KIND.STUDIO_UNDO), signal);
  listen(dismiss, "click", ask(KIND.STUDIO_DISMISS), signal);
  return element;
}
