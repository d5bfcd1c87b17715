/**
 * The prompt: a plain textarea, so that undo, input methods and right-to-left text are the browser's own, over a mirror
 * of its text that colours every mention.
 */

import { ownNames } from "./arrange.js";
import { createAssist } from "./assist.js";
import { createCompletion } from "./complete.js";
import { figure, lint, wireLength } from "./lint.js";
import { createMirror } from "./mirror.js";
import { h, icon, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";
import { joined, marked, mentions, spaced } from "./shared/mentions.js";

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Model} host.model
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {import("./form.js").Form} host.form
 * @param {AbortSignal} host.signal
 * @param {(text: string) => void} host.announce
 * @param {() => import("./complete.js").Character[]} host.characters The images that can be mentioned.
 * @param {() => void} host.submit Ctrl or Cmd + Enter.
 * @param {() => number} host.limit The longest prompt that the model takes.
 */
export function createPrompt(host) {
  const { form, signal, submit, limit } = host;
  const id = `hh-${Math.random().toString(36).slice(2)}`;
  const mirror = createMirror();
  const area = h("textarea", {
    class: "hh-prompt-text",
    dir: "auto",
    rows: 3,
    spellcheck: "true",
    "aria-label": "Prompt",
    "aria-describedby": `${id}-notes ${id}-count`,
    placeholder: "character1 walks towards character2 in the rain …",
  });
  const notes = h("ul", { class: "hh-notes", id: `${id}-notes`, "aria-live": "polite" });
  const count = h("span", { class: "hh-count hh-number hh-quiet", id: `${id}-count` });
  const keys = /mac/i.test(navigator.platform) ? "⌘" : "Ctrl";
  const hint = h("span", { class: "hh-quiet hh-prompt-hint" }, `@ names an image, ${keys} + Enter generates`);
  const completion = createCompletion({ ...host, area, place: mirror.place, write });
  const assist = createAssist({ ...host, text: () => area.value, write: (text) => write(0, area.value.length, text) });
  const element = h(
    "div",
    { class: "hh-prompt" },
    h("div", { class: "hh-prompt-editor" }, mirror.element, area, completion.element),
    h("div", { class: "hh-prompt-below" }, notes, h("div", { class: "hh-prompt-aside" }, hint, count)),
    assist.element,
  );

  const names = () => ownNames({ tiles: form.get("tiles"), aliases: form.get("aliases") ?? {} });
  const problems = () => lint(area.value, mentions(area.value, names()), names(), limit());

  function draw() {
    const [text, own] = [area.value, names()];
    const found = mentions(text, own);
    mirror.reflect(text, found, own.length);
    setText(count, `${figure(wireLength(text, found))} / ${figure(limit())}`);
    // An empty prompt is no mistake until Generate is pressed.
    const said = text.trim() ? lint(text, found, own, limit()) : [];
    const lines = said.map((problem) => problem.message).join("\n");
    if (notes.dataset.lines !== lines) notes.replaceChildren(...said.map(noteLine));
    notes.dataset.lines = lines;
  }

  /**
   * Writes into the field as typing does, so that the browser's undo takes it back.
   * @param {number} start
   * @param {number} end
   * @param {string} text
   */
  function write(start, end, text) {
    area.focus({ preventScroll: true });
    area.setSelectionRange(start, end);
    // Deprecated, and the only way that keeps the browser's undo.
    if (document.execCommand("insertText", false, text)) return;
    area.setRangeText(text, start, end, "end");
    area.dispatchEvent(new Event("input", { bubbles: true }));
  }

  listen(area, "input", (event) => {
    form.set("prompt", area.value);
    draw();
    if (!event.isComposing) completion.refresh();
  }, signal);
  listen(area, "keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    submit();
  }, signal);
  form.follow("prompt", (value) => {
    if (area.value === value) return;
    const moved = (/** @type {number} */ caret) => (caret <= sameLetters(area.value, value) ? caret : Math.max(0, caret + value.length - area.value.length));
    const [start, end] = [moved(area.selectionStart), moved(area.selectionEnd)];
    area.value = value;
    area.setSelectionRange(start, end);
    draw();
  });
  form.follow("tiles", draw);
  form.follow("aliases", draw);

  return {
    element,
    problems,
    draw,
    focus: () => area.focus(),
    /** Puts a mention where the caret is. @param {number} character */
    mention(character) {
      const { selectionStart: start, selectionEnd: end } = area;
      const name = names()[character - 1] || `character${character}`;
      const before = area.value.slice(0, start);
      const text = before + name + area.value.slice(end);
      const apart = joined(text, start) || /[.,;:!?)]$/.test(before) || (spaced(before.slice(-1)) && !spaced(name[0]));
      write(start, end, `${apart ? " " : ""}${name}${joined(text, start + name.length) ? " " : ""}`);
    },
  };
}

/** How many letters two texts begin with that are the same. @param {string} a @param {string} b */
function sameLetters(a, b) {
  let count = 0;
  while (count < a.length && a[count] === b[count]) count += 1;
  return count;
}

/** @param {import("./lint.js").Problem} problem */
function noteLine({ severity, message }) {
  return h(
    "li",
    { class: `hh-note hh-note-${severity}` },
    icon("warning"),
    h("span", { class: "hh-unseen" }, severity === "error" ? "Error: " : "Warning: "),
    h("span", {}, ...marked(message)),
  );
}
