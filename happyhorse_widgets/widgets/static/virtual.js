/**
 * A long list of which only what is near the view has elements. It scrolls with whatever its page scrolls with: the
 * notebook, an output that is kept low, or the page itself. What is in view stays where it is while things above it
 * come, go or change their height; an element that has the focus stays, however far away it is.
 */

import { every, listen } from "./shared/lifetime.js";

/** How far beyond the view there are elements, in heights of the view. */
const AHEAD = 1;
/** How often a frame that cannot see how its page scrolls looks where it is, in milliseconds. */
const BLIND = 250;
/** How long it is believed which boxes cut the list off, in milliseconds. */
const STALE = 300;

/**
 * @typedef {{key: string, wide?: boolean}} Slot What has a place in the list; a wide one has a row to itself.
 * @typedef {ReturnType<typeof createVirtual>} Virtual
 */

/**
 * @param {object} host
 * @param {HTMLElement} host.list A CSS grid, whose elements this makes and removes.
 * @param {AbortSignal} host.signal
 * @param {(key: string) => HTMLElement} host.make Gives the element of a place when it comes near.
 * @param {(key: string, element: HTMLElement) => void} host.drop Told when it is far away, or gone; removes it.
 * @param {(key: string) => number} host.estimate Its height in CSS pixels, as long as it was not measured.
 * @param {(near: string[]) => void} host.moved Told which places are near, in order, whenever that was looked at.
 */
export function createVirtual({ list, signal, make, drop, estimate, moved }) {
  /** @type {Slot[][]} */
  let rows = [];
  /** The top of each row, and after them where the next one would be. */
  let tops = [0];
  /** @type {Map<string, number>} */
  let rowOf = new Map();
  /** @type {Map<string, number>} */
  const heights = new Map();
  /** @type {Map<string, HTMLElement>} */
  const shown = new Map();
  /** @type {WeakMap<Element, string>} */
  const keys = new WeakMap();
  /** Where the view begins and ends, measured from the top of the list. */
  let view = { top: 0, bottom: 0 };
  let [columns, gap, width] = [1, 0, 0];
  /** @type {HTMLElement[]} */
  let boxes = [];
  let clipped = Number.NEGATIVE_INFINITY;
  /** What a frame within a page can see of the list: only the browser knows. @type {DOMRectReadOnly | undefined} */
  let framed;

  const sizes = new ResizeObserver((entries) => {
    const before = new Map();
    for (const { target, borderBoxSize } of entries) {
      const [key, height] = [keys.get(target), borderBoxSize[0].blockSize];
      if (key === undefined || !shown.has(key) || height === 0 || heights.get(key) === height) continue;
      before.set(key, height);
    }
    if (before.size) change(() => before.forEach((height, key) => heights.set(key, height)));
  });
  const widths = new ResizeObserver(() => {
    if (list.clientWidth === width || list.clientWidth === 0) return;
    // What is shown is measured anew by itself; of the rest nothing is known at this width.
    change(() => {
      width = list.clientWidth;
      for (const key of heights.keys()) if (!shown.has(key)) heights.delete(key);
    });
  });
  const sight = new IntersectionObserver((entries) => {
    framed = entries[entries.length - 1].intersectionRect;
    update();
  });
  widths.observe(list);
  sight.observe(list);
  listen(document, "scroll", ({ target }) => target.contains(list) && update(), signal, { capture: true, passive: true });
  listen(window, "resize", update, signal, { passive: true });
  if (window.parent !== window) every(BLIND, () => (sight.unobserve(list), sight.observe(list)), signal);
  signal.addEventListener("abort", () => {
    for (const observer of [sizes, widths, sight]) observer.disconnect();
  });

  function look() {
    // An output may be given a scroll bar of its own at any time, without a word.
    if (performance.now() - clipped > STALE) [boxes, clipped] = [clippers(list), performance.now()];
    const { top } = list.getBoundingClientRect();
    let [first, last] = [0, window.innerHeight];
    for (const box of boxes) {
      const bounds = box.getBoundingClientRect();
      [first, last] = [Math.max(first, bounds.top), Math.min(last, bounds.bottom)];
    }
    if (window.parent !== window && framed) [first, last] = [Math.max(first, framed.top), Math.min(last, framed.bottom)];
    view = { top: first - top, bottom: Math.max(first, last) - top };
  }

  /** Looks where the view is, and shows what is near it. */
  function update() {
    if (signal.aborted || !list.isConnected || list.clientWidth === 0) return;
    look();
    show();
  }

  /** Changes what is in the list, or how high it is, without moving what is in view. @param {() => void} edit */
  function change(edit) {
    if (list.isConnected) look();
    const held = inView();
    edit();
    group();
    const anchor = view.top > 0 ? held.find(({ key }) => rowOf.has(key)) : undefined;
    const shift = anchor ? top(anchor.key) - anchor.at : 0;
    view = { top: view.top + shift, bottom: view.bottom + shift };
    show();
    if (shift) scroller().scrollTop += shift;
    if (shift) update();
  }

  /** What is in view, and where it is; the uppermost that can be seen whole comes first. */
  function inView() {
    const found = [];
    for (let row = at(view.top); row < rows.length && tops[row] < view.bottom; row += 1)
      for (const { key } of rows[row]) found.push({ key, at: tops[row] });
    const whole = found.filter((each) => each.at >= view.top);
    return whole.concat(found.filter((each) => each.at < view.top));
  }

  function group() {
    gap = Number.parseFloat(getComputedStyle(list).rowGap) || 0;
    const slots = rows.flat();
    rows = [];
    rowOf = new Map();
    for (const slot of slots) {
      const last = rows.at(-1);
      if (last && !slot.wide && !last[0].wide && last.length < columns) last.push(slot);
      else rows.push([slot]);
      rowOf.set(slot.key, rows.length - 1);
    }
    tops = [0];
    for (const row of rows) {
      const height = Math.max(...row.map(({ key }) => heights.get(key) ?? estimate(key)));
      tops.push(tops[tops.length - 1] + height + gap);
    }
  }

  /** The row at, or the last one before, this height. @param {number} y */
  function at(y) {
    let [low, high] = [0, Math.max(0, rows.length - 1)];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (tops[middle] <= y) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  function top(/** @type {string} */ key) {
    return tops[rowOf.get(key) ?? 0];
  }

  function show() {
    const margin = AHEAD * Math.max(200, view.bottom - view.top);
    const apart = view.bottom + margin < 0 || view.top - margin > tops[rows.length];
    const first = apart ? 0 : at(view.top - margin);
    const last = apart || !rows.length ? first : at(view.bottom + margin) + 1;
    const near = rows.slice(first, last).flat().map(({ key }) => key);
    const wanted = new Set(near);
    const active = /** @type {ShadowRoot | Document} */ (list.getRootNode()).activeElement;
    for (const [key, element] of shown) {
      if (wanted.has(key)) continue;
      if (active && element.contains(active) && rowOf.has(key)) {
        if (/** @type {number} */ (rowOf.get(key)) < first) near.unshift(key);
        else near.push(key);
        continue;
      }
      shown.delete(key);
      sizes.unobserve(element);
      drop(key, element);
    }
    arrange(near, wanted);
    list.style.paddingBlock = `${tops[first]}px ${Math.max(0, tops[rows.length] - tops[last])}px`;
    // Moving an element takes the focus away from what is in it.
    if (active instanceof HTMLElement && list.contains(active)) active.focus({ preventScroll: true });
    moved([...wanted]);
  }

  /** @param {string[]} near @param {Set<string>} wanted */
  function arrange(near, wanted) {
    let next = list.firstElementChild;
    for (const key of near) {
      const element = shown.get(key) ?? enter(key);
      const far = !wanted.has(key);
      element.classList.toggle("hh-far", far);
      element.style.insetBlockStart = far ? `${top(key)}px` : "";
      if (element === next) next = next.nextElementSibling;
      else list.insertBefore(element, next);
    }
  }

  /** @param {string} key */
  function enter(key) {
    const element = make(key);
    shown.set(key, element);
    keys.set(element, key);
    sizes.observe(element);
    return element;
  }

  function scroller() {
    const within = boxes.find((box) => box.scrollHeight > box.clientHeight + 1 && /auto|scroll/.test(getComputedStyle(box).overflowY));
    return within ?? document.scrollingElement ?? document.documentElement;
  }

  return {
    update,
    /**
     * Sets what is in the list, in order.
     * @param {Slot[]} slots @param {number} wide How many stand side by side.
     */
    set(slots, wide) {
      change(() => {
        if (columns !== wide) heights.clear();
        columns = wide;
        rows = [slots];
      });
    },
    /** A place gets another key, and keeps its element. @param {string} old @param {string} key */
    rename(old, key) {
      const [element, height] = [shown.get(old), heights.get(old)];
      if (element) shown.set(key, element), keys.set(element, key);
      if (height !== undefined) heights.set(key, height);
      shown.delete(old);
      heights.delete(old);
    },
    /**
     * Brings a place into view, and gives its element.
     * @param {string} key @param {ScrollLogicalPosition} [block] @returns {HTMLElement | undefined}
     */
    reveal(key, block = "nearest") {
      if (!rowOf.has(key)) return undefined;
      look();
      const [from, to] = [top(key), tops[/** @type {number} */ (rowOf.get(key)) + 1] - gap];
      const height = view.bottom - view.top;
      const above = from < view.top;
      if (block !== "nearest" || above || to > view.bottom) {
        const goal = block === "center" ? (from + to - height) / 2 : above || to - from > height ? from - gap : to + gap - height;
        scroller().scrollTop += goal - view.top;
        update();
      }
      return shown.get(key);
    },
    /** The element of a place that is near. @param {string} key */
    element: (key) => shown.get(key),
  };
}

/** The boxes around `element` that cut off what does not fit, the nearest first. @param {HTMLElement} element */
function clippers(element) {
  const found = [];
  for (let box = element.parentElement; box && box !== document.body; box = box.parentElement)
    if (getComputedStyle(box).overflowY !== "visible") found.push(box);
  return found;
}
