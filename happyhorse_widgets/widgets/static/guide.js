/** The model's own guide to writing prompts. */

import { h } from "./shared/dom.js";
import { KIND } from "./shared/rpc.js";
import { markdown } from "./markdown.js";

/**
 * @param {import("./assist.js").Desk} desk
 * @returns {import("./assist.js").Panel}
 */
export function createGuide({ rpc, form, signal }) {
  const element = h("div", { class: "hh-guide", tabindex: 0, role: "region", "aria-label": "The model's guide" }, h("p", { class: "hh-quiet", role: "status" }, "Fetching the guide …"));
  rpc.request(KIND.PROMPT_GUIDE, { model: form.get("model") }, { signal }).then(
    ({ content }) => element.replaceChildren(...(content.guide.trim() ? markdown(content.guide) : [h("p", { class: "hh-quiet" }, "Scenario has no guide for this model.")])),
    (error) => !signal.aborted && element.replaceChildren(h("p", { class: "hh-note-error" }, error.message)),
  );
  return { element, focus: () => element.focus({ preventScroll: true }) };
}
