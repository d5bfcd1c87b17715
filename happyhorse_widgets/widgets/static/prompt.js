/**
 * The prompt: a plain textarea, so that undo, input methods and right-to-left text are the browser's own, over a mirror
 * of its text that colours every mention.
 */

import { h, icon, setAttribute, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";
import { marked, mentions } from "./shared/mentions.js";

/**
 * @typedef {object} Problem
 * @property {string} field
 * @property {"error" | "warning"} severity
 * @property {string} message
 */

/**
 * @param {object} host
 * @param {import("./form.js").Form} host.form
 * @param {AbortSignal} host.signal
 * @param {() => void} host.submit Ctrl or Cmd + Enter.
 * @param {() => number} host.limit The longest prompt that the model takes.
 */
export function createPrompt({ form, signal, submit, limit }) {
  const id = `hh-${Math.random().toString(36).slice(2)}`;
  const mirror = h("div", { class: "hh-prompt-mirror", dir: "auto", "aria-hidden": "true" });
  const area = h("textarea", {
    class: "hh-prompt-text",
    dir: "auto",
    rows: 3,
    spellcheck: "true",
    "aria-label": "Prompt",
    "aria-describedby": `${id}-notes ${id}-count`,
    placeholder: "character1 walks towards character2 in the rain …",
  });
  const notes = h("ul", { class: "hh-notes", id: `${id}-notes`, role: "status" });
  const count = h("span", { class: "hh-count hh-number hh-quiet", id: `${id}-count` });
  const hint = h("span", { class: "hh-quiet hh-prompt-hint" }, `${/mac/i.test(navigator.platform) ? "⌘" : "Ctrl"} + Enter generates`);
  const element = h(
    "div",
    { class: "hh-prompt" },
    h("div", { class: "hh-prompt-editor" }, mirror, area),
    h("div", { class: "hh-prompt-below" }, notes, h("div", { class: "hh-prompt-aside" }, hint, count)),
  );

  const problems = () => lint(area.value, form.get("tiles").length, limit());

  function draw() {
    const text = area.value;
    reflect(mirror, text, form.get("tiles").length);
    setText(count, `${figure([...text].length)} / ${figure(limit())}`);
    // An empty prompt is no mistake until Generate is pressed.
    const found = text.trim() ? problems() : [];
    const lines = found.map((problem) => problem.message).join("\n");
    if (notes.dataset.lines !== lines) notes.replaceChildren(...found.map(noteLine));
    notes.dataset.lines = lines;
  }

  listen(area, "input", () => {
    form.set("prompt", area.value);
    draw();
  }, signal);
  listen(area, "keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || event.isComposing) return;
    event.preventDefault();
    submit();
  }, signal);
  form.follow("prompt", (value) => {
    if (area.value === value) return;
    const { selectionStart, selectionEnd } = area;
    area.value = value;
    area.setSelectionRange(Math.min(selectionStart, value.length), Math.min(selectionEnd, value.length));
    draw();
  });
  form.follow("tiles", draw);

  return {
    element,
    problems,
    draw,
    focus: () => area.focus(),
    /** Puts a mention where the caret is. @param {number} character */
    mention(character) {
      area.focus();
      const before = area.value.slice(0, area.selectionStart);
      const after = area.value.slice(area.selectionEnd);
      const text = `${/\S$/.test(before) ? " " : ""}character${character}${/^[^\s.,;:!?]/.test(after) ? " " : ""}`;
      // Deprecated, and the only way that keeps the browser's undo.
      if (!document.execCommand("insertText", false, text)) {
        area.setRangeText(text, area.selectionStart, area.selectionEnd, "end");
        area.dispatchEvent(new Event("input", { bubbles: true }));
      }
    },
  };
}

/**
 * What is wrong with a prompt, and what is only advised against.
 * @param {string} text
 * @param {number} images
 * @param {number} limit
 * @returns {Problem[]}
 */
function lint(text, images, limit) {
  /** @type {Problem[]} */
  const problems = [];
  const add = (/** @type {Problem["severity"]} */ severity, /** @type {string} */ message) =>
    problems.push({ field: "prompt", severity, message });
  const length = [...text].length;
  if (!text.trim()) add("error", "Write what happens in the clip.");
  if (length > limit) add("error", `${figure(length - limit)} characters too long: the model takes ${figure(limit)}.`);
  const named = new Set(mentions(text).map((mention) => mention.character));
  for (const character of [...named].sort((a, b) => a - b))
    if (character > images || character < 1)
      add("error", `character${character} has no image: ${images === 1 ? "there is 1" : `there are ${images || "none"}`}.`);
  const missing = Array.from({ length: images }, (_, index) => index + 1).filter((character) => !named.has(character));
  const names = missing.map((character) => `character${character}`);
  if (text.trim() && names.length === 1) add("warning", `${names[0]} is never mentioned, so its image may not appear.`);
  else if (text.trim() && names.length)
    add("warning", `${names.slice(0, -1).join(", ")} and ${names.at(-1)} are never mentioned, so their images may not appear.`);
  return problems;
}

/**
 * Writes the text into the mirror, every mention in a mark: text, mark, text, mark … text. Nodes are changed and added
 * but never removed, which would end what Undo takes back as one; those that are left over stay empty.
 * @param {HTMLElement} mirror
 * @param {string} text
 * @param {number} images
 */
function reflect(mirror, text, images) {
  const found = mentions(text);
  while (mirror.childNodes.length < 2 * found.length + 1)
    mirror.append(...(mirror.hasChildNodes() ? [h("mark", {}, "\u200b")] : []), document.createTextNode(""));
  let end = 0;
  [...mirror.childNodes].forEach((node, index) => {
    const mention = found[index >> 1];
    if (node instanceof Text) {
      // A last line that is empty has no height without something in it.
      const piece = text.slice(end, mention?.start) + (mention || end > text.length ? "" : "\u200b");
      if (node.data !== piece) node.data = piece;
      end = mention ? mention.start : Infinity;
    } else {
      const mark = /** @type {HTMLElement} */ (node);
      const known = mention && mention.character >= 1 && mention.character <= images;
      setText(mark, mention ? text.slice(mention.start, mention.end) : "");
      mark.className = !mention ? "" : known ? "hh-chip" : "hh-chip hh-chip-missing";
      setAttribute(mark, "data-character", known ? mention.character : null);
      if (mention) end = mention.end;
    }
  });
}

/** @param {number} number */
function figure(number) {
  return number.toLocaleString("en");
}

/** @param {Problem} problem */
function noteLine({ severity, message }) {
  return h(
    "li",
    { class: `hh-note hh-note-${severity}` },
    icon("warning"),
    h("span", { class: "hh-unseen" }, severity === "error" ? "Error: " : "Warning: "),
    h("span", {}, ...marked(message)),
  );
}
