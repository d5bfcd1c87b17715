/** The player on a card's stage: the video, the bar below it, and what a card does with it. */

import { SHORTCUTS, createControls } from "./controls.js";
import { h, icon, setAttribute } from "./dom.js";
import { alive, listen } from "./lifetime.js";
import { createSound } from "./sound.js";
import { createSource } from "./source.js";
import { copyFrame } from "./still.js";
import { createTrack, until } from "./track.js";
import { createTransport } from "./transport.js";

/**
 * @param {object} host
 * @param {import("./rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {HTMLElement} host.stage Where the player goes.
 * @param {(text: string) => void} host.say Shows a sentence to the person.
 */
export function createPlayer({ rpc, signal, stage, say }) {
  /** @type {(import("./video.js").Video) | null} */
  let shown = null;
  const video = h("video", { class: "hh-player-video", playsinline: true, preload: "metadata", tabindex: -1, "aria-label": "The clip" });
  const picture = h("div", { class: "hh-player-picture" }, video);
  const root = h("div", { class: "hh-player", role: "group", tabindex: 0, dir: "ltr", "aria-label": "Player", "aria-keyshortcuts": SHORTCUTS });

  const track = createTrack(video, signal);
  const sound = createSound({ videos: [video], going: () => transport.way() !== 0, signal, changed: () => controls.draw() });
  const source = createSource({ video, box: stage, rpc, signal, say, leaving, changed: () => transport.resume() });
  const prepare = source.need;
  const fail = (/** @type {Error} */ error) => {
    if (!signal.aborted) say(`The clip does not play: ${error.message}`);
  };
  const transport = createTransport({ tracks: [track], signal, prepare, starting: sound.claim, fail });
  const controls = createControls({ root, pictures: [picture], transport, sound, copy, signal });
  picture.append(controls.said);
  root.append(picture, controls.el);
  stage.prepend(root);

  const save = h("a", { class: "hh-button" }, icon("save"), h("span", {}, "Save as…"));
  listen(save, "click", (event) => {
    if (save.getAttribute("href") !== "#") return;
    event.preventDefault();
    offer().then(() => signal.aborted || save.click(), (error) => signal.aborted || say(error.message));
  }, signal);

  /** Gives the link its file, which may have to come from the kernel first. */
  async function offer() {
    setAttribute(save, "href", await alive(source.original(), signal));
  }

  /** @param {boolean} stop */
  function leaving(stop) {
    if (stop) transport.pause();
    track.keep();
  }

  async function copy() {
    await prepare();
    await until([track], () => track.arrived() && video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA, signal);
    const name = `${shown?.name.replace(/\.\w+$/, "")}-f${track.frame()}.png`;
    const done = await copyFrame(video, name);
    return done === "copied" ? `Frame ${track.frame()} copied` : `Frame ${track.frame()} saved as ${name}: the clipboard is not allowed here`;
  }

  /** @param {import("./card.js").State} state */
  function update(state) {
    const ready = state.phase === "ready" && state.video !== null;
    root.inert = !ready;
    save.hidden = !ready;
    root.classList.toggle("hh-player-ready", ready);
    if (!ready || shown?.name === state.video?.name) return;
    shown = /** @type {import("./video.js").Video} */ (state.video);
    setAttribute(save, "href", "#");
    setAttribute(save, "download", shown.name);
    track.set(shown);
    source.show({ id: state.id, video: shown });
    controls.draw();
  }

  return {
    actions: [save],
    update,
    /** @param {string | null} url */
    poster(url) {
      setAttribute(video, "poster", url);
      // The browser takes the poster away when playing begins, a moment before there is a first frame.
      video.style.background = url ? `center / contain no-repeat url("${url}")` : "";
    },
    /** Seconds: the middle of the frame that is shown. */
    time: () => (track.frame() + 0.5) / track.rate(),
    pause: transport.pause,
  };
}
