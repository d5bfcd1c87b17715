/** A person's own marks on a clip: tags and a note, shown and changed in place. */

import { button, h, icon, setText } from "./dom.js";
import { listen } from "./lifetime.js";

/**
 * @param {object} host
 * @param {AbortSignal} host.signal
 * @param {(marks: {tags?: string[], notes?: string}) => Promise<void>} host.mark Keeps them; rejects with a sentence.
 * @param {() => string[]} [host.tags] The tags that are in use, to choose from.
 */
export function createMarks({ signal, mark, tags: known = () => [] }) {
  /** @type {{tags: string[], notes: string}} */
  let now = { tags: [], notes: "" };
  let adding = false;
  let writing = false;
  let drawn = "";

  const chips = h("ul", { class: "hh-marks-tags", "aria-label": "Tags" });
  const choices = h("datalist", { id: `hh-${Math.random().toString(36).slice(2)}` });
  const field = h("input", { class: "hh-marks-tag-field", type: "text", maxlength: 60, "aria-label": "Add a tag", placeholder: "tag", list: choices.id, dir: "auto" });
  const adder = h("span", { class: "hh-marks-adder" }, field, choices);
  const row = h("div", { class: "hh-marks-row" }, chips, adder);
  const note = h("button", { type: "button", class: "hh-marks-note", title: "Change the note", dir: "auto" });
  const area = h("textarea", { class: "hh-marks-area", rows: 3, maxlength: 5000, "aria-label": "Note", dir: "auto" });
  const el = h("div", { class: "hh-marks" }, row, note, area);

  function show() {
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
    listen(away, "click", () => keep({ tags: now.tags.filter((each) => each !== tag) }), signal);
    return h("li", { class: "hh-marks-tag" }, icon("tag"), h("span", { dir: "auto" }, tag), away);
  }

  /** @param {{tags?: string[], notes?: string}} marks */
  function keep(marks) {
    const before = now;
    now = { ...now, ...marks };
    show();
    mark(marks).catch(() => {
      now = before;
      show();
    });
  }

  function add() {
    const fresh = field.value.split(",").map((tag) => tag.trim().replace(/\s+/g, " ")).filter((tag) => tag && !now.tags.includes(tag));
    field.value = "";
    if (fresh.length) keep({ tags: [...now.tags, ...new Set(fresh)] });
  }

  /** @param {boolean} stay Whether what was written is kept. */
  function wrote(stay) {
    if (!writing) return;
    writing = false;
    const text = area.value.trim();
    if (stay && text !== now.notes) keep({ notes: text });
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
    /** @param {{tags: string[], notes: string}} state */
    update(state) {
      now = { tags: state.tags, notes: state.notes };
      show();
    },
  };
}
