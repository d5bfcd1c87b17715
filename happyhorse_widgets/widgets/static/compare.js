/** Clips beside each other on one clock, as an output of its own. */

import { h, setText } from "./shared/dom.js";
import { keepFocus } from "./shared/focus.js";
import { suppressShortcuts } from "./shared/keys.js";
import { alive, child } from "./shared/lifetime.js";
import { KIND, connect } from "./shared/rpc.js";
import { createComparison } from "./shared/together.js";
import { hideTwin, isExport } from "./shared/twin.js";

/**
 * @param {{model: import("./shared/rpc.js").Model, el: HTMLElement, signal?: AbortSignal}} view
 * @returns {(() => void) | undefined}
 */
function render({ model, el, signal: given }) {
  const twin = model.get("_twin");
  if (isExport(twin)) return undefined;
  const [signal, end] = child(given);
  const said = h("p", { class: "hh-compare-said hh-quiet", role: "status" });
  const root = h("div", { class: "hh-root hh-compare" }, said);
  const rpc = connect(model, signal);
  suppressShortcuts(root, signal);
  keepFocus(root, signal);
  el.append(root);
  hideTwin(twin, signal);
  open({ model, rpc, signal, root }).catch((error) => signal.aborted || setText(said, error.message));
  return () => {
    end();
    root.remove();
  };
}

/** @param {{model: import("./shared/rpc.js").Model, rpc: import("./shared/rpc.js").Rpc, signal: AbortSignal, root: HTMLElement}} host */
async function open({ model, rpc, signal, root }) {
  /** What changed while the first answer was on its way. @type {import("./shared/card.js").State[]} */
  let early = [];
  /** @type {ReturnType<typeof createComparison> | undefined} */
  let comparison;
  /** @param {Record<string, any>} content */
  function heard(content) {
    if (content.kind !== KIND.CLIPS_CHANGED) return;
    if (comparison) content.clips.forEach(comparison.update);
    else early = [...early, ...content.clips];
  }
  const turned = () => comparison?.show(model.get("mode"));
  model.on("msg:custom", heard);
  model.on("change:mode", turned);
  signal.addEventListener("abort", () => {
    model.off("msg:custom", heard);
    model.off("change:mode", turned);
  });
  const { content } = await alive(rpc.request(KIND.COMPARE_OPEN, {}, { signal }), signal);
  const { states, levels, rows, columns } = content;
  comparison = createComparison({ states, levels, look: { mode: model.get("mode"), rows, columns }, stays: true, rpc, signal });
  early.forEach(comparison.update);
  root.append(comparison.el);
}

export default { render };
