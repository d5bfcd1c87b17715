/**
 * Moves, removes and names tiles so that the prompt still means the same images: the mentions are rewritten with the order
 * and the names, and one step back restores them all.
 */

import { removedMark, rewrite } from "./shared/mentions.js";

/** Steps that can be taken back. */
const DEPTH = 20;
const MOST = 9;

/**
 * @typedef {object} Setting What one step is about.
 * @property {string[]} tiles
 * @property {Record<string, string>} aliases
 * @property {string} prompt
 *
 * @typedef {object} Step
 * @property {Setting} before
 * @property {Setting} after
 * @property {string} said
 * @property {Map<string, string>} marks What stands in the prompt for each tile that was removed.
 */

/**
 * @param {object} host
 * @param {import("./form.js").Form} host.form
 * @param {(text: string) => void} host.announce
 * @param {(tile: string) => string} host.nameOf What a tile without an own name is called, such as its file's name.
 */
export function createArrangement({ form, announce, nameOf }) {
  /** @type {Step[]} */
  let steps = [];
  /** @type {(() => void)[]} */
  const followers = [];
  let known = /** @type {string[]} */ (form.get("tiles"));

  /** @returns {Setting} */
  const current = () => ({ tiles: form.get("tiles"), aliases: form.get("aliases") ?? {}, prompt: form.get("prompt") });
  const changed = () => followers.forEach((callback) => callback());

  /** @param {Setting} setting */
  function set({ tiles, aliases, prompt }) {
    known = tiles;
    form.set("tiles", tiles);
    form.set("aliases", aliases);
    form.set("prompt", prompt);
  }

  /** @param {Setting} before @param {Omit<Setting, "prompt">} to @param {string} said @param {Step["marks"]} marks */
  function make(before, to, said, marks) {
    const prompt = carried(before.prompt, before, to, (id) => marks.get(id) ?? "");
    const after = { ...to, prompt };
    steps = [...steps, { before, after, said, marks }].slice(-DEPTH);
    set(after);
    announce(prompt === before.prompt ? said : `${said}. The prompt was changed to match.`);
    changed();
  }

  // Images that are added change no number. Anything else came from Python or another view, and what was before is no more.
  form.follow("tiles", (tiles) => {
    const stayed = tiles.filter((/** @type {string} */ id) => known.includes(id));
    const lost = stayed.join() !== known.join();
    known = tiles;
    if (lost && steps.length) [(steps = []), changed()];
  });

  return {
    /**
     * Shows these tiles in this order; one that is left out is removed.
     * @param {string[]} order
     * @param {string} said What is announced.
     */
    arrange(order, said) {
      const before = current();
      if (order.join() === before.tiles.join()) return;
      const marks = freshMarks(before, before.tiles.filter((id) => !order.includes(id)), nameOf);
      const aliases = Object.fromEntries(Object.entries(before.aliases).filter(([id]) => order.includes(id)));
      make(before, { tiles: order, aliases }, said, marks);
    },

    /**
     * Gives the tiles these own names and no others.
     * @param {Record<string, string>} aliases
     * @param {string} said What is announced.
     */
    call(aliases, said) {
      const before = current();
      make(before, { tiles: before.tiles, aliases }, said, new Map());
    },

    /**
     * Takes the last step back: the order, the names and the prompt, of which what was written meanwhile stays.
     * @returns {string} Why that cannot be, or "".
     */
    undo() {
      const step = steps.at(-1);
      if (!step) return "";
      const now = current();
      const tiles = [...step.before.tiles, ...now.tiles.filter((id) => !step.before.tiles.includes(id))];
      if (tiles.length > MOST) return "Nine images are the most: remove one first.";
      steps = steps.slice(0, -1);
      const aliases = namesBack(step, now);
      const prompt = now.prompt === step.after.prompt && same(now, step.after) ? step.before.prompt : mappedBack(step, now, tiles, aliases);
      set({ tiles, aliases, prompt });
      announce(`Undone: ${step.said}`);
      changed();
      return "";
    },

    canUndo: () => steps.length > 0,

    /** Calls `callback` now and whenever there is more or less to undo. @param {() => void} callback */
    follow(callback) {
      followers.push(callback);
      callback();
    },
  };
}

/** The names that there were before, and those that were changed since. @param {Step} step @param {Setting} now */
function namesBack({ before, after }, now) {
  const since = (/** @type {string} */ id) => now.aliases[id] !== after.aliases[id];
  const kept = Object.entries(before.aliases).filter(([id]) => !since(id));
  return Object.fromEntries([...kept, ...Object.entries(now.aliases).filter(([id]) => since(id))]);
}

/**
 * The prompt as it is now, for the order and the names that there were before.
 * @param {Step} step
 * @param {Setting} now
 * @param {string[]} tiles
 * @param {Record<string, string>} aliases
 */
function mappedBack(step, now, tiles, aliases) {
  const removed = new Map(Array.from(step.marks, ([id, mark]) => [mark, id]));
  const prompt = carried(now.prompt, now, { tiles, aliases }, (id) => step.marks.get(id) ?? "");
  return rewrite(prompt, [], (mention, written) => {
    const id = mention.removed && removed.get(written);
    return id ? aliases[id] || `character${tiles.indexOf(id) + 1}` : written;
  });
}

/**
 * A text that was written for some tiles and names, so that it means the same images among others.
 * @param {string} text
 * @param {Pick<Setting, "tiles" | "aliases">} from
 * @param {Pick<Setting, "tiles" | "aliases">} to
 * @param {(tile: string) => string} gone What is written for a tile that is not there any more.
 */
export function carried(text, from, to, gone) {
  return rewrite(text, ownNames(from), ({ character, name }, written) => {
    const id = from.tiles[character - 1];
    if (id === undefined) return written;
    const index = to.tiles.indexOf(id);
    if (index < 0) return gone(id);
    if (name && to.aliases[id]) return to.aliases[id] === from.aliases[id] ? written : to.aliases[id];
    // As it was written, Character or character, with another number.
    return name ? `character${index + 1}` : `${written.slice(0, "character".length)}${index + 1}`;
  });
}

/**
 * A mark for each removed tile that the prompt does not have yet: images may well be called the same.
 * @param {Setting} before
 * @param {string[]} removed
 * @param {(tile: string) => string} nameOf
 * @returns {Map<string, string>}
 */
function freshMarks({ prompt, aliases }, removed, nameOf) {
  const marks = new Map();
  for (const id of removed) {
    const label = aliases[id] || nameOf(id);
    const taken = (/** @type {string} */ mark) => prompt.includes(mark) || [...marks.values()].includes(mark);
    let count = 1;
    while (taken(removedMark(label, count))) count += 1;
    marks.set(id, removedMark(label, count));
  }
  return marks;
}

/** The own names in the tiles' order, "" where there is none. @param {Pick<Setting, "tiles" | "aliases">} setting */
export function ownNames({ tiles, aliases }) {
  return tiles.map((id) => aliases[id] ?? "");
}

/** @param {Setting} a @param {Setting} b */
function same(a, b) {
  return a.tiles.join() === b.tiles.join() && JSON.stringify(a.aliases) === JSON.stringify(b.aliases);
}
