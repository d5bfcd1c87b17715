/** How the clips of a comparison stand: all of them in rows and columns, or two beside each other or in the same place. */

import { button, h, icon, setAttribute } from "./dom.js";
import { listen } from "./lifetime.js";
import { PACES, createOverlay } from "./overlay.js";

/** @typedef {"grid" | "side by side" | "wipe" | "flicker"} Mode */

const MODES = /** @type {[Mode, string, Parameters<typeof icon>[0]][]} */ ([
  ["grid", "Grid", "grid"], ["side by side", "Side by side", "compare"], ["wipe", "Wipe", "wipe"], ["flicker", "Flicker", "flicker"],
]);
/** For aria-keyshortcuts: a mode each, and the other clip where two take turns. */
export const LAYOUT_SHORTCUTS = "1 2 3 4 X";

/**
 * @param {object} host
 * @param {import("./side.js").Side[]} host.sides
 * @param {Record<string, string>[]} host.levels Of each clip, by the factor's name.
 * @param {{mode?: Mode, rows?: string, columns?: string}} host.look At the beginning; "" for no rows, or columns.
 * @param {AbortSignal} host.signal
 * @param {(shown: import("./side.js").Side[]) => void} host.arranged Told, before anything moves, which clips are to be seen.
 * @param {(text: string) => void} host.say
 */
export function createLayout({ sides, levels, look, signal, arranged, say }) {
  let { mode = "grid", rows = "", columns = "" } = look;
  let pair = [0, 1];
  const stage = h("div", { class: "hh-together-sides" });
  const overlay = createOverlay({ stage, signal, turned });
  const factors = Object.keys(levels[0] ?? {});
  const group = `hh-${Math.random().toString(36).slice(2)}`;
  const inputs = MODES.map(([value, text], index) =>
    h("input", { type: "radio", class: "hh-unseen", name: group, value, "aria-label": text, "aria-keyshortcuts": index + 1 }),
  );
  const modes = h("div", { class: "hh-together-modes", role: "radiogroup", "aria-label": "How the clips are shown" });
  modes.append(...MODES.map(([, text, picture], index) => h("label", { title: `${text} (${index + 1})` }, inputs[index], icon(picture), h("span", {}, text))));
  const names = factors.map((factor) => [factor, factor.replaceAll("_", " ")]);
  const down = choice("rows", [["", "none"], ...names], rows, (value) => (rows = value));
  const across = choice("columns", [["", "none"], ...names], columns, (value) => (columns = value));
  const options = sides.map((side, index) => [String(index), [side.name, ...Object.values(levels[index] ?? {})].join(" · ")]);
  const one = choice("first", options, "0", (value) => choose(0, Number(value)));
  const two = choice("second", options, "1", (value) => choose(1, Number(value)));
  const swap = button("Swap the two", { icon: "swap", quiet: true });
  const pace = choice("change", PACES.map(([seconds, words]) => [String(seconds), words]), "0", (value) => overlay.take(Number(value)));
  const el = h("div", { class: "hh-together-layout" }, modes, down.el, across.el, one.el, swap, two.el, pace.el);

  /** @param {string} name @param {string[][]} given @param {string} value @param {(value: string) => void} chosen */
  function choice(name, given, value, chosen) {
    const select = h("select", { class: "hh-together-choice" }, ...given.map(([id, text]) => h("option", { value: id }, text)));
    select.value = value;
    listen(select, "change", () => {
      chosen(select.value);
      arrange();
    }, signal);
    return { el: h("label", { class: "hh-together-named hh-quiet" }, name, select), select };
  }

  /** Where the other one is chosen already, the two change places. @param {0 | 1} place @param {number} index */
  function choose(place, index) {
    if (pair[1 - place] === index) pair[1 - place] = pair[place];
    pair[place] = index;
  }

  /** @param {boolean} upper */
  function turned(upper) {
    pair.forEach((index, place) => sides[index].el.toggleAttribute("data-turn", (place === 1) === upper));
  }

  function arrange() {
    const alone = mode === "grid";
    const shown = alone ? sides : pair.map((index) => sides[index]);
    arranged(shown);
    stage.dataset.mode = mode;
    for (const side of sides) {
      side.el.hidden = !shown.includes(side);
      side.el.removeAttribute("data-turn");
      side.el.style.gridArea = "";
    }
    stage.replaceChildren(...(alone ? table() : shown.map((side) => side.el)), overlay.el);
    stage.style.setProperty("--hh-stage-ratio", String(shown[0].ratio));
    overlay.show(mode === "wipe" || mode === "flicker" ? mode : null);
    for (const part of [down.el, across.el]) part.hidden = !alone || !factors.length;
    for (const part of [one.el, two.el, swap]) part.hidden = alone || sides.length === 2;
    swap.hidden = alone;
    pace.el.hidden = mode !== "flicker";
    one.select.value = String(pair[0]);
    two.select.value = String(pair[1]);
    for (const input of inputs) input.checked = input.value === mode;
  }

  const level = (/** @type {number} */ index, /** @type {string} */ factor) => levels[index]?.[factor] ?? "";
  const distinct = (/** @type {string} */ factor) => [...new Set(sides.map((_side, index) => level(index, factor)))];

  /** Whether each cell holds one clip that is ready: where one is missing, those after it would move under other headings. */
  function full() {
    const cells = new Set(sides.map((_side, index) => JSON.stringify([level(index, rows), level(index, columns)])));
    const wanted = distinct(rows).length * distinct(columns).length;
    return sides.every((side) => side.ready()) && cells.size === sides.length && sides.length === wanted;
  }

  /** The grid's elements in reading order: headings, and below each its clips. */
  function table() {
    const wide = columns ? distinct(columns) : [];
    /** @type {HTMLElement[]} */
    const found = wide.map((word) => h("div", { class: "hh-together-heading", dir: "auto", title: `${columns}: ${word}` }, word));
    stage.toggleAttribute("data-columns", wide.length > 0);
    stage.style.setProperty("--hh-across", String(wide.length || most()));
    let line = wide.length ? 2 : 1;
    for (const row of distinct(rows)) {
      if (rows) {
        found.push(h("div", { class: "hh-together-heading hh-together-row", dir: "auto" }, row));
        line += 1;
      }
      const inRow = sides.map((side, index) => ({ side, at: wide.indexOf(level(index, columns)), row: level(index, rows) })).filter((each) => each.row === row);
      inRow.sort((a, b) => a.at - b.at);
      const filled = wide.map(() => 0);
      for (const { side, at } of inRow) {
        if (wide.length) side.el.style.gridArea = `${line + filled[at]++} / ${at + 1}`;
        found.push(side.el);
      }
      line += Math.max(1, ...filled);
    }
    return found;
  }

  /** How many stand side by side at most where nothing says it: few in one row, many in a square. */
  function most() {
    const ratio = sides.reduce((sum, side) => sum + side.ratio, 0) / sides.length;
    return sides.length <= 4 ? sides.length : Math.ceil(Math.sqrt((sides.length * (16 / 9)) / ratio));
  }

  /** @param {Mode} next */
  function show(next) {
    mode = next;
    arrange();
  }

  /** @param {string} key Whether it was for the layout. */
  function pressed(key) {
    if (key === "x" && mode === "flicker") {
      overlay.swap();
      const side = sides.find((each) => each.el.hasAttribute("data-turn"));
      if (side) say(`Clip ${side.name}`);
    } else if (MODES[Number(key) - 1]) {
      const [value, text] = MODES[Number(key) - 1];
      show(value);
      say(text);
    } else return false;
    return true;
  }

  listen(modes, "change", (event) => show(event.target.value), signal);
  listen(swap, "click", () => {
    pair.reverse();
    arrange();
  }, signal);

  return {
    el,
    stage,
    arrange,
    show,
    pressed,
    /** How many columns a picture of it should have, or null where that is open. */
    columns: () => (mode !== "grid" ? 2 : columns && full() ? distinct(columns).length : null),
    /** The factors that the headings tell of: the clips themselves need not. */
    told: () => (mode === "grid" ? [rows, columns].filter(Boolean) : []),
    /** The clips in the order in which they stand. */
    order: () => [...stage.querySelectorAll(".hh-together-side")].map((el) => /** @type {import("./side.js").Side} */ (sides.find((side) => side.el === el))),
  };
}
