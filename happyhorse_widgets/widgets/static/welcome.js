/** What to do, as long as nothing was done. */

import { button, h, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";

/** @param {{rpc: import("./shared/rpc.js").Rpc, form: import("./form.js").Form, signal: AbortSignal}} host */
export function createWelcome({ rpc, form, signal }) {
  const sample = button("Try a sample");
  const said = h("span", { class: "hh-quiet", role: "status" });
  const element = h(
    "div",
    { class: "hh-welcome" },
    h("p", {}, "Each image is a character: character1, character2 … Say in the prompt what they do, then press Generate."),
    h("div", { class: "hh-row" }, sample, said),
  );
  listen(sample, "click", async () => {
    sample.disabled = true;
    const waiting = setTimeout(() => setText(said, "Waiting for the kernel: it is busy."), 1500);
    try {
      await rpc.request(KIND.STUDIO_SAMPLE, {}, { signal });
    } catch (error) {
      if (!signal.aborted) setText(said, /** @type {Error} */ (error).message);
    } finally {
      clearTimeout(waiting);
      sample.disabled = false;
    }
  }, signal);
  const show = () => {
    element.hidden = form.get("tiles").length > 0 || form.get("prompt") !== "";
    if (element.hidden) setText(said, "");
  };
  form.follow("tiles", show);
  form.follow("prompt", show);
  return element;
}
