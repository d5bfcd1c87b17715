/**
 * The prompt: a plain textarea, so that undo, input methods and right-to-left text are the browser's own, over a mirror
 * of its text that colours every mention.
 */

import { h, icon, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";
import { mentions } from "./shared/mentions.js";

/**
 * @typedef {object} Problem
 * @property {string} field
 * @property {"error" | "warning"} severity
 * @property {string} message
 * @property {number} [character] The character it is about.
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
    mirror.replaceChildren(...coloured(text, form.get("tiles").length));
    setText(count, `${[...text].length.toLocaleString("en")} / ${limit().toLocaleString("en")}`);
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
  const add = (/** @type {"error" | "warning"} */ severity, /** @type {string} */ message, /** @type {number} */ character = 0) =>
    problems.push({ field: "prompt", severity, message, character });
  const length = [...text].length;
  if (!text.trim()) add("error", "Write what happens in the clip.");
  if (length > limit) add("error", `${(length - limit).toLocaleString("en")} characters too long: the model takes ${limit.toLocaleString("en")}.`);
  const named = new Set(mentions(text).map((mention) => mention.character));
  for (const character of [...named].sort((a, b) => a - b))
    if (character > images || character < 1)
      add("error", `character${character} has no image: ${images === 1 ? "there is 1" : `there are ${images || "none"}`}.`, character);
  for (let character = 1; character <= images; character += 1)
    if (text.trim() && !named.has(character))
      add("warning", `character${character} is never mentioned, so its image may not appear.`, character);
  return problems;
}

/**
 * The text with every mention marked. Text nodes and marks only, so that it breaks into lines as the textarea does.
 * @param {string} text
 * @param {number} images
 */
function coloured(text, images) {
  /** @type {Node[]} */
  const nodes = [];
  let end = 0;
  for (const mention of mentions(text)) {
    nodes.push(document.createTextNode(text.slice(end, mention.start)));
    const known = mention.character >= 1 && mention.character <= images;
    nodes.push(
      h(
        "mark",
        { class: known ? "hh-chip" : "hh-chip hh-chip-missing", "data-character": known ? mention.character : null },
        text.slice(mention.start, mention.end),
      ),
    );
    end = mention.end;
  }
  // A last line that is empty has no height without something in it.
  nodes.push(document.createTextNode(`${text.slice(end)}\u200b`));
  return nodes;
}

/** @param {Problem} problem */
function noteLine(problem) {
  const known = problem.character && problem.severity === "warning";
  const [, name, rest] = /^(character\d+)?(.*)$/s.exec(problem.message) ?? [];
  return h(
    "li",
    { class: `hh-note hh-note-${problem.severity}` },
    icon("warning"),
    h("span", { class: "hh-unseen" }, problem.severity === "error" ? "Error: " : "Warning: "),
    h(
      "span",
      {},
      name && h("span", { class: known ? "hh-mention" : "", "data-character": known ? problem.character : null }, name),
      rest,
    ),
  );
}
