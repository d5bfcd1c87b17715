/** What stands above the clips: the search, the filters, the order, and list or grid. */

import { ALL } from "./browse.js";
import { button, h, icon, setAttribute, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";

/** How long nobody must type before it is searched, in milliseconds. */
const PAUSE = 250;

const PHASES = [["", "Any state"], ["ready", "Ready"], ["busy", "On the way"], ["asking", "Needs a look"], ["failed", "Failed"], ["stopped", "Withdrawn"]];
const ORDERS = [["newest", "Newest first"], ["oldest", "Oldest first"], ["longest", "Longest first"], ["dearest", "Dearest first"]];

/**
 * @param {object} host
 * @param {AbortSignal} host.signal
 * @param {(changes: Partial<import("./browse.js").Query>) => void} host.search
 * @param {(layout: "list" | "grid") => void} host.arrange
 */
export function createToolbar({ signal, search, arrange }) {
  let pause = 0;
  let layout = "list";
  const field = h("input", { class: "hh-toolbar-search", type: "search", "aria-label": "Search in prompts, notes and tags", placeholder: "Search", dir: "auto", spellcheck: "false" });
  const phase = choice("State", PHASES, (value) => search({ phase: value }));
  const tag = choice("Tag", [["", "Any tag"]], (value) => search({ tag: value }));
  const model = choice("Model", [["", "Any model"]], (value) => search({ model: value }));
  const order = choice("Order", ORDERS, (value) => search({ order: value }));
  const favourite = button("Only favourites", { icon: "star", quiet: true });
  const shape = button("Show as a grid", { icon: "grid", quiet: true });
  const clear = button("Clear", { icon: "cross", title: "Clear the search and the filters" });
  const count = h("span", { class: "hh-toolbar-count hh-quiet hh-number", role: "status" });
  favourite.classList.add("hh-card-star");
  const el = h(
    "div",
    { class: "hh-toolbar", role: "search", "aria-label": "Clips" },
    h("span", { class: "hh-toolbar-field" }, icon("search"), field),
    favourite, phase.el, tag.el, model.el, order.el, clear, count, shape,
  );

  /** @param {string} name @param {string[][]} options @param {(value: string) => void} chosen */
  function choice(name, options, chosen) {
    const select = h("select", { class: "hh-toolbar-choice", "aria-label": name });
    let drawn = "";
    listen(select, "change", () => chosen(select.value), signal);
    /** @param {string[][]} given @param {string} value */
    function show(given, value) {
      if (drawn !== JSON.stringify(given)) select.replaceChildren(...given.map(([id, text]) => h("option", { value: id }, text)));
      drawn = JSON.stringify(given);
      select.value = value;
      select.classList.toggle("hh-toolbar-set", Boolean(value) && value !== ALL.order);
    }
    show(options, options[0][0]);
    return { el: select, show };
  }

  function typed() {
    clearTimeout(pause);
    search({ text: field.value.trim() });
  }
  listen(field, "input", (event) => {
    clearTimeout(pause);
    if (!event.isComposing) pause = window.setTimeout(typed, PAUSE);
  }, signal);
  listen(field, "compositionend", typed, signal);
  listen(field, "keydown", (event) => {
    if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
    event.stopPropagation();
    if (event.key === "Escape") field.value = "";
    typed();
  }, signal);
  listen(favourite, "click", () => search({ favourite: favourite.getAttribute("aria-pressed") !== "true" }), signal);
  listen(clear, "click", () => {
    field.value = "";
    search({ ...ALL });
    field.focus();
  }, signal);
  listen(shape, "click", () => arrange(layout === "list" ? "grid" : "list"), signal);
  signal.addEventListener("abort", () => clearTimeout(pause));

  return {
    el,
    focus: () => field.focus(),
    /**
     * @param {import("./browse.js").Query} query
     * @param {{total: number, tags: string[], models: {id: string, label: string}[], all: boolean, problem: string}} about
     * @param {number} shown
     */
    update(query, about, shown) {
      if (document.activeElement !== field && field.value.trim() !== query.text) field.value = query.text;
      phase.show(PHASES, query.phase);
      order.show(ORDERS, query.order);
      tag.show([["", "Any tag"], ...among(about.tags, query.tag).map((each) => [each, each])], query.tag);
      model.show([["", "Any model"], ...about.models.map(({ id, label }) => [id, label])], query.model);
      tag.el.hidden = !about.tags.length && !query.tag;
      model.el.hidden = about.models.length < 2 && !query.model;
      setAttribute(favourite, "aria-pressed", query.favourite ? "true" : "false");
      clear.hidden = about.all;
      const all = about.total.toLocaleString("en");
      setText(count, about.problem || (about.all ? `${all} ${about.total === 1 ? "clip" : "clips"}` : `${shown.toLocaleString("en")} of ${all}`));
    },
    /** @param {"list" | "grid"} now */
    shape(now) {
      layout = now;
      const name = now === "list" ? "Show as a grid" : "Show as a list";
      setAttribute(shape, "aria-label", name);
      shape.title = name;
      shape.replaceChildren(icon(now === "list" ? "grid" : "list"));
    },
  };
}

/** The values, with the chosen one among them. @param {string[]} values @param {string} chosen */
function among(values, chosen) {
  return !chosen || values.includes(chosen) ? values : [...values, chosen];
}
