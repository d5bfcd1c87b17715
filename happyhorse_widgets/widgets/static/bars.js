/**
 * Bars at the lower edge of the page: what to do with the clips that are chosen, and how to undo. They are seen wherever
 * the list is scrolled to, as long as some of it is in view.
 */

import { button, h, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";

/**
 * @param {HTMLElement} area What they belong to.
 * @param {AbortSignal} signal
 */
export function createBars(area, signal) {
  // In a frame as high as its content the lower edge is nowhere near the view: there they stand where they are, above the clips.
  const floats = window.parent === window;
  const el = h("div", { class: "hh-bars", popover: floats ? "manual" : null });
  let inView = true;

  function place() {
    const any = [...el.children].some((bar) => !(/** @type {HTMLElement} */ (bar).hidden));
    el.hidden = !any;
    if (!floats || !el.isConnected) return;
    const open = el.matches(":popover-open");
    if (any && inView && !open) el.showPopover();
    else if ((!any || !inView) && open) el.hidePopover();
    const { left, width } = area.getBoundingClientRect();
    el.style.left = `${left + width / 2}px`;
    el.style.maxInlineSize = `${Math.min(width, window.innerWidth - 16)}px`;
  }

  const sight = new IntersectionObserver((entries) => {
    inView = entries[entries.length - 1].isIntersecting;
    place();
  });
  sight.observe(area);
  listen(window, "resize", place, signal);
  signal.addEventListener("abort", () => sight.disconnect());

  return {
    el,
    /** @param {string} label @param {...Node} children */
    bar(label, ...children) {
      const bar = h("div", { class: "hh-bar", role: "group", "aria-label": label }, ...children);
      bar.hidden = true;
      el.append(bar);
      return {
        el: bar,
        /** @param {boolean} there */
        show(there) {
          bar.hidden = !there;
          place();
        },
      };
    },
  };
}

/**
 * The bar that says why something was not done, until that is dismissed or another thing is done.
 * @param {ReturnType<typeof createBars>} bars
 * @param {AbortSignal} signal
 * @param {(text: string) => void} announce
 */
export function createNotice(bars, signal, announce) {
  const said = h("span", { "aria-hidden": "true" }); // a screen reader is told
  const dismiss = button("Dismiss", { icon: "cross", quiet: true });
  const bar = bars.bar("Notice", said, dismiss);
  const hide = () => bar.show(false);
  listen(dismiss, "click", hide, signal);

  return {
    /** @param {string} text */
    say(text) {
      announce(text);
      setText(said, text);
      bar.show(true);
    },
    hide,
  };
}

/**
 * The bar that stays, after something was deleted, until it is undone or dismissed.
 * @param {ReturnType<typeof createBars>} bars
 * @param {AbortSignal} signal
 * @param {(ids: string[]) => Promise<void>} restore
 */
export function createUndo(bars, signal, restore) {
  /** What was deleted, one entry for each time. @type {string[][]} */
  let deeds = [];
  const said = h("span", { role: "status" });
  const undo = button("Undo", { icon: "replay" });
  const dismiss = button("Dismiss", { icon: "cross", quiet: true });
  const bar = bars.bar("Deleted clips", said, undo, dismiss);

  function show() {
    const count = deeds.flat().length;
    if (count) setText(said, `Deleted ${count} ${count === 1 ? "clip" : "clips"}.`);
    bar.show(count > 0);
  }
  listen(undo, "click", async () => {
    const last = deeds.pop();
    show();
    if (last) await restore(last);
  }, signal);
  listen(dismiss, "click", () => {
    deeds = [];
    show();
  }, signal);

  return {
    /** @param {string[]} ids */
    offer(ids) {
      if (ids.length) deeds.push(ids);
      show();
    },
  };
}
