/** One clip's card as an output of its own. */

import { createCard } from "./shared/card.js";
import { h } from "./shared/dom.js";
import { keepFocus } from "./shared/focus.js";
import { suppressShortcuts } from "./shared/keys.js";
import { child, follow } from "./shared/lifetime.js";
import { connect } from "./shared/rpc.js";
import { hideTwin, isExport } from "./shared/twin.js";

/**
 * @param {{model: import("./shared/rpc.js").Model, el: HTMLElement, signal?: AbortSignal}} view
 * @returns {(() => void) | undefined}
 */
function render({ model, el, signal: given }) {
  const twin = model.get("twin");
  if (isExport(twin)) return undefined;
  const [signal, end] = child(given);
  const root = h("div", { class: "hh-root hh-clip" });
  const rpc = connect(model, signal);
  const card = createCard({ rpc, signal });
  suppressShortcuts(root, signal);
  keepFocus(root, signal);
  follow(model, "state", card.update, signal);
  rpc.onLost(card.lose);
  root.append(card.el);
  el.append(root);
  hideTwin(twin, signal);
  return () => {
    end();
    root.remove();
  };
}

export default { render };
