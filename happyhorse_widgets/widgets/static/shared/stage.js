/**
 * The box with the clip's shape, from the first moment on: what is being done while the clip is made, and later the
 * video in its place.
 */

import { h, icon, setAttribute, setText } from "./dom.js";
import { clock, roughly } from "./format.js";
import { every } from "./lifetime.js";

const DELETED = "It stays in the library's trash until that is emptied.";
const DETACHED = "Not watched. The job is paid and goes on; the clip still arrives here.";

/**
 * @param {import("./card.js").Host} host
 */
export function createStage({ rpc, signal }) {
  /** @type {import("./card.js").State | undefined} */
  let state;
  let lost = false;

  const heading = h("span");
  const title = h("div", { class: "hh-card-heading" }, icon("warning"), heading);
  const time = h("span", { class: "hh-number" });
  const usual = h("span", { class: "hh-quiet" });
  const note = h("div", { class: "hh-card-note hh-quiet" });
  const work = h("div", { class: "hh-card-work" }, title, h("div", { class: "hh-card-time" }, time, usual), note);
  const progress = createProgress();
  const el = h("div", { class: "hh-card-stage hh-stage" }, work, progress.el);
  every(1000, tick, signal);

  function show() {
    if (state === undefined) return;
    const { words, note: more } = saying(state, lost);
    const [width, height] = state.ratio.split(":").map(Number);
    el.style.setProperty("--hh-ratio", String(width / height));
    work.hidden = state.phase === "ready";
    setText(heading, words);
    setText(note, more);
    progress.update(state.phase === "busy" && !lost ? state.progress : null, words);
    tick();
  }

  function tick() {
    if (state === undefined || state.phase === "ready") return;
    const [busy, elapsed] = [state.phase === "busy", (state.ended ?? rpc.now()) - state.started];
    // Without news nothing is counted, nor where nobody follows the clip.
    setText(time, state.deleted || (busy ? lost : state.ended === null) ? "" : clock(elapsed));
    setText(usual, busy && !lost ? usually(elapsed, state.expected) : "");
  }

  return {
    el,
    /** @param {import("./card.js").State} next */
    update(next) {
      state = next;
      show();
    },
    /** @param {boolean} gone Whether the kernel is gone, and with it all news. */
    lose(gone) {
      lost = gone;
      show();
    },
  };
}

/** A thin bar at the lower edge; where nothing is known of the progress, nothing is drawn. */
function createProgress() {
  const fill = h("div", { class: "hh-card-fill" });
  const el = h("div", { class: "hh-card-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, fill);
  return {
    el,
    /** @param {number | null} share @param {string} name */
    update(share, name) {
      el.hidden = share === null;
      fill.style.inlineSize = `${(share ?? 0) * 100}%`;
      setAttribute(el, "aria-label", name);
      setAttribute(el, "aria-valuenow", share === null ? null : Math.round(share * 100));
    },
  };
}

/**
 * @param {import("./card.js").State} state
 * @param {boolean} lost
 */
function saying(state, lost) {
  if (state.deleted) return { words: state.heading, note: DELETED };
  if (lost && ["busy", "halted"].includes(state.phase)) {
    const again = `hh.connect().clip("${state.id}") shows it again.`;
    return { words: "The kernel has stopped", note: `Nothing is lost: what was sent goes on. ${again}` };
  }
  if (state.detached && state.phase === "busy") {
    return { words: "In the background", note: [DETACHED, state.note].filter(Boolean).join(" ") };
  }
  return { words: state.heading, note: state.note };
}

/** @param {number} elapsed @param {number | null} expected */
function usually(elapsed, expected) {
  if (expected === null) return "";
  const length = roughly(expected);
  const late = elapsed > Math.max(expected * 1.5, 10); // under ten seconds nobody waits long
  return late ? ` · longer than usual (${length})` : ` · usually ${length}`;
}
