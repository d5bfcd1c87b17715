/** A person's own marks on a clip: tags and a note, shown and changed in place. */

import { button, h, icon, setText } from "./dom.js";
import { listen } from "./lifetime.js";

/** @typedef {{add?: string[], remove?: string[], notes?: string}} Change What the kernel is asked to write down. */

/**
 * @param {object} host
 * @param {AbortSignal} host.signal
 * @param {(change: Change) => Promise<void>} host.mark Keeps it; rejects with a sentence.
 * @param {() => string[]} [host.tags] The tags that are in use, to choose from.
 */
export function createMarks({ signal, mark, tags: known = () => [] }) {
  /** @type {{tags: string[], notes: string}} */
  let told = { tags: [], notes: "" };
  /** @type {Change[]} What was asked for and not answered yet: shown at once, whatever else is told meanwhile. */
  let asked = [];
  let now = told;
  let adding = false;
  let writing = false;
  let drawn = "";
  let clip = "";

  const chips = h("ul", { class: "hh-marks-tags", "aria-label": "Tags" });
  const choices = h("datalist", { id: `hh-${Math.random().toString(36).slice(2)}` });
  const field = h("input", { class: "hh-marks-tag-field", type: "text", maxlength: 60, "aria-label": "Add a tag", placeholder: "tag", list: choices.id, dir: "auto" });
  const adder = h("span", { class: "hh-marks-adder" }, field, choices);
  const row = h("div", { class: "hh-marks-row" }, chips, adder);
  const note = h("button", { type: "button", class: "hh-marks-note", title: "Change the note", dir: "auto" });
  const area = h("textarea", { class: "hh-marks-area", rows: 3, maxlength: 5000, "aria-label": "Note", dir: "auto" });
  const el = h("div", { class: "hh-marks" }, row, note, area);

  function show() {
    now = asked.reduce(changed, told);
    row.hidden = !now.tags.length && !adding;
    adder.hidden = !adding;
    note.hidden = !now.notes || writing;
    area.hidden = !writing;
    el.hidden = row.hidden && note.hidden && area.hidden;
    setText(note, now.notes);
    if (drawn === now.tags.join("\n")) return;
    drawn = now.tags.join("\n");
    const focused = chips.contains(document.activeElement);
    chips.replaceChildren(...now.tags.map(chip));
    if (focused) (chips.querySelector("button") ?? note).focus();
  }

  /** @param {string} tag */
  function chip(tag) {
    const away = button(`Remove the tag ${tag}`, { icon: "cross", quiet: true });
    listen(away, "click", () => keep({ remove: [tag] }), signal);
    return h("li", { class: "hh-marks-tag" }, icon("tag"), h("span", { dir: "auto" }, tag), away);
  }

  /** @param {Change} change */
  async function keep(change) {
    const whose = clip;
    asked.push(change);
    show();
    try {
      await mark(change);
    } catch {
      if (whose === clip) giveBack(change);
    }
    asked = asked.filter((each) => each !== change);
    show();
  }

  /** What was typed stands in its field again; the card says why. @param {Change} change */
  function giveBack({ add: tags, notes }) {
    if (notes !== undefined && !writing) {
      writing = true;
      area.value = notes;
    }
    if (tags && !field.value) {
      adding = true;
      field.value = tags.join(", ");
    }
  }

  function add() {
    const fresh = field.value.split(",").map((tag) => tag.trim().replace(/\s+/g, " ")).filter((tag) => tag && !now.tags.includes(tag));
    field.value = "";
    if (fresh.length) void keep({ add: [...new Set(fresh)] });
  }

  /** @param {boolean} stay Whether what was written is kept. */
  function wrote(stay) {
    if (!writing) return;
    writing = false;
    const text = area.value.trim();
    if (stay && text !== now.notes) void keep({ notes: text });
    else show();
  }

  listen(field, "keydown", (event) => {
    if (event.isComposing || !["Enter", "Escape", ","].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key === "Escape") field.value = "";
    else add();
    if (event.key === "Escape") leave();
  }, signal);
  listen(field, "change", add, signal);
  listen(field, "blur", () => {
    adding = false;
    show();
  }, signal);
  listen(note, "click", () => write(), signal);
  listen(area, "blur", () => wrote(true), signal);
  listen(area, "keydown", (event) => {
    const done = event.key === "Enter" && (event.ctrlKey || event.metaKey);
    if (event.isComposing || (event.key !== "Escape" && !done)) return;
    event.preventDefault();
    event.stopPropagation();
    wrote(done);
    leave();
  }, signal);

  /** The focus goes to the clip that these marks are on. */
  function leave() {
    /** @type {HTMLElement | null} */ (el.closest("[tabindex]") ?? (note.hidden ? null : note))?.focus();
  }

  function write() {
    writing = true;
    area.value = now.notes;
    show();
    area.focus();
  }

  return {
    el,
    write,
    /** Opens the field for a new tag. */
    tag() {
      choices.replaceChildren(...known().map((tag) => h("option", { value: tag })));
      adding = true;
      show();
      field.focus();
    },
    /** @param {{id: string, tags: string[], notes: string}} state */
    update(state) {
      if (state.id !== clip) asked = []; // of another clip
      clip = state.id;
      told = { tags: state.tags, notes: state.notes };
      show();
    },
  };
}

/** @param {{tags: string[], notes: string}} marks @param {Change} change */
function changed({ tags, notes }, { add = [], remove = [], notes: written = notes }) {
  return { tags: [...new Set([...tags.filter((tag) => !remove.includes(tag)), ...add])], notes: written };
}
