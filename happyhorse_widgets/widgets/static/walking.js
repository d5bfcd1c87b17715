/** How the keyboard goes through the clips, chooses some, and leaves them. */

import { listen } from "./shared/lifetime.js";

/**
 * On a clip that has the focus: the arrows, Home and End walk; Space chooses, Shift with an arrow chooses on the way; Enter
 * goes into the card. From anywhere in a card Page Down and Page Up go to the next and the last clip, Escape to its own.
 * @param {HTMLElement} list
 * @param {object} host
 * @param {AbortSignal} host.signal
 * @param {ReturnType<typeof import("./selection.js").createSelection>} host.selection
 * @param {() => string[]} host.order
 * @param {() => number} host.columns
 * @param {() => boolean} host.grid
 * @param {(id: string) => void} host.go
 * @param {() => void} host.leave Goes to what stands above the clips.
 * @param {() => unknown} host.close Closes what was opened of the grid; whether there was anything.
 * @param {(ids: string[]) => void} host.remove
 * @param {(id: string, event: MouseEvent) => void} host.pick
 */
export function walk(list, { signal, selection, order, columns, grid, go, leave, close, remove, pick }) {
  /** @param {KeyboardEvent} event */
  function pressed(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const item = /** @type {HTMLElement | null} */ (target.closest(".hh-clips-item"));
    if (!item || event.defaultPrevented || event.altKey || event.isComposing) return;
    const id = (item.dataset.key ?? "").replace("open:", "");
    const onClip = target.matches(".hh-clips-item > article, .hh-poster-open");
    const typing = target.matches("input:not([type=checkbox]), textarea, select");
    const done = onClip ? onIt(event, id) || around(event, id, target, item) : !typing && around(event, id, target, item);
    if (!done) return;
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {KeyboardEvent} event @param {string} id */
  function onIt(event, id) {
    const { key, shiftKey } = event;
    const step = columns();
    const steps = /** @type {Record<string, number>} */ ({ ArrowDown: step, ArrowUp: -step, ...(step > 1 || grid() ? { ArrowRight: 1, ArrowLeft: -1 } : {}) });
    const all = event.ctrlKey || event.metaKey;
    if (all && key.toLowerCase() === "a") return selection.all(), true;
    if (all && key === "Home") return leave(), true;
    if (key in steps) return to(id, steps[key], shiftKey), true;
    if (key === "Home") return to(id, -order().length, shiftKey), true;
    if (key === "End") return to(id, order().length, shiftKey), true;
    if (key === " " && (!grid() || all)) return selection.toggle(id), true;
    if (key === "Delete") return remove(selection.size ? selection.ids() : [id]), true;
    if (key !== "Enter" || grid()) return false;
    const inside = /** @type {HTMLElement} */ (event.target).querySelector("[tabindex='0'], button:not([hidden]), a[href]");
    /** @type {HTMLElement | null} */ (inside)?.focus();
    return true;
  }

  /** @param {KeyboardEvent} event @param {string} id @param {HTMLElement} target @param {HTMLElement} item */
  function around({ key }, id, target, item) {
    if (key === "PageDown" || key === "PageUp") return to(id, key === "PageDown" ? columns() : -columns(), false), true;
    if (key !== "Escape") return false;
    if (item.dataset.key?.startsWith("open:")) return close();
    const own = /** @type {HTMLElement | null} */ (item.querySelector("article[tabindex], .hh-poster-open"));
    if (own && own !== target) return own.focus(), true;
    if (selection.size) return selection.clear(), true;
    return close();
  }

  /** @param {string} id @param {number} step @param {boolean} choosing */
  function to(id, step, choosing) {
    const ids = order();
    const next = ids[Math.max(0, Math.min(ids.length - 1, ids.indexOf(id) + step))];
    if (choosing && !selection.size) selection.toggle(id, true);
    go(next);
    if (choosing) selection.range(next);
  }

  listen(list, "keydown", pressed, signal);
  listen(list, "click", (event) => {
    const item = event.target.closest(".hh-clips-item");
    const chooses = event.shiftKey || event.ctrlKey || event.metaKey;
    if (!item || !chooses || event.target.closest("input, textarea, a, .hh-player, .hh-card button")) return;
    event.preventDefault();
    pick(item.dataset.key.replace("open:", ""), event);
  }, signal);
}
