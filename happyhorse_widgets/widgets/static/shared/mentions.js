/** Where a prompt names its subjects: character1 … character9. */

import { h } from "./dom.js";

const MENTION = /\bcharacter([1-9])\b/gi;

/**
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
  for (const mention of mentions(text)) {
    const name = text.slice(mention.start, mention.end);
    parts.push(text.slice(end, mention.start));
    parts.push(h("span", { class: "hh-mention", "data-character": mention.character }, name));
    end = mention.end;
  }
  return [...parts, text.slice(end)];
}
