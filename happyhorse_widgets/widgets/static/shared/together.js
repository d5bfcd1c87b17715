/** Two or more clips side by side on one clock: what is done to one is done to all, and they stay on the same frame. */

import { SHORTCUTS, createControls } from "./controls.js";
import { differing } from "./differing.js";
import { button, h, setAttribute, setText } from "./dom.js";
import { blobUrl, child, listen } from "./lifetime.js";
import { KIND } from "./rpc.js";
import { createSound } from "./sound.js";
import { createSource } from "./source.js";
import { createTrack } from "./track.js";
import { createTransport } from "./transport.js";

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/**
 * The panel; it says "close" (an event that does not bubble) when a person closes it, and is gone then.
 * @param {object} host
 * @param {import("./card.js").State[]} host.states Of at least two clips that are ready.
 * @param {import("./rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @returns {HTMLElement}
 */
export function createComparison({ states, rpc, signal: given }) {
  const [signal, end] = child(given);
  const close = button("Close the comparison", { icon: "cross", quiet: true });
  const title = h("span", { class: "hh-together-title" }, `${states.length} clips on one clock`);
  const sides = h("div", { class: "hh-together-sides" });
  const root = h(
    "section",
    { class: "hh-player hh-player-ready hh-together", tabindex: 0, dir: "ltr", "aria-label": `Comparison of ${states.length} clips`, "aria-keyshortcuts": SHORTCUTS },
    h("div", { class: "hh-together-head" }, title, close),
    sides,
  );
  const labels = differing(states);
  const shown = states.map((state, index) => createSide({ state, words: labels[index], letter: LETTERS[index], rpc, signal, leaving, changed }));
  sides.append(...shown.map((side) => side.el));

  const sound = createSound({ videos: shown.map((side) => side.video), signal, changed: draw });
  const tracks = shown.map((side) => side.track);
  const fail = (/** @type {Error} */ error) => {
    if (!signal.aborted) controls.say(`The clips do not play: ${error.message}`);
  };
  const transport = createTransport({ tracks, signal, prepare, starting: sound.claim, fail });
  const controls = createControls({ root, pictures: shown.map((side) => side.picture), transport, sound, copy: null, signal });
  root.append(controls.el, controls.said);
  const sources = shown.map((side) => side.open());
  for (const side of shown) listen(side.voice, "click", () => sound.choose(side.video), signal);
  listen(close, "click", () => {
    end();
    root.remove();
    root.dispatchEvent(new CustomEvent("close"));
  }, signal);
  draw();

  function prepare() {
    const opening = sources.map((source) => source.need()).filter(Boolean);
    return opening.length ? Promise.all(opening) : null;
  }

  function draw() {
    controls.draw();
    for (const side of shown) setAttribute(side.voice, "aria-pressed", sound.voice() === side.video ? "true" : "false");
  }

  /** @param {boolean} stop */
  function leaving(stop) {
    if (stop) transport.pause();
    tracks.forEach((track) => track.keep());
  }

  function changed() {
    transport.resume();
  }

  return root;
}

/**
 * @param {object} host
 * @param {import("./card.js").State} host.state
 * @param {string[]} host.words What tells it from the others.
 * @param {string} host.letter
 * @param {import("./rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {(stop: boolean) => void} host.leaving
 * @param {() => void} host.changed
 */
function createSide({ state, words, letter, rpc, signal, leaving, changed }) {
  const made = /** @type {import("./video.js").Video} */ (state.video);
  const video = h("video", { class: "hh-player-video", playsinline: true, preload: "auto", tabindex: -1, "aria-label": `Clip ${letter}` });
  const picture = h("div", { class: "hh-together-picture" }, video);
  const voice = button(`Hear ${letter}`, { icon: "sound", quiet: true });
  voice.hidden = !made.sound;
  const said = h("div", { class: "hh-together-said hh-quiet" });
  const list = h("ul", { class: "hh-together-words" }, ...words.map((word) => h("li", { dir: "auto", title: word }, word)));
  const caption = h("figcaption", {}, h("span", { class: "hh-together-letter" }, letter), list, voice);
  const el = h("figure", { class: "hh-together-side", "data-clip": state.id }, picture, caption, said);
  const [width, height] = state.ratio.split(":").map(Number);
  el.style.setProperty("--hh-ratio", String(width / height));
  const track = createTrack(video, signal);
  track.set(made);
  rpc.request(KIND.CLIP_IMAGES, { clip: state.id }, { signal }).then(({ buffers }) => {
    const poster = buffers.at(-1);
    if (poster?.byteLength) setAttribute(video, "poster", blobUrl(new Blob([poster]), signal));
  }).catch(() => {}); // it is as good without

  return {
    el,
    video,
    picture,
    voice,
    track,
    /** Opens the file once the panel can be seen. */
    open() {
      const say = (/** @type {string} */ text) => setText(said, text);
      const source = createSource({ video, box: picture, rpc, signal, say, leaving, changed });
      source.show({ id: state.id, video: made });
      return source;
    },
  };
}
