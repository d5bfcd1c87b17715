/**
 * Two clips side by side on one clock, of which nothing can be told but what they show: both are fetched whole, in random
 * order, and neither is seen before both can play. The boxes are equal whatever is in them.
 */

import { button, h, icon, setAttribute } from "./shared/dom.js";
import { blobUrl, child, listen } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";
import { createTrack, until } from "./shared/track.js";
import { createTransport } from "./shared/transport.js";

const CHUNK = 1 << 20;
const IN_FLIGHT = 4;
/** Frames per second of the clock; the clips' own rates are not told. */
const RATE = 24;
const UNPLAYABLE = "This program cannot play the clips (H.264 video with AAC sound). Open the notebook in another browser.";

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 */
export function createDuel({ rpc, signal }) {
  const sides = ["A", "B"].map(createSide);
  const play = button("", { quiet: true });
  const again = button("From the beginning", { icon: "replay", quiet: true, title: "From the beginning (R)" });
  const bar = h("div", { class: "hh-duel-bar" }, play, again);
  const el = h("div", { class: "hh-duel" }, h("div", { class: "hh-duel-sides" }, ...sides.map((side) => side.el)), bar);
  /** @type {ReturnType<typeof createTransport> | null} */
  let transport = null;
  let end = () => {};
  let since = 0;

  function clear() {
    end();
    transport = null;
    el.removeAttribute("data-ready");
    for (const side of sides) side.clear();
    draw();
  }

  /**
   * Resolves once both play, or stand where a person wants no motion.
   * @param {import("./arena.js").Showing} pair
   */
  async function show(pair) {
    clear();
    /** @type {AbortSignal} */
    let mine;
    [mine, end] = child(signal);
    el.style.setProperty("--hh-ratio", String(pair.ratio));
    const blobs = await fetchBoth(pair, rpc, mine);
    const videos = sides.map((side) => side.make());
    const tracks = videos.map((video) => createTrack(video, mine));
    const failed = new Promise((_resolve, reject) => {
      for (const video of videos) listen(video, "error", () => reject(new Error(UNPLAYABLE)), mine);
    });
    videos.forEach((video, index) => {
      listen(video, "loadedmetadata", () => {
        tracks[index].set({ rate: RATE, frames: Math.round(video.duration * RATE) });
      }, mine);
    });
    for (const index of shuffled([0, 1])) videos[index].src = blobUrl(blobs[index], mine);
    mine.addEventListener("abort", () => videos.forEach(release));
    await Promise.race([until(tracks, (track) => track.playable(), mine), failed]);
    transport = createTransport({ tracks, signal: mine, prepare: () => null, starting: () => {}, fail: () => {} });
    transport.watch(draw);
    transport.loop(true);
    setAttribute(el, "data-ready", true);
    since = performance.now();
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) transport.play();
    draw();
  }

  function draw() {
    const going = transport !== null && transport.way() !== 0;
    const name = going ? "Pause" : "Play";
    for (const one of [play, again]) setAttribute(one, "aria-disabled", transport ? null : "true");
    if (play.ariaLabel === name) return;
    setAttribute(play, "aria-label", name);
    setAttribute(play, "title", `${name} (Space)`);
    play.replaceChildren(icon(going ? "pause" : "play"));
  }

  function restart() {
    transport?.go(0);
    if (transport?.way() === 0) transport.play();
  }

  /** Has one side heard, or none. @param {number} index */
  function hear(index) {
    const on = sides[index].voice.getAttribute("aria-pressed") === "true";
    sides.forEach((side, each) => side.hear(each === index && !on));
  }

  const toggle = () => transport?.toggle();
  listen(play, "click", toggle, signal);
  listen(again, "click", restart, signal);
  sides.forEach((side, index) => {
    listen(side.voice, "click", () => hear(index), signal);
    listen(side.picture, "click", toggle, signal);
  });
  signal.addEventListener("abort", clear);
  draw();

  return {
    el,
    show,
    clear,
    toggle,
    again: restart,
    /** How long the pair has been seen. */
    seconds: () => (performance.now() - since) / 1000,
  };
}

/** @param {string} letter */
function createSide(letter) {
  const picture = h("div", { class: "hh-duel-picture" });
  const voice = button(`Hear ${letter}`, { icon: "sound", quiet: true });
  const el = h("figure", { class: "hh-duel-side" }, picture, h("figcaption", {}, h("span", {}, letter), voice));
  /** @type {HTMLVideoElement | null} */
  let video = null;

  /** @param {boolean} on */
  function hear(on) {
    if (video) video.muted = !on;
    setAttribute(voice, "aria-pressed", on ? "true" : "false");
  }

  hear(false);
  return {
    el,
    picture,
    voice,
    hear,
    make() {
      video = h("video", { class: "hh-duel-video", playsinline: true, preload: "auto", tabindex: -1, disablepictureinpicture: true, "aria-label": `Clip ${letter}` });
      hear(false);
      picture.replaceChildren(video);
      return video;
    },
    clear() {
      hear(false);
      picture.replaceChildren();
      video = null;
    },
  };
}

/**
 * Both videos whole, their pieces in an order that says nothing.
 * @param {import("./arena.js").Showing} pair
 * @param {import("./shared/rpc.js").Rpc} rpc
 * @param {AbortSignal} signal
 */
async function fetchBoth({ sides, bytes }, rpc, signal) {
  const count = Math.ceil(bytes / CHUNK);
  const wanted = Array.from({ length: count }, (_, piece) => shuffled([0, 1]).map((side) => ({ side, piece }))).flat();
  /** @type {DataView<ArrayBuffer>[][]} */
  const parts = [[], []];
  async function worker() {
    for (let next = wanted.shift(); next; next = wanted.shift()) {
      const { side, piece } = next;
      const range = { side: sides[side], offset: piece * CHUNK, length: Math.min(CHUNK, bytes - piece * CHUNK) };
      const { buffers } = await rpc.request(KIND.ARENA_CHUNK, range, { signal });
      parts[side][piece] = buffers[0];
    }
  }
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker));
  return parts.map((pieces) => new Blob(pieces, { type: "video/mp4" }));
}

/** @template T @param {T[]} items @returns {T[]} One of the two orders of two items. */
function shuffled([one, other]) {
  return crypto.getRandomValues(new Uint8Array(1))[0] & 1 ? [one, other] : [other, one];
}

/** Frees the decoder at once. @param {HTMLVideoElement} video */
function release(video) {
  video.removeAttribute("src");
  video.load();
}
