/** The clips of a library: what stands above them, the list or grid of those near the view, and what is done with several. */

import { createBars, createNotice, createUndo } from "./bars.js";
import { ALL, createBrowse } from "./browse.js";
import { createChosen } from "./chosen.js";
import { createEntry } from "./entry.js";
import { createPictures } from "./pictures.js";
import { createPressing } from "./pressing.js";
import { createSelection } from "./selection.js";
import { button, h, setAttribute, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";
import { createToolbar } from "./toolbar.js";
import { createVirtual } from "./virtual.js";
import { walk } from "./walking.js";

const LAYOUT = "happyhorse:layout";
const OPEN = "open:";
const AWAY = "That clip is not in this library any more.";
/** A card has a column of its own from this width on, a poster from that one; in CSS pixels. */
const [CARD, POSTER, GAP] = [700, 190, 8];
/** How high a card's words are, as a guess for what was not measured, and the player's bar. */
const [WORDS, BAR] = [190, 48];

/**
 * @typedef {object} Host
 * @property {import("./shared/rpc.js").Model} model
 * @property {import("./shared/rpc.js").Rpc} rpc
 * @property {AbortSignal} signal
 * @property {(text: string) => void} announce
 * @property {string} [empty] What to do as long as there is no clip.
 * @property {import("./shared/card.js").Host["reuse"]} [reuse]
 * @property {import("./shared/card.js").Host["take"]} [take]
 */

/** @param {Host} host */
export function createClips({ model, rpc, signal, announce, reuse, take, empty: advice }) {
  /** @type {Map<string, import("./entry.js").Entry>} */
  const entries = new Map();
  let layout = remembered();
  let [columns, open, current, lost] = [1, "", "", false];
  /** @type {string[]} */
  let order = [];
  /** @type {Map<string, number>} */
  let places = new Map();
  let reach = "";

  const list = h("div", { class: "hh-clips-list", role: "list", "aria-label": "Clips" });
  const said = h("span");
  const clear = button("Clear the search and the filters");
  const empty = h("div", { class: "hh-quiet hh-clips-empty" }, said, clear);
  const toolbar = createToolbar({ signal, search, arrange });
  const panel = h("div", { class: "hh-clips-panel" });
  const element = h("div", { class: "hh-clips" }, toolbar.el, panel, list, empty);
  const bars = createBars(element, signal);
  panel.before(bars.el);

  const pictures = createPictures({ rpc, signal });
  const browse = createBrowse({ model, rpc, signal, listed, told });
  const selection = createSelection(picked, () => order.filter((id) => browse.state(id)?.kept !== false));
  const undo = createUndo(bars, signal, restore);
  const notice = createNotice(bars, signal, announce);
  const chosen = createChosen({ rpc, signal, bars, panel, selection, browse, remove, notice, closed: (id) => void go(id) });
  const deeds = { rpc, reuse, take, show, compare: chosen.compare, remove, tags: () => browse.about.tags };
  const virtual = createVirtual({ list, signal, make, drop, estimate, moved });
  browse.onRenamed(renamed);

  /** @param {string} key */
  function make(key) {
    const id = key.startsWith(OPEN) ? key.slice(OPEN.length) : key;
    const small = layout === "grid" && key === id;
    const entry = createEntry({ id, small, ratio: browse.ratio(id), pictures, host: deeds, signal, pick, open: toggleOpen });
    entries.set(key, entry);
    const state = browse.state(id);
    if (state) entry.update(state);
    if (lost) entry.lose(true);
    entry.el.dataset.key = key;
    mark(key);
    return entry.el;
  }

  /** @param {string} key @param {HTMLElement} el */
  function drop(key, el) {
    entries.get(key)?.end();
    entries.delete(key);
    el.remove();
  }

  /** @param {string} key */
  function mark(key) {
    const id = key.replace(OPEN, "");
    const entry = entries.get(key);
    entry?.mark(selection.has(id), places.get(id) ?? 0, order.length, key === (current || order[0]));
    entry?.opened(id === open);
  }

  function picked() {
    selection.keep();
    for (const key of entries.keys()) mark(key);
    element.classList.toggle("hh-picking", selection.size > 0);
    chosen.update();
  }

  function moved(/** @type {string[]} */ near) {
    browse.near(near.map((key) => key.replace(OPEN, "")));
  }

  /** @param {string} press @param {string} id */
  function renamed(press, id) {
    const entry = entries.get(press);
    virtual.rename(press, id);
    if (current === press) current = id;
    if (!entry) return;
    entries.delete(press);
    entries.set(id, entry);
    entry.el.dataset.key = id;
    entry.become(id);
  }

  /** @param {import("./browse.js").State} state */
  function told(state) {
    for (const key of [state.id, OPEN + state.id]) {
      const entry = entries.get(key);
      if (!entry) continue;
      entry.update(state);
      mark(key);
    }
    chosen.update();
  }

  function listed() {
    order = browse.order();
    places = new Map(order.map((id, index) => [id, index]));
    if (!places.has(open)) open = "";
    if (!places.has(current)) current = "";
    lay();
    picked();
    draw();
    if (reach && places.has(reach)) void go(reach);
    else if (reach && !browse.about.searching) notice.say(AWAY);
    if (!browse.about.searching) reach = "";
  }

  function draw() {
    const { about, query } = browse;
    toolbar.update(query, about, order.length);
    toolbar.el.hidden = about.all && !about.total && !order.length;
    setAttribute(list, "aria-busy", about.searching ? "true" : null);
    empty.hidden = order.length > 0;
    clear.hidden = about.all;
    const none = about.searching ? "Looking …" : "No clip matches.";
    setText(said, about.problem || (about.all ? (about.searching ? none : (advice ?? "Your clips appear here, newest first, and stay in this folder.")) : none));
  }

  /** Gives the list its columns and its places. */
  function lay() {
    const width = list.clientWidth || 760;
    const least = layout === "grid" ? POSTER : CARD;
    columns = Math.max(layout === "grid" ? 2 : 1, Math.min(layout === "grid" ? 8 : 2, Math.floor((width + GAP) / (least + GAP))));
    list.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
    /** @type {import("./virtual.js").Slot[]} */
    const slots = order.map((key) => ({ key }));
    const at = places.get(open);
    // The whole card stands below the row of its poster.
    if (at !== undefined) slots.splice(Math.min(slots.length, at - (at % columns) + columns), 0, { key: OPEN + open, wide: true });
    virtual.set(slots, columns);
  }

  /** @param {string} key */
  function estimate(key) {
    const width = (list.clientWidth - GAP * (columns - 1)) / columns;
    if (layout === "grid" && !key.startsWith(OPEN)) return (width * 9) / 16 + 64;
    const [across, down] = browse.ratio(key.replace(OPEN, "")).split(":").map(Number);
    const inner = (key.startsWith(OPEN) ? list.clientWidth : width) - 18;
    const most = key.startsWith(OPEN) ? 360 : 240; // as clips.css has it
    const stage = Math.min(inner, 560, Math.max(240, (most * across) / down));
    const high = stage / Math.max(240 / most, across / down) + BAR;
    return 18 + (inner - stage >= 252 ? Math.max(high, WORDS) : high + 12 + WORDS);
  }

  /** @param {Partial<import("./browse.js").Query>} changes */
  function search(changes) {
    browse.search(changes);
    draw();
  }

  /** @param {"list" | "grid"} next */
  function arrange(next) {
    [layout, open] = [next, ""];
    try {
      localStorage.setItem(LAYOUT, next);
    } catch {
      // A frame without storage forgets it.
    }
    element.dataset.layout = layout;
    toolbar.shape(layout);
    virtual.set([], columns);
    lay();
  }

  /** @param {string} id */
  function toggleOpen(id) {
    const closing = open === id;
    [open, current] = [closing ? "" : id, id];
    lay();
    picked();
    if (!closing) virtual.reveal(OPEN + id);
    entries.get(closing ? id : OPEN + id)?.focusable?.focus({ preventScroll: true });
  }

  /** @param {string} id @param {MouseEvent} event */
  function pick(id, event) {
    notice.hide();
    if (event.shiftKey) selection.range(id);
    else selection.toggle(id);
  }

  /** Brings a clip into view, and gives it the focus. @param {string} id @param {ScrollLogicalPosition} [block] */
  function go(id, block = "center") {
    current = id;
    virtual.reveal(id, block);
    for (const key of entries.keys()) mark(key);
    entries.get(id)?.focusable?.focus({ preventScroll: true });
  }

  /** @param {string} id */
  async function show(id) {
    notice.hide();
    if (places.has(id)) return go(id);
    try {
      // What cannot be shown is no reason to clear what somebody has searched.
      if (!(await browse.states([id])).length) return notice.say(AWAY);
      reach = id;
      search({ ...ALL });
    } catch (error) {
      if (!signal.aborted) notice.say(/** @type {Error} */ (error).message);
    }
  }

  /** @param {string[]} ids */
  async function remove(ids) {
    notice.hide();
    const next = order.slice((places.get(ids[0]) ?? 0) + 1).find((id) => !ids.includes(id));
    browse.remove(ids);
    for (const id of ids) selection.toggle(id, false);
    if (next && list.contains(document.activeElement) === false) go(next, "nearest");
    try {
      const { content } = await rpc.request(KIND.CLIPS_DELETE, { clips: ids }, { signal });
      const kept = ids.filter((id) => !content.done.includes(id));
      if (kept.length) browse.bringBack(kept);
      if (content.problems.length) notice.say(content.problems.join(" "));
      undo.offer(content.done);
    } catch (error) {
      if (signal.aborted) return;
      browse.bringBack(ids);
      notice.say(/** @type {Error} */ (error).message);
    }
  }

  /** @param {string[]} ids */
  async function restore(ids) {
    notice.hide();
    try {
      const { content } = await rpc.request(KIND.CLIPS_DELETE, { clips: ids, back: true }, { signal });
      if (content.done.length) browse.bringBack(content.done);
      if (content.problems.length) notice.say(content.problems.join(" "));
      undo.offer(ids.filter((id) => !content.done.includes(id)));
    } catch (error) {
      if (signal.aborted) return;
      notice.say(/** @type {Error} */ (error).message);
      undo.offer(ids);
    }
  }

  walk(list, {
    signal,
    selection,
    order: () => order,
    columns: () => columns,
    grid: () => layout === "grid",
    go: (id) => go(id, "nearest"),
    leave: () => toolbar.focus(),
    close: () => open && (toggleOpen(open), true),
    remove,
    pick,
  });
  listen(clear, "click", () => search({ ...ALL }), signal);
  listen(list, "focusin", ({ target }) => {
    const key = target.closest(".hh-clips-item")?.dataset.key?.replace(OPEN, "");
    if (!key || key === current) return;
    current = key;
    for (const each of entries.keys()) mark(each);
  }, signal);
  rpc.onLost((now) => {
    lost = now;
    for (const entry of entries.values()) entry.lose(now);
  });
  const widths = new ResizeObserver(() => {
    const before = columns;
    const width = list.clientWidth;
    const least = layout === "grid" ? POSTER : CARD;
    if (width && Math.floor((width + GAP) / (least + GAP)) !== before) lay();
  });
  widths.observe(list);
  signal.addEventListener("abort", () => widths.disconnect());
  element.dataset.layout = layout;
  toolbar.shape(layout);
  listed();

  return { element, press: createPressing({ rpc, browse, signal }), show };
}

/** @returns {"list" | "grid"} */
function remembered() {
  try {
    return localStorage.getItem(LAYOUT) === "grid" ? "grid" : "list";
  } catch {
    return "list";
  }
}
