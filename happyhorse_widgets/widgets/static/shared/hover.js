/** A poster that moves: its clip plays, muted and in a loop, while the pointer or the focus is on it. One at a time. */

import { h } from "./dom.js";
import { alive, child, listen } from "./lifetime.js";
import { servedUrl } from "./video.js";

/** Milliseconds: a pointer on its way to elsewhere opens nothing. */
const DWELL = 150;
/** On the document, since each widget has modules of its own. */
const STARTED = "happyhorse:preview";

/**
 * Nothing moves where a person prefers reduced motion, and where the clip would have to come from the kernel.
 * @param {HTMLElement} element What the pointer or the focus has to be on.
 * @param {object} host
 * @param {HTMLElement} host.stage Where the video lies over the poster.
 * @param {() => import("./video.js").Video | null} host.video What to play; null where there is nothing yet.
 * @param {AbortSignal} host.signal
 */
export function hoverPlay(element, { stage, video, signal }) {
  /** @type {(() => void) | null} */
  let stop = null;
  const me = {};
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  function start() {
    const made = video();
    if (stop || !made || still.matches) return;
    const [own, end] = child(signal);
    stop = () => {
      stop = null;
      end();
    };
    const timer = setTimeout(() => play(made, stage, own, () => document.dispatchEvent(new CustomEvent(STARTED, { detail: me }))), DWELL);
    own.addEventListener("abort", () => clearTimeout(timer));
  }

  const leave = () => stop?.();
  listen(element, "pointerenter", ({ pointerType }) => pointerType === "touch" || start(), signal);
  listen(element, "pointerleave", leave, signal);
  listen(element, "focusin", ({ target }) => target.matches(":focus-visible") && start(), signal);
  listen(element, "focusout", leave, signal);
  listen(document, STARTED, ({ detail }) => detail === me || leave(), signal);
}

/**
 * @param {import("./video.js").Video} made
 * @param {HTMLElement} stage
 * @param {AbortSignal} signal Ends it.
 * @param {() => void} started
 */
async function play(made, stage, signal, started) {
  const el = h("video", { class: "hh-hover", loop: true, playsinline: true, tabindex: -1, "aria-hidden": "true" });
  el.muted = true;
  signal.addEventListener("abort", () => {
    el.pause();
    el.removeAttribute("src");
    el.load(); // frees the decoder at once
    el.remove();
  });
  try {
    const url = await alive(servedUrl({ ...made, type: "video/mp4" }, signal), signal);
    if (url === null) return;
    started();
    el.src = url;
    stage.append(el);
    await el.play();
    el.classList.add("hh-hover-plays"); // until then the poster shows
  } catch {
    // Left meanwhile, or not playable here: the poster stays.
  }
}
