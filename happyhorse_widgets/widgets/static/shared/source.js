/**
 * The file behind a video element. It is opened near the view and let go far from it, since a page has few decoders;
 * where the program cannot play it, a copy that it can play takes its place, and the person hears why.
 */

import { alive, listen } from "./lifetime.js";
import { KIND } from "./rpc.js";
import { silenced } from "./silence.js";
import { fetchedUrl, servedUrl } from "./video.js";

const H264 = 'video/mp4; codecs="avc1.640028"';
const ORIGINAL = "video/mp4";
const SAVED = "What is saved is the original";
const WHY = {
  silent: `No sound: this program cannot play the clip's (AAC). A silent copy plays. ${SAVED}, with sound.`,
  webm: `This program cannot play H.264 video: a WebM copy without sound plays. ${SAVED}.`,
};
const MUTE = `No sound: this program cannot play the clip's (AAC). ${SAVED}, with sound.`;
const NOTHING = "This program can play neither the clip nor a copy of it. It can be saved.";

/** Whether H.264 with AAC failed here where H.264 alone played: then the next clips begin with that. */
const host = { deaf: false };

/**
 * @typedef {import("./video.js").Version} Version
 */

/**
 * @param {object} place
 * @param {HTMLVideoElement} place.video
 * @param {Element} place.box What has to come near the view.
 * @param {import("./rpc.js").Rpc} place.rpc
 * @param {AbortSignal} place.signal
 * @param {boolean} [place.silent] Leaves the sound out: it comes from elsewhere.
 * @param {(text: string) => void} place.say
 * @param {(stop: boolean) => void} place.leaving Called before the file is let go; without `stop` another one follows at once.
 * @param {() => void} place.changed Called when another file has taken the place of one that did not play.
 */
export function createSource({ video, box, rpc, signal, silent = false, say, leaving, changed }) {
  /** @type {{id: string, video: import("./video.js").Video} | null} */
  let clip = null;
  /** @type {Version} */
  let version = "original";
  let [near, told] = [false, false];
  /** @type {Map<Version, Promise<string>>} Those that came from the kernel, or can. */
  const urls = new Map();
  /** The original without its sound. @type {Promise<string> | null} */
  let hushed = null;
  /** @type {Promise<void> | null} */
  let opening = null;

  const open = () => video.hasAttribute("src");
  const loading = (/** @type {number} */ share) => say(share < 1 ? `Loading ${Math.round(share * 100)} %` : "");

  /** @param {Version} which @returns {Promise<import("./video.js").File>} */
  async function file(which) {
    const { id, video: made } = /** @type {NonNullable<typeof clip>} */ (clip);
    if (which === "original") return { ...made, type: ORIGINAL };
    for (;;) {
      const { content } = await rpc.request(KIND.CLIP_VERSION, { clip: id, version: which }, { signal });
      if (content.file) return /** @type {import("./video.js").File} */ (content.file);
      say(`Making a copy that this program can play: ${Math.round(content.progress * 100)} %`);
    }
  }

  /** @param {Version} which @param {boolean} [ask] Also ask the kernel, which sends all of it. */
  async function url(which, ask = true) {
    const known = urls.get(which);
    if (known) return known;
    const found = await file(which);
    const served = await servedUrl(found, signal);
    if (!served && !ask) return null;
    const { id } = /** @type {NonNullable<typeof clip>} */ (clip);
    const got = served ? Promise.resolve(served) : (urls.get(which) ?? fetchedUrl({ id, version: which, file: found }, rpc, signal, loading));
    urls.set(which, got);
    got.catch(() => urls.delete(which));
    return got;
  }

  /** @param {boolean} ask */
  async function attach(ask) {
    const which = version;
    const given = await alive(url(which, ask), signal);
    const found = given && silent && which === "original" && clip?.video.sound ? await alive((hushed ??= silenced(given, signal)), signal) : given;
    if (!found || open() || which !== version || !(ask || near)) return;
    video.src = found;
    if (which === "webm" || (which === "silent" && !silent)) say(WHY[which]);
  }

  /** Opens the file now, whatever it takes. */
  function need() {
    if (clip === null || open()) return null;
    opening ??= attach(true).finally(() => (opening = null));
    return opening;
  }

  function look() {
    if (near) attach(false).catch((error) => signal.aborted || say(error.message));
    else if (open() && !document.fullscreenElement?.contains(video)) close();
  }

  /** @param {boolean} [stop] */
  function close(stop = true) {
    leaving(stop);
    video.removeAttribute("src");
    video.load(); // frees the decoder at once
  }

  /** @param {string} why */
  function giveUp(why) {
    leaving(true);
    say(why);
  }

  /** @param {boolean} blind Whether the sound plays, and the picture does not. */
  async function failed(blind) {
    if (!open() || clip === null) return;
    const { served, sound } = clip.video;
    const lost = version === "original" && served !== null && !(await servedUrl({ ...clip.video, type: ORIGINAL }, signal));
    if (signal.aborted || !open()) return;
    if (lost) urls.delete("original"), (hushed = null); // the server has it no more: the kernel may
    else if (version === "webm") return giveUp(NOTHING);
    else version = version === "original" && sound && !blind && video.canPlayType(H264) ? "silent" : "webm";
    close(false);
    try {
      await need();
      changed();
    } catch (error) {
      if (!signal.aborted) giveUp(/** @type {Error} */ (error).message);
    }
  }

  listen(video, "error", () => void failed(false), signal);
  listen(video, "loadedmetadata", () => video.videoWidth || void failed(true), signal);
  listen(video, "loadeddata", () => {
    if (version === "silent") host.deaf = true;
  }, signal);
  listen(video, "timeupdate", () => {
    if (told || silent || !clip?.video.sound || version !== "original" || !isDeaf(video)) return;
    told = true;
    say(MUTE);
  }, signal);
  const observer = new IntersectionObserver(
    (entries) => {
      near = entries[entries.length - 1].isIntersecting;
      if (clip) look();
    },
    // Notebooks scroll within the page: the margin around the page itself does not count there.
    /** @type {IntersectionObserverInit} */ ({ rootMargin: "100%", scrollMargin: "100%" }),
  );
  observer.observe(box);
  signal.addEventListener("abort", () => {
    // A removed element keeps its decoder until it is collected.
    observer.disconnect();
    close();
  });

  return {
    /** @param {{id: string, video: import("./video.js").Video}} state */
    show(state) {
      if (clip?.id === state.id) return;
      if (open()) close();
      clip = state;
      version = host.deaf && state.video.sound ? "silent" : "original";
      urls.clear();
      hushed = null;
      look();
    },
    need,
    /** The URL of the video as it was made. @returns {Promise<string>} */
    original: () => /** @type {Promise<string>} */ (url("original")),
  };
}

/** Whether a second has been played without any sound: Chromium and Firefox tell. @param {any} video */
function isDeaf(video) {
  if (video.paused || video.currentTime < 1 || video.audioTracks?.length) return false;
  return video.webkitAudioDecodedByteCount === 0 || video.mozHasAudio === false;
}
