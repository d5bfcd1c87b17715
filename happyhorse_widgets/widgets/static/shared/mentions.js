/** Where a prompt names its subjects: character1 … character9. */

import { h } from "./dom.js";

// As `checks.py` finds them: in any case, with ASCII boundaries, and what no image can have (character0, character12) too.
const MENTION = /\bcharacter([0-9]+)\b/gi;

/**
 * Every mention; `character` is 0 where the number begins with a 0.
 * @param {string} text
 * @returns {{start: number, end: number, character: number}[]}
 */
export function mentions(text) {
  return Array.from(text.matchAll(MENTION), (match) => ({
    start: match.index,
    end: match.index + match[0].length,
    character: match[1].startsWith("0") ? 0 : Number(match[1]),
  }));
}

/**
 * The text with each mention in its character's colour.
 * @param {string} text
 * @returns {(Node | string)[]}
 */
export function marked(text) {
  /** @type {(Node | string)[]} */
  const parts = [];
  let end = 0;
  for (const mention of mentions(text).filter(({ character }) => character >= 1 && character <= 9)) {
    const name = text.slice(mention.start, mention.end);
    parts.push(text.slice(end, mention.start));
    parts.push(h("span", { class: "hh-mention", "data-character": mention.character }, name));
    end = mention.end;
  }
  return [...parts, text.slice(end)];
}
