/**
 * A little Markdown as elements: headings, lists, emphasis, code, paragraphs. Everything else, HTML and links included, is
 * shown as the text that it is.
 */

import { h } from "./shared/dom.js";

const HEADING = /^(#{1,6})\s+(.*?)\s*#*$/;
const ITEM = /^\s*(?:[-*+]|(\d+)[.)])\s+(.*)$/;
const FENCE = /^\s*(```|~~~)/;
const INLINE = /`([^`\n]+)`|\*\*(\S|\S.*?\S)\*\*|__(\S|\S.*?\S)__|\*(\S|\S.*?\S)\*|\b_(\S|\S.*?\S)_\b/g;

/**
 * @param {string} text
 * @returns {HTMLElement[]}
 */
export function markdown(text) {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  /** @type {HTMLElement[]} */
  const blocks = [];
  for (let at = 0; at < lines.length; ) {
    const line = lines[at];
    const rest = lines.slice(at);
    if (!line.trim()) at += 1;
    else if (FENCE.test(line)) {
      const length = rest.slice(1).findIndex((each) => FENCE.test(each));
      const end = length < 0 ? rest.length : length + 1;
      blocks.push(h("pre", {}, h("code", {}, rest.slice(1, end).join("\n"))));
      at += end + 1;
    } else if (HEADING.test(line)) {
      const [, signs, title] = /** @type {RegExpMatchArray} */ (line.match(HEADING));
      // The Studio is a part of somebody's page: its first heading is not the page's.
      blocks.push(h("p", { class: "hh-guide-heading", role: "heading", "aria-level": Math.min(6, signs.length + 3) }, ...inline(title)));
      at += 1;
    } else if (ITEM.test(line)) {
      const count = end(rest, (each) => !ITEM.test(each));
      const items = rest.slice(0, count).map((each) => h("li", {}, ...inline(each.match(ITEM)?.[2] ?? "")));
      blocks.push(h(line.match(ITEM)?.[1] ? "ol" : "ul", {}, ...items));
      at += count;
    } else {
      const count = end(rest, (each) => !each.trim() || [FENCE, HEADING, ITEM].some((form) => form.test(each)));
      blocks.push(h("p", {}, ...inline(rest.slice(0, count).join(" "))));
      at += count;
    }
  }
  return blocks;
}

/** How many lines there are before one that ends the block. @param {string[]} lines @param {(line: string) => boolean} ends */
function end(lines, ends) {
  const found = lines.findIndex(ends);
  return found < 0 ? lines.length : Math.max(1, found);
}

/** @param {string} text @returns {(Node | string)[]} */
function inline(text) {
  /** @type {(Node | string)[]} */
  const parts = [];
  let passed = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, code, ...emphasis] = match;
    const strong = emphasis[0] ?? emphasis[1];
    parts.push(text.slice(passed, match.index));
    if (code !== undefined) parts.push(h("code", {}, code));
    else if (strong !== undefined) parts.push(h("strong", {}, ...inline(strong)));
    else parts.push(h("em", {}, ...inline(emphasis[2] ?? emphasis[3])));
    passed = match.index + whole.length;
  }
  return [...parts, text.slice(passed)];
}
