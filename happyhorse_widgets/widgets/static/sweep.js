/** A sweep as a live grid: what it costs, a table of its cells by factors, and the clip of the cell that is open. */

import { h, setText } from "./shared/dom.js";
import { keepFocus } from "./shared/focus.js";
import { suppressShortcuts } from "./shared/keys.js";
import { child, follow } from "./shared/lifetime.js";
import { connect, KIND } from "./shared/rpc.js";
import { hideTwin, isExport } from "./shared/twin.js";
import { createSweepBar } from "./sweepbar.js";
import { createOpened } from "./sweepcard.js";
import { createTable } from "./sweeptable.js";

/**
 * @typedef {object} CellState
 * @property {string | null} clip
 * @property {"planned" | import("./shared/card.js").State["phase"]} phase
 * @property {string} heading
 * @property {number | null} progress
 *
 * @typedef {{key: string, places: number[], state: CellState}} Cell `places` has the number of each factor's level.
 * @typedef {{name: string, levels: {label: string, text: string}[]}} Factor
 */

/**
 * @param {{model: import("./shared/rpc.js").Model, el: HTMLElement, signal?: AbortSignal}} view
 * @returns {(() => void) | undefined}
 */
function render({ model, el, signal: given }) {
  const twin = model.get("_twin");
  if (isExport(twin)) return undefined;
  const [signal, end] = child(given);
  const rpc = connect(model, signal);
  const live = h("div", { class: "hh-unseen", role: "status" });
  const announce = (/** @type {string} */ text) => setText(live, text);
  /** @type {Map<string, Cell>} */
  const cells = new Map();
  /** What changed before the whole was known. @type {Map<string, CellState>} */
  const early = new Map();
  let known = false;

  const opened = createOpened({ rpc, signal, opened: (key) => table.opened(key), closed: (key) => table.focus(key) });
  const table = createTable({ rpc, signal, open: (cell, name) => opened.toggle(cell, name) });
  const bar = createSweepBar({ rpc, signal, announce, arrange: table.arrange, leave: table.focus });
  const trouble = h("p", { class: "hh-sweep-trouble", hidden: true });
  const root = h("section", { class: "hh-root hh-sweep", "aria-label": "Sweep" }, bar.el, trouble, table.el, opened.el, live);

  /** @param {string} key @param {CellState} state */
  function take(key, state) {
    const cell = cells.get(key);
    if (!cell) return;
    cell.state = state;
    table.update(cell);
    opened.update(cell);
  }

  async function load() {
    try {
      const { content } = await rpc.request(KIND.SWEEP_CELLS);
      for (const [key, places, state] of content.cells) cells.set(key, { key, places, state: early.get(key) ?? state });
      known = true;
      bar.choices(content.factors);
      table.set(content.factors, [...cells.values()]);
    } catch (error) {
      if (signal.aborted) return;
      trouble.hidden = false;
      setText(trouble, /** @type {Error} */ (error).message);
    }
  }

  /** @param {Record<string, any>} content */
  function heard(content) {
    if (content.kind !== KIND.SWEEP_CHANGED) return;
    for (const { cell, ...state } of content.cells) known ? take(cell, state) : early.set(cell, state);
  }

  model.on("msg:custom", heard);
  signal.addEventListener("abort", () => model.off("msg:custom", heard));
  follow(model, "_summary", bar.update, signal);
  rpc.onLost((lost) => {
    bar.lose(lost);
    opened.lose(lost);
  });
  suppressShortcuts(root, signal);
  keepFocus(root, signal);
  el.append(root);
  hideTwin(twin, signal);
  void load();
  return () => {
    end();
    root.remove();
  };
}

export default { render };
