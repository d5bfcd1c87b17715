/**
 * The menu of characters at the caret of the prompt: a listbox that the textarea controls, after the ARIA pattern of a
 * list autocomplete. It opens on @, on cha… and on the first letters of an own name, also where words have no spaces.
 */

import { h, setAttribute } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";
import { joined, spaced } from "./shared/mentions.js";

/**
 * @typedef {object} Character
 * @property {string} id
 * @property {number} number
 * @property {string} alias The own name, or "".
 * @property {string} name The file's name.
 * @property {() => HTMLCanvasElement | null} picture
 */

/**
 * What may be meant at the caret: the characters, and where what is written of them begins; null where nothing is.
 * @param {string} text
 * @param {number} caret
 * @param {Character[]} characters
 * @returns {{start: number, characters: Character[]} | null}
 */
export function meant(text, caret, characters) {
  const before = text.slice(0, caret);
  const sign = before.match(/@([^\s@]{0,40})$/u);
  if (sign) {
    const found = characters.filter((each) => answers(each, fold(sign[1])));
    if (found.length) return { start: caret - sign[0].length, characters: found };
  }
  // In the middle of a word nothing is completed.
  if (joined(text, caret)) return null;
  const word = before.match(/(?<![A-Za-z0-9_])cha[a-z]{0,6}$/i)?.[0];
  if (word && "character".startsWith(word.toLowerCase()) && characters.length) return { start: caret - word.length, characters };
  const begun = characters.map((each) => ({ each, length: begunLetters(before, each.alias) }));
  const longest = Math.max(0, ...begun.map(({ length }) => length));
  if (!longest) return null;
  return { start: caret - longest, characters: begun.filter(({ length }) => length === longest).map(({ each }) => each) };
}

/** @param {Character} character @param {string} query */
function answers({ number, alias, name }, query) {
  return `character${number}`.startsWith(query) || String(number) === query || fold(alias).includes(query) || fold(name).startsWith(query);
}

/** How many of the last letters before the caret begin the name, without being all of it. @param {string} before @param {string} alias */
function begunLetters(before, alias) {
  const first = alias.match(/^./su)?.[0] ?? "";
  const least = spaced(first) ? Math.min(2, alias.length - 1) : first.length;
  for (let length = Math.min(alias.length - 1, before.length); length >= Math.max(1, least); length -= 1)
    if (fold(alias).startsWith(fold(before.slice(-length))) && !joined(before, before.length - length)) return length;
  return 0;
}

/** @param {string} text */
function fold(text) {
  return text.normalize("NFC").toLowerCase();
}

/**
 * @param {object} host
 * @param {HTMLTextAreaElement} host.area
 * @param {() => Character[]} host.characters
 * @param {(index: number) => DOMRect} host.place Where a letter of the text is drawn.
 * @param {(start: number, end: number, text: string) => void} host.write Puts text in the place of what is there.
 * @param {(text: string) => void} host.announce
 * @param {AbortSignal} host.signal
 */
export function createCompletion({ area, characters, place, write, announce, signal }) {
  const id = `hh-${Math.random().toString(36).slice(2)}`;
  const element = h("ul", { class: "hh-complete", id, role: "listbox", "aria-label": "Characters", hidden: true });
  setAttribute(area, "aria-autocomplete", "list");
  setAttribute(area, "aria-haspopup", "listbox");
  setAttribute(area, "aria-controls", id);
  /** @type {Character[]} */
  let offered = [];
  let chosen = 0;
  let start = 0;

  const caret = () => (area.selectionStart === area.selectionEnd ? area.selectionStart : -1);

  function refresh() {
    const found = caret() < 0 ? null : meant(area.value, caret(), characters());
    if (!found) return close();
    const same = !element.hidden && found.characters.map(key).join() === offered.map(key).join();
    start = found.start;
    if (same) return position();
    const first = element.hidden;
    offered = found.characters;
    chosen = 0;
    element.replaceChildren(...offered.map((each, index) => option(each, `${id}-${index}`)));
    element.hidden = false;
    choose(0);
    position();
    if (first) {
      const count = offered.length === 1 ? "1 character" : `${offered.length} characters`;
      announce(`${count}: ${spoken(offered[0])}. Up and Down choose, Enter takes it, Escape closes.`);
    }
  }

  function close() {
    if (element.hidden) return;
    element.hidden = true;
    setAttribute(area, "aria-activedescendant", null);
    element.replaceChildren();
    offered = [];
  }

  /** @param {number} index */
  function choose(index) {
    chosen = (index + offered.length) % offered.length;
    [...element.children].forEach((child, at) => setAttribute(child, "aria-selected", String(at === chosen)));
    setAttribute(area, "aria-activedescendant", `${id}-${chosen}`);
    const entry = /** @type {HTMLElement} */ (element.children[chosen]);
    // Only the menu scrolls, never the notebook.
    element.scrollTop = Math.max(entry.offsetTop + entry.offsetHeight - element.clientHeight, Math.min(element.scrollTop, entry.offsetTop));
  }

  /** Below the line of what is completed, and within the width of the editor. */
  function position() {
    const editor = /** @type {HTMLElement} */ (element.offsetParent ?? area);
    const [around, at] = [editor.getBoundingClientRect(), place(start)];
    const left = Math.min(at.left - around.left, around.width - element.offsetWidth - 4);
    element.style.left = `${Math.max(4, Math.round(left))}px`;
    element.style.top = `${Math.round(at.bottom - around.top + 4)}px`;
  }

  /** @param {number} index */
  function accept(index) {
    const { alias, number } = offered[index];
    const [from, to] = [start, area.selectionEnd];
    close();
    const name = alias || `character${number}`;
    const text = area.value.slice(0, from) + name + area.value.slice(to);
    write(from, to, joined(text, from + name.length) ? `${name} ` : name);
    close(); // what was just written may begin another name
  }

  // While something is composed the caller refreshes nothing.
  listen(area, "compositionstart", close, signal);
  listen(area, "compositionend", refresh, signal);
  listen(area, "blur", close, signal);
  listen(area, "pointerdown", close, signal);
  listen(area, "keydown", (event) => {
    if (element.hidden || event.isComposing) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return event.key === "Enter" ? close() : undefined;
    if (event.key === "ArrowDown") choose(chosen + 1);
    else if (event.key === "ArrowUp") choose(chosen - 1);
    else if ((event.key === "Enter" || event.key === "Tab") && !event.shiftKey) accept(chosen);
    else if (event.key === "Escape") close();
    else {
      if (["ArrowLeft", "ArrowRight", "Home", "End", "PageUp", "PageDown"].includes(event.key)) close();
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }, signal);
  // The textarea keeps the focus.
  listen(element, "pointerdown", (event) => event.preventDefault(), signal);
  listen(element, "mousedown", (event) => event.preventDefault(), signal);
  listen(element, "click", ({ target }) => {
    const index = [...element.children].findIndex((child) => child.contains(target));
    if (index >= 0) accept(index);
  }, signal);

  return { element, refresh };
}

/** What the menu shows of a character, to see whether it is drawn already. @param {Character} character */
function key({ id, number, alias, name }) {
  return `${id} ${number} ${alias} ${name}`;
}

/** @param {Character} character */
function spoken({ number, alias, name }) {
  return [alias, `character${number}`, name].filter(Boolean).join(", ");
}

/** @param {Character} character @param {string} id */
function option(character, id) {
  const { number, alias, name } = character;
  return h(
    "li",
    { class: "hh-complete-option", id, role: "option", "aria-selected": "false", "aria-label": spoken(character) },
    h("span", { class: "hh-complete-picture" }, character.picture()),
    h("span", { class: "hh-mention", "data-character": number }, alias || `character${number}`),
    h("span", { class: "hh-complete-name hh-quiet" }, alias ? `character${number} · ${name}` : name),
  );
}
