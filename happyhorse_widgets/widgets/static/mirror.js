/** The mirror under the textarea: its text again, letter by letter, with every mention in a mark that is coloured. */

import { h, setAttribute, setText } from "./shared/dom.js";

/** A last line that is empty has no height without something in it. */
const FILLER = "\u200b";

export function createMirror() {
  const element = h("div", { class: "hh-prompt-mirror", dir: "auto", "aria-hidden": "true" });
  return {
    element,

    /**
     * Shows the text: text, mark, text, mark … text. Nodes are changed and added but never removed, which would end what
     * Undo takes back as one; those that are left over stay empty.
     * @param {string} text
     * @param {import("./shared/mentions.js").Mention[]} found
     * @param {number} images
     */
    reflect(text, found, images) {
      while (element.childNodes.length < 2 * found.length + 1)
        element.append(...(element.hasChildNodes() ? [h("mark", {}, FILLER)] : []), document.createTextNode(""));
      let end = 0;
      [...element.childNodes].forEach((node, index) => {
        const mention = found[index >> 1];
        if (node instanceof Text) {
          const piece = text.slice(end, mention?.start) + (mention || end > text.length ? "" : FILLER);
          if (node.data !== piece) node.data = piece;
          end = mention ? mention.start : Infinity;
        } else {
          const mark = /** @type {HTMLElement} */ (node);
          const known = mention && mention.character >= 1 && mention.character <= images;
          setText(mark, mention ? text.slice(mention.start, mention.end) : "");
          const kind = !mention ? "" : known ? "hh-chip" : "hh-chip hh-chip-missing";
          if (mark.className !== kind) mark.className = kind;
          setAttribute(mark, "data-character", known ? mention.character : null);
          if (mention) end = mention.end;
        }
      });
    },

    /** Where the letter at `index` is drawn, or the end of the text. @param {number} index @returns {DOMRect} */
    place(index) {
      const range = document.createRange();
      let passed = 0;
      for (const node of element.childNodes) {
        const text = node instanceof Text ? node : node.firstChild;
        if (!(text instanceof Text)) continue;
        if (passed + text.data.length > index) {
          range.setStart(text, index - passed);
          range.setEnd(text, index - passed + 1);
          break;
        }
        passed += text.data.length;
      }
      return range.getClientRects()[0] ?? element.getBoundingClientRect();
    },
  };
}
