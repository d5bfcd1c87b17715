/** The video on a card's stage, and the actions that go with it. */

import { button, h, icon, setAttribute } from "./dom.js";
import { alive, listen, seen } from "./lifetime.js";
import { videoUrl } from "./video.js";

/**
 * @param {object} host
 * @param {import("./rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {HTMLElement} host.stage Where the video goes.
 * @param {(text: string) => void} host.say Shows a sentence to the person.
 */
export function createPlayer({ rpc, signal, stage, say }) {
  /** @type {string | null} */
  let attached = null;
  const video = h("video", {
    class: "hh-card-video",
    controls: true,
    playsinline: true,
    preload: "metadata",
    "aria-label": "The clip",
  });
  video.hidden = true;
  stage.prepend(video);

  const play = button("Play", { icon: "play" });
  const replay = button("Replay", { icon: "replay" });
  const save = h("a", { class: "hh-button" }, icon("save"), h("span", {}, "Save as…"));
  const actions = [play, replay, save];
  for (const action of actions) action.hidden = true;

  listen(play, "click", () => (video.paused ? void start() : video.pause()), signal);
  listen(replay, "click", () => void start(0), signal);
  for (const event of ["play", "pause", "ended"]) listen(video, event, showPlaying, signal);
  listen(video, "error", unplayable, signal);

  /** @param {number} [from] */
  async function start(from) {
    if (from !== undefined) video.currentTime = from;
    try {
      await video.play();
    } catch (error) {
      const { name, message } = /** @type {Error} */ (error);
      if (name !== "AbortError" && !signal.aborted) say(`The clip does not play: ${message}`);
    }
  }

  function showPlaying() {
    const text = /** @type {HTMLElement} */ (play.lastElementChild);
    text.textContent = video.paused ? "Play" : "Pause";
    play.replaceChildren(icon(video.paused ? "play" : "pause"), text);
  }

  function unplayable() {
    if (video.getAttribute("src")) say("This browser cannot play the clip (H.264 with AAC sound). It can be saved.");
  }

  /** @param {import("./card.js").State} state */
  async function attach(state) {
    const source = /** @type {NonNullable<typeof state.video>} */ (state.video);
    await seen(stage, signal);
    const loading = (/** @type {number} */ share) => say(share < 1 ? `Loading ${Math.round(share * 100)} %` : "");
    const url = await alive(videoUrl(state.id, source, rpc, signal, loading), signal);
    video.src = url;
    setAttribute(save, "href", url);
    setAttribute(save, "download", source.name);
    for (const action of actions) action.hidden = false;
  }

  /** @param {import("./card.js").State} state */
  function update(state) {
    video.hidden = state.phase !== "ready";
    if (state.phase !== "ready" || state.video === null || attached === state.id) return;
    attached = state.id;
    attach(state).catch((error) => {
      if (!signal.aborted) say(error.message);
    });
  }

  signal.addEventListener("abort", () => {
    // Ends the download and frees the decoder, which a removed element keeps until it is collected.
    video.pause();
    video.removeAttribute("src");
    video.load();
  });

  return { actions, update, poster: (/** @type {string | null} */ url) => setAttribute(video, "poster", url) };
}
