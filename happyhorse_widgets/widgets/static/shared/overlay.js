/**
 * Two pictures in the same place: a line that can be moved between them, or now one and now the other. The upper one is cut off
 * on its left side; neither is ever covered wholly, since a browser stops drawing a video that cannot be seen, and would show an
 * old frame of it first.
 */

import { h, setAttribute } from "./dom.js";
import { listen } from "./lifetime.js";

/** Percent that an arrow key moves the line, and with Shift. */
const [STEP, LEAP] = [1, 10];
/** Seconds that each picture stays. Below half a second it would flash more often than three times a second. */
export const PACES = /** @type {[number, string][]} */ ([[0, "by hand"], [2, "every 2 s"], [1, "every 1 s"], [0.5, "every ½ s"]]);

/**
 * @param {object} host
 * @param {HTMLElement} host.stage What the two pictures are in.
 * @param {AbortSignal} host.signal
 * @param {(upper: boolean) => void} host.turned Told which of the two shows after it has changed, while they take turns.
 */
export function createOverlay({ stage, signal, turned }) {
  let share = 50;
  let upper = false;
  let pace = 0;
  let timer = 0;
  /** @type {"wipe" | "flicker" | null} */
  let kind = null;
  const line = h("div", {
    class: "hh-together-line", role: "slider", tabindex: 0, "aria-label": "Dividing line", "aria-valuemin": 0, "aria-valuemax": 100,
  });
  const el = h("div", { class: "hh-together-over", hidden: true }, line);

  /** @param {string} cut How much of the upper picture is taken away, from the left. */
  function draw(cut) {
    stage.style.setProperty("--hh-cut", cut);
  }

  /** @param {number} next Percent from the left. */
  function move(next) {
    share = Math.min(Math.max(0, next), 100);
    setAttribute(line, "aria-valuenow", Math.round(share));
    setAttribute(line, "aria-valuetext", `${Math.round(share)} % of the first clip`);
    draw(`clamp(1px, ${share}%, calc(100% - 1px))`);
  }

  /** @param {boolean} up */
  function turn(up) {
    upper = up;
    draw(upper ? "1px" : "calc(100% - 1px)");
    turned(upper);
  }

  function restart() {
    clearInterval(timer);
    if (kind === "flicker" && pace) timer = window.setInterval(() => turn(!upper), pace * 1000);
  }

  listen(line, "pointerdown", (event) => {
    event.preventDefault();
    line.focus({ preventScroll: true });
    line.setPointerCapture(event.pointerId);
  }, signal);
  listen(line, "pointermove", (event) => {
    if (!line.hasPointerCapture(event.pointerId)) return;
    const { left, width } = el.getBoundingClientRect();
    move(((event.clientX - left) / width) * 100);
  }, signal);
  listen(line, "keydown", (event) => {
    const by = event.shiftKey ? LEAP : STEP;
    const to = { ArrowLeft: share - by, ArrowRight: share + by, Home: 0, End: 100 }[/** @type {string} */ (event.key)];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    move(to);
  }, signal);
  signal.addEventListener("abort", () => clearInterval(timer));

  return {
    el,
    pace: () => pace,
    /** @param {"wipe" | "flicker" | null} next Null where the pictures stand beside each other. */
    show(next) {
      kind = next;
      el.hidden = kind !== "wipe";
      if (kind === "wipe") move(share);
      if (kind === "flicker") turn(false);
      restart();
    },
    /** Shows the other one; the next turn comes a whole pace later. */
    swap() {
      turn(!upper);
      restart();
    },
    /** @param {number} seconds 0 for no change by itself. */
    take(seconds) {
      pace = seconds;
      restart();
    },
  };
}
