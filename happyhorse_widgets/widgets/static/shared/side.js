/** One clip among those that are compared: its picture, what tells it from the others, its sound, and where it begins. */

import { button, h, setAttribute, setText } from "./dom.js";
import { blobUrl } from "./lifetime.js";
import { KIND } from "./rpc.js";
import { createSource } from "./source.js";
import { createTrack } from "./track.js";

/**
 * @typedef {ReturnType<typeof createSide>} Side
 */

/** "A" to "Z", then "AA". @param {number} index @returns {string} */
export function letter(index) {
  return (index < 26 ? "" : letter(Math.floor(index / 26) - 1)) + String.fromCharCode(65 + (index % 26));
}

/**
 * @param {object} host
 * @param {import("./card.js").State} host.state
 * @param {string} host.name A letter.
 * @param {HTMLElement} host.box What has to come near the view before its file is opened.
 * @param {import("./rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {(side: Side, stop: boolean) => void} host.leaving Called before its file is let go.
 * @param {() => void} host.changed Called when another file has taken the place of one that did not play.
 */
export function createSide({ state: given, name, box, rpc, signal, leaving, changed }) {
  let state = given;
  /** @type {ReturnType<typeof createSource> | null} */
  let source = null;
  const video = h("video", { class: "hh-player-video", playsinline: true, preload: "auto", tabindex: -1, "aria-label": `Clip ${name}` });
  const audio = h("audio", { preload: "auto" });
  const waiting = h("div", { class: "hh-together-waiting hh-quiet" });
  const picture = h("div", { class: "hh-together-picture" }, video, waiting);
  const voice = button(`Hear ${name}`, { icon: "sound", quiet: true });
  const said = h("div", { class: "hh-together-said hh-quiet" });
  const list = h("ul", { class: "hh-together-words" });
  const begin = h("input", { type: "number", class: "hh-together-begin hh-number", min: 0, step: 1, value: 0, "aria-label": `${name} begins at frame` });
  const from = h("label", { class: "hh-together-from hh-quiet", hidden: true }, "from frame", begin);
  const caption = h("figcaption", {}, h("span", { class: "hh-together-letter" }, name), list, from, voice);
  const el = h("figure", { class: "hh-together-side", "data-clip": state.id }, picture, caption, said, audio);
  const track = createTrack(video, signal);
  video.muted = true;

  const me = {
    el,
    name,
    video,
    audio,
    picture,
    voice,
    track,
    begin,
    id: state.id,
    ratio: 16 / 9,
    ready: () => state.phase === "ready" && state.video !== null,
    sound: () => Boolean(state.video?.sound),
    /** Opens the file as soon as the box is near the view. */
    open() {
      if (source || !me.ready()) return;
      const say = (/** @type {string} */ text) => setText(said, text);
      source = createSource({ video, box, rpc, signal, silent: true, say, leaving: (stop) => leaving(me, stop), changed });
      source.show({ id: state.id, video: /** @type {import("./video.js").Video} */ (state.video) });
    },
    /** Opens the file now; null where it is open. */
    need() {
      me.open();
      return source?.need() ?? null;
    },
    /** The URL of the clip with its sound. @returns {Promise<string>} */
    original() {
      me.open();
      return source?.original() ?? Promise.reject(new Error("There is no video yet."));
    },
    /** What is said of it where it stands now. @param {string[]} words @param {string} whole All that tells it from the others. */
    tell(words, whole) {
      list.replaceChildren(...words.map((word) => h("li", { dir: "auto", title: word }, word)));
      setAttribute(el, "aria-label", `Clip ${name}: ${whole}`);
    },
    /** Whether the field for its beginning shows; where it begins later it always does. @param {boolean} open */
    align(open) {
      from.hidden = !me.ready() || (!open && begin.value === "0");
    },
    /** @param {import("./card.js").State} next Whether it can be played now and could not before, or the other way round. */
    update(next) {
      const before = me.ready();
      state = next;
      draw();
      if (me.ready() && !before) take();
      return me.ready() !== before;
    },
  };

  function draw() {
    const ready = me.ready();
    setText(waiting, ready ? "" : state.heading);
    setAttribute(el, "data-phase", state.phase);
    voice.hidden = !me.sound();
  }

  /** The clip as it is made: once, since news of a star or a note must not send it back to its beginning. */
  function take() {
    const made = /** @type {import("./video.js").Video} */ (state.video);
    track.set(made);
    setAttribute(begin, "max", track.last());
    rpc.request(KIND.CLIP_IMAGES, { clip: state.id }, { signal }).then(({ buffers }) => {
      const poster = buffers.at(-1);
      if (poster?.byteLength) setAttribute(video, "poster", blobUrl(new Blob([poster]), signal));
    }).catch(() => {}); // it is as good without
  }

  const [width, height] = state.ratio.split(":").map(Number);
  me.ratio = width / height;
  el.style.setProperty("--hh-ratio", String(me.ratio));
  draw();
  if (me.ready()) take();
  return me;
}
