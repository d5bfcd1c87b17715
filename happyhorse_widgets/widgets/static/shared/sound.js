/** How loud the clips are: remembered from one to the next, and heard one at a time. */

import { listen } from "./lifetime.js";

const KEY = "happyhorse_widgets.sound";
/** On the document, since each widget has modules of its own; `detail` says who begins to be heard. */
const HEARD = "happyhorse:heard";

/**
 * @param {object} host
 * @param {HTMLMediaElement[]} host.videos Only one of them is heard, at first the first.
 * @param {() => boolean} host.going Whether they play, or are about to: their file may still be on its way.
 * @param {AbortSignal} host.signal
 * @param {() => void} host.changed
 */
export function createSound({ videos, going, signal, changed }) {
  let { volume, muted } = remembered({ volume: 1, muted: false });
  let voice = videos[0];
  /** Whether another player took the sound: not remembered. */
  let hushed = false;
  const me = {};

  function apply() {
    for (const video of videos) {
      video.volume = volume;
      video.muted = muted || hushed || video !== voice;
    }
  }

  function speak() {
    hushed = false;
    if (!muted && volume > 0) document.dispatchEvent(new CustomEvent(HEARD, { detail: me }));
    apply();
    changed();
  }

  listen(document, HEARD, ({ detail }) => {
    if (detail === me || hushed || !going()) return;
    hushed = true;
    apply();
    changed();
  }, signal);
  apply();

  return {
    volume: () => volume,
    muted: () => muted || hushed || volume === 0,
    voice: () => voice,
    /** Takes the sound, unless it is muted: called when a person starts the clip. */
    claim() {
      ({ volume, muted } = remembered({ volume, muted })); // set in another player, perhaps
      speak();
    },
    toggle() {
      muted = !(muted || hushed || volume === 0);
      if (!muted && volume === 0) volume = 1;
      remember({ volume, muted });
      speak();
    },
    /** @param {number} value 0–1 */
    set(value) {
      volume = value;
      muted = value === 0;
      remember({ volume, muted });
      speak();
    },
    /** Has this one heard. @param {HTMLMediaElement} video */
    choose(video) {
      voice = video;
      speak();
    },
  };
}

/** @typedef {{volume: number, muted: boolean}} Sound */

/** @param {Sound} otherwise @returns {Sound} */
function remembered(otherwise) {
  try {
    const { volume, muted } = JSON.parse(localStorage.getItem(KEY) ?? "null") ?? otherwise;
    return volume >= 0 && volume <= 1 ? { volume, muted: muted === true } : otherwise;
  } catch {
    return otherwise; // the page may not store anything
  }
}

/** @param {Sound} sound */
function remember(sound) {
  try {
    localStorage.setItem(KEY, JSON.stringify(sound));
  } catch {
    // Then it lasts as long as the player.
  }
}
