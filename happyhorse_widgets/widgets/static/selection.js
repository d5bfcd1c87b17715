/** Which clips are chosen: one by one, in ranges, or all. */

/**
 * @param {() => void} changed
 * @param {() => string[]} order The ids that can be chosen, in order.
 */
export function createSelection(changed, order) {
  /** @type {Set<string>} */
  const chosen = new Set();
  let anchor = "";

  return {
    has: (/** @type {string} */ id) => chosen.has(id),
    get size() {
      return chosen.size;
    },
    /** Those that are chosen, in the list's order. */
    ids: () => order().filter((id) => chosen.has(id)),
    /** @param {string} id @param {boolean} [on] */
    toggle(id, on = !chosen.has(id)) {
      if (on) chosen.add(id);
      else chosen.delete(id);
      anchor = id;
      changed();
    },
    /** Chooses all from the one that was last toggled to this one. @param {string} id */
    range(id) {
      const ids = order();
      const [from, to] = [ids.indexOf(anchor), ids.indexOf(id)].sort((a, b) => a - b);
      for (const each of ids.slice(from < 0 ? to : from, to + 1)) chosen.add(each);
      anchor ||= id;
      changed();
    },
    all() {
      for (const id of order()) chosen.add(id);
      changed();
    },
    clear() {
      chosen.clear();
      changed();
    },
    /** Lets go of what is not in the list any more. */
    keep() {
      const ids = new Set(order());
      for (const id of chosen) if (!ids.has(id)) chosen.delete(id);
    },
  };
}
