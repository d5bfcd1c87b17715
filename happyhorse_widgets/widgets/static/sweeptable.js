/** A sweep's cells as a table: one factor across, the others down. Only cells near the view ask for their posters. */

import { createPictures } from "./pictures.js";
import { h, setAttribute, setText } from "./shared/dom.js";
import { child, listen } from "./shared/lifetime.js";

const STEPS = /** @type {Record<string, [number, number]>} */ ({ ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] });

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {(cell: import("./sweep.js").Cell, name: string) => void} host.open
 */
export function createTable({ rpc, signal, open }) {
  /** @type {import("./sweep.js").Factor[]} */
  let factors = [];
  /** @type {import("./sweep.js").Cell[]} */
  let cells = [];
  /** @type {Map<string, ReturnType<typeof createTile>>} */
  const tiles = new Map();
  /** @type {(string | null)[][]} */
  let grid = [];
  let current = "";
  const pictures = createPictures({ rpc, signal });
  const table = h("table", { class: "hh-sweep-table" });
  const el = h("div", { class: "hh-sweep-scroll" }, table);
  const near = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) tiles.get(/** @type {HTMLElement} */ (target).dataset.cell ?? "")?.near(isIntersecting);
    },
    /** @type {IntersectionObserverInit} */ ({ rootMargin: "50%", scrollMargin: "50%" }),
  );
  signal.addEventListener("abort", () => near.disconnect());

  /** What tells the cell from the others. @param {import("./sweep.js").Cell} cell */
  function nameOf(cell) {
    const told = factors.map(({ name, levels }, index) => (levels.length > 1 ? `${name} ${levels[cell.places[index]].label}` : ""));
    return told.filter(Boolean).join(", ") || "The only cell";
  }

  /** @param {import("./sweep.js").Cell} cell */
  function tileOf(cell) {
    const known = tiles.get(cell.key);
    if (known) return known;
    const tile = createTile({ cell, name: nameOf(cell), pictures, signal, open });
    tiles.set(cell.key, tile);
    tile.update(cell);
    near.observe(tile.el);
    return tile;
  }

  /** @param {number} across @param {number} first The factor that the rows are sorted by before the others. */
  function arrange(across, first) {
    const down = factors.map((_, index) => index).filter((index) => index !== across && factors[index].levels.length > 1);
    down.sort((a, b) => Number(b === first) - Number(a === first));
    const columns = factors[across]?.levels ?? [{ label: "", text: "" }];
    /** @type {Map<string, {places: number[], found: (import("./sweep.js").Cell | null)[]}>} */
    const rows = new Map();
    for (const cell of cells) {
      const places = down.map((index) => cell.places[index]);
      const row = rows.get(places.join()) ?? { places, found: columns.map(() => null) };
      row.found[cell.places[across] ?? 0] = cell;
      rows.set(places.join(), row);
    }
    const sorted = [...rows.values()].sort((a, b) => a.places.map((place, index) => place - b.places[index]).find(Boolean) ?? 0);
    grid = sorted.map(({ found }) => found.map((cell) => cell?.key ?? null));
    if (!grid.flat().includes(current)) current = cells[0]?.key ?? "";
    const names = down.map((index) => factors[index].name).join(", ");
    const top = h("tr", {}, down.length > 0 && h("th", { scope: "col" }, h("span", { class: "hh-unseen" }, names)));
    if (factors.length) top.append(...columns.map((level) => h("th", { scope: "col" }, head(factors[across], level))));
    const body = sorted.map(({ places, found }, number) =>
      h("tr", {}, down.length > 0 && stub(down, places, sorted[number - 1]?.places), ...found.map((cell) => h("td", {}, cell && tileOf(cell).el))),
    );
    const held = el.contains(el.ownerDocument.activeElement);
    table.replaceChildren(h("thead", {}, top), h("tbody", {}, ...body));
    rove(current, held);
  }

  /** The head of a row: the levels of the factors down; those as in the row before are there for screen readers only. */
  function stub(/** @type {number[]} */ down, /** @type {number[]} */ places, /** @type {number[] | undefined} */ before) {
    const changed = places.findIndex((place, index) => place !== before?.[index]);
    const lines = down.map((factor, index) => {
      const line = head(factors[factor], factors[factor].levels[places[index]]);
      if (before && index < changed) line.classList.add("hh-unseen");
      return line;
    });
    return h("th", { scope: "row" }, ...lines);
  }

  /** @param {import("./sweep.js").Factor} factor @param {{label: string, text: string}} level */
  function head({ name }, { label, text }) {
    return h("div", { class: "hh-sweep-head", title: text, dir: "auto" }, h("span", { class: "hh-sweep-factor" }, name), ` ${label}`);
  }

  /** One cell is in the way of the Tab key; the arrows move it. @param {string} key @param {boolean} focus */
  function rove(key, focus) {
    current = key;
    for (const [each, tile] of tiles) tile.el.tabIndex = each === key ? 0 : -1;
    if (focus) tiles.get(key)?.el.focus();
  }

  listen(table, "keydown", (event) => {
    const step = STEPS[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    const row = grid.findIndex((keys) => keys.includes(current));
    let [down, across] = [row + step[0], (grid[row]?.indexOf(current) ?? 0) + step[1]];
    while (grid[down] && grid[down][across] === null) [down, across] = [down + step[0], across + step[1]];
    const next = grid[down]?.[across];
    if (next) rove(next, true);
  }, signal);
  listen(table, "focusin", ({ target }) => target.dataset.cell && rove(target.dataset.cell, false), signal);

  return {
    el,
    arrange,
    /** @param {import("./sweep.js").Factor[]} given @param {import("./sweep.js").Cell[]} all */
    set(given, all) {
      [factors, cells] = [given, all];
      const varied = factors.findLastIndex(({ levels }) => levels.length > 1);
      arrange(varied < 0 ? factors.length - 1 : varied, 0);
    },
    /** @param {import("./sweep.js").Cell} cell */
    update: (cell) => tiles.get(cell.key)?.update(cell),
    /** Gives a cell the focus, by default the one that had it last. @param {string} [key] */
    focus: (key = current) => rove(key, true),
    /** Says which cell's clip is shown whole; "" for none. @param {string} key */
    opened(key) {
      for (const [each, tile] of tiles) setAttribute(tile.el, "aria-expanded", each === key ? "true" : "false");
    },
  };
}

/**
 * @param {object} host
 * @param {import("./sweep.js").Cell} host.cell
 * @param {string} host.name
 * @param {ReturnType<typeof createPictures>} host.pictures
 * @param {AbortSignal} host.signal
 * @param {(cell: import("./sweep.js").Cell, name: string) => void} host.open
 */
function createTile({ cell, name, pictures, signal, open }) {
  let state = cell.state;
  let [drawn, inSight] = ["", false];
  let leave = () => {};
  const image = h("img", { alt: "", hidden: true });
  const heading = h("span", { class: "hh-sweep-heading" });
  const fill = h("span", { class: "hh-sweep-progress", "aria-hidden": "true" });
  const el = h("button", { type: "button", class: "hh-sweep-cell", "data-cell": cell.key, "aria-expanded": "false", tabindex: -1 }, image, heading, fill);

  async function draw() {
    const { clip, phase } = state;
    if (phase !== "ready" || !clip || !inSight || drawn === clip) return;
    const [own, stop] = child(signal);
    leave = stop;
    const url = await pictures.poster(clip, own);
    if (own.aborted || !url || state.clip !== clip) return;
    drawn = clip;
    image.src = url;
    image.hidden = false;
    heading.hidden = true;
  }

  listen(el, "click", () => open(cell, name), signal);
  return {
    el,
    /** @param {boolean} now */
    near(now) {
      inSight = now;
      if (now) void draw();
      else leave(); // what is out of sight is not asked for any more
    },
    /** @param {import("./sweep.js").Cell} next */
    update(next) {
      state = next.state;
      if (drawn && drawn !== state.clip) [drawn, image.hidden, heading.hidden] = ["", true, false];
      setAttribute(el, "data-phase", state.phase);
      setAttribute(el, "aria-label", `${name}: ${state.heading}`);
      setAttribute(el, "title", `${name}: ${state.heading}`);
      setText(heading, state.heading);
      fill.style.inlineSize = `${100 * (state.phase === "busy" ? (state.progress ?? 0) : 0)}%`;
      void draw();
    },
  };
}
