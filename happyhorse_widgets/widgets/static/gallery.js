/** Every clip of a library: searched, watched, marked, compared. */

import { createClips } from "./clips.js";
import { createOutside } from "./outside.js";
import { vary } from "./pressing.js";
import { h, setText } from "./shared/dom.js";
import { keepFocus } from "./shared/focus.js";
import { suppressShortcuts } from "./shared/keys.js";
import { child } from "./shared/lifetime.js";
import { connect } from "./shared/rpc.js";
import { hideTwin, isExport } from "./shared/twin.js";

const EMPTY = "No clips yet. hh.Studio() makes some; they appear here, newest first, and stay in this folder.";

/**
 * @param {{model: import("./shared/rpc.js").Model, el: HTMLElement, signal?: AbortSignal}} view
 * @returns {(() => void) | undefined}
 */
function render({ model, el, signal: given }) {
  const twin = model.get("_twin");
  if (isExport(twin)) return undefined;
  const [signal, end] = child(given);
  const live = h("div", { class: "hh-unseen", role: "status" });
  const announce = (/** @type {string} */ text) => setText(live, text);
  const root = h("div", { class: "hh-root hh-gallery" });
  const rpc = connect(model, signal);
  const varied = (/** @type {import("./shared/card.js").State} */ state) => vary(clips.press, state).then(() => "On its way, as the first of the clips.");
  const clips = createClips({ model, rpc, signal, announce, empty: EMPTY, ...createOutside({ rpc, signal, vary: varied }) });
  root.append(clips.element, live);
  suppressShortcuts(root, signal);
  keepFocus(root, signal);
  el.append(root);
  hideTwin(twin, signal);
  return () => {
    end();
    root.remove();
  };
}

export default { render };
