/**
 * Where a prompt names its subjects: character1 … character9, or a person's own names for them.
 *
 * `engine/aliases.py` and `checks.py` have the same rules; tests/mentions.json holds both to them.
 */

import { h } from "./dom.js";

// In any case, with ASCII boundaries so that it may touch Chinese text, and what no image can have (character0, character12) too.
const NUMBERED = /\bcharacter([0-9]+)\b/gi;
/** What stands in a prompt for an image that was removed. */
const REMOVED = /⟨removed: ([^⟨⟩\n]*)⟩/g;

// Scripts that are written without spaces, or with particles joined to a name: nothing there marks where a name ends.
const UNSPACED =
  /[\u0e00-\u0eff\u1000-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\u{1aff0}-\u{1b16f}\u{20000}-\u{3ffff}]/u;
const LETTER = /[\p{L}\p{N}\p{M}_]/u;
const JOINS = /[\p{M}\u200d]/u;

const LONGEST_NAME = 40;

/**
 * @typedef {object} Mention
 * @property {number} start
 * @property {number} end
 * @property {number} character 0 where no image can have it: a number that begins with a 0, an image that was removed.
 * @property {string} name The own name that was written, or "".
 * @property {string} removed What the image that was removed was called, or "".
 */

/**
 * Every mention, in order. `names` are the own names of the images, "" where there is none; the longest is found first.
 * @param {string} text
 * @param {readonly string[]} [names]
 * @returns {Mention[]}
 */
export function mentions(text, names = []) {
  /** @type {Mention[]} */
  const found = [];
  const taken = new Uint8Array(text.length);
  const take = (/** @type {number} */ start, /** @type {number} */ end, /** @type {Partial<Mention>} */ more) => {
    if (taken.subarray(start, end).includes(1)) return;
    taken.fill(1, start, end);
    found.push({ start, end, character: 0, name: "", removed: "", ...more });
  };
  for (const match of text.matchAll(REMOVED)) take(match.index, match.index + match[0].length, { removed: match[1] || "an image" });
  for (const match of text.matchAll(NUMBERED)) {
    const character = match[1].startsWith("0") ? 0 : Number(match[1]);
    take(match.index, match.index + match[0].length, { character });
  }
  usable(names)
    .map((name, index) => ({ name, character: index + 1 }))
    .filter(({ name }) => name)
    .sort((a, b) => [...b.name].length - [...a.name].length || a.character - b.character)
    .forEach(({ name, character }) => {
      for (const form of new Set([name, name.normalize("NFC"), name.normalize("NFD")]))
        for (const start of places(text, form)) take(start, start + form.length, { character, name });
    });
  return found.sort((a, b) => a.start - b.start);
}

/** Where `name` stands as a name, and not within a longer word. @param {string} text @param {string} name */
function* places(text, name) {
  for (let start = text.indexOf(name); start >= 0; start = text.indexOf(name, start + 1))
    if (!joined(text, start) && !joined(text, start + name.length)) yield start;
}

/**
 * Whether what stands before `index` and what stands after it belong to one word.
 * @param {string} text
 * @param {number} index
 */
export function joined(text, index) {
  const after = text.slice(index, index + 2).match(/^./su)?.[0] ?? "";
  const before = text.slice(Math.max(0, index - 2), index).match(/.$/su)?.[0] ?? "";
  if (!before || !after) return false;
  if (JOINS.test(after) || before === "\u200d") return true;
  return spaced(before) && spaced(after);
}

/** Whether this is part of a word in a script that puts spaces between them. @param {string} character */
export function spaced(character) {
  return LETTER.test(character) && !UNSPACED.test(character);
}

/**
 * An own name as it is kept: without spaces around it, and one where there were several.
 * @param {string} typed
 */
export function tidyName(typed) {
  return typed.trim().replace(/\s+/gu, " ");
}

/**
 * What is wrong with an own name, in words, or "".
 * @param {string} name
 * @param {readonly string[]} others The other images' names.
 */
export function nameProblem(name, others) {
  if (!/[\p{L}\p{N}\p{So}]/u.test(name)) return "An own name needs at least one letter.";
  if (name.search(NUMBERED) >= 0) return `An own name cannot contain ${name.match(NUMBERED)?.[0]}: that is how the model counts the images.`;
  if (/[@⟨⟩\n\r]/u.test(name)) return "An own name is one line without @, ⟨ and ⟩.";
  if ([...name].length > LONGEST_NAME) return `An own name has at most ${LONGEST_NAME} characters.`;
  if (others.some((other) => fold(other) === fold(name))) return `Two images are called ${name}.`;
  return "";
}

/** @param {string} name */
function fold(name) {
  return name.normalize("NFC").toLowerCase();
}

/**
 * The names that can be used, and "" for those that cannot; of two that are equal the first can.
 * @param {readonly string[]} names
 * @returns {string[]}
 */
export function usable(names) {
  return names.map((name, index) => (nameProblem(name, names.slice(0, index)) ? "" : name));
}

/**
 * The text with other words for its mentions.
 * @param {string} text
 * @param {readonly string[]} names
 * @param {(mention: Mention, written: string) => string} replace
 */
export function rewrite(text, names, replace) {
  let result = "";
  let end = 0;
  for (const mention of mentions(text, names)) {
    result += text.slice(end, mention.start) + replace(mention, text.slice(mention.start, mention.end));
    end = mention.end;
  }
  return result + text.slice(end);
}

/**
 * The text as the model gets it: characterN for each own name.
 * @param {string} text
 * @param {readonly string[]} names
 */
export function resolve(text, names) {
  return rewrite(text, names, ({ character, name }, written) => (name ? `character${character}` : written));
}

/**
 * What stands in a prompt for an image that was removed.
 * @param {string} label What the image was called.
 * @param {number} count Tells images apart that were called the same.
 */
export function removedMark(label, count) {
  const name = [...label.replace(/[⟨⟩\s]+/gu, " ").trim()];
  const short = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1).join("")}…` : name.join("");
  return `⟨removed: ${short}${count > 1 ? ` (${count})` : ""}⟩`;
}

/**
 * The text with each mention in its character's colour.
 * @param {string} text
 * @param {readonly string[]} [names]
 * @returns {(Node | string)[]}
 */
export function marked(text, names = []) {
  /** @type {(Node | string)[]} */
  const parts = [];
  let end = 0;
  for (const mention of mentions(text, names).filter(({ character }) => character >= 1 && character <= 9)) {
    const name = text.slice(mention.start, mention.end);
    parts.push(text.slice(end, mention.start));
    parts.push(h("span", { class: "hh-mention", "data-character": mention.character }, name));
    end = mention.end;
  }
  return [...parts, text.slice(end)];
}
