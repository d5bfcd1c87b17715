/** One clip's card as an output of its own, and below it those of clips that were made of it there. */

import { createOutside } from "./outside.js";
import { refuse } from "./pressing.js";
import { createCard } from "./shared/card.js";
import { h } from "./shared/dom.js";
import { keepFocus } from "./shared/focus.js";
import { suppressShortcuts } from "./shared/keys.js";
import { child, follow } from "./shared/lifetime.js";
import { connect, KIND, newPress } from "./shared/rpc.js";
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
  const host = { rpc, signal, ...createOutside({ rpc, signal, vary }) };
  const cards = [createCard(host)];
  let lost = false;
  suppressShortcuts(root, signal);
  keepFocus(root, signal);
  root.append(cards[0].el);
  follow(model, "state", cards[0].update, signal);
  follow(model, "varied", (/** @type {import("./shared/card.js").State[]} */ states) => states.forEach((state, index) => {
    const card = (cards[index + 1] ??= createCard(host));
    card.update(state);
    if (!card.el.isConnected) root.append(card.el);
    if (lost) card.lose(true);
  }), signal);
  rpc.onLost((now) => {
    lost = now;
    for (const card of cards) card.lose(now);
  });

  /** @param {import("./shared/card.js").State} state */
  async function vary(state) {
    const { content } = await rpc.request(KIND.STUDIO_GENERATE, { press: newPress(), vary: state.id }, { signal });
    refuse(content.problems);
    return "On its way, below.";
  }

  el.append(root);
  hideTwin(twin, signal);
  return () => {
    end();
    root.remove();
  };
}

export default { render };
