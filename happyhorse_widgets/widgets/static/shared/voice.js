/** The sound of clips whose videos have none: of one clip at a time, and it follows that clip's picture. */

import { every, listen } from "./lifetime.js";

/** Seconds: beyond that the sound jumps to its place. Below, each second that it is ahead takes so much of its speed away. */
const JUMP = 0.3;
const EASE = 1;
const EVERY = 100;
/** Browsers refuse a rate outside of these. */
const [SLOWEST, FASTEST] = [0.0625, 16];

/**
 * @typedef {object} Speaker
 * @property {HTMLVideoElement} video
 * @property {HTMLAudioElement} audio
 * @property {() => Promise<string>} original The URL of the clip with its sound.
 */

/**
 * @param {object} host
 * @param {Speaker[]} host.speakers
 * @param {ReturnType<typeof import("./sound.js").createSound>} host.sound Of the speakers' audio elements.
 * @param {AbortSignal} host.signal
 */
export function createVoice({ speakers, sound, signal }) {
  function follow() {
    for (const speaker of speakers) {
      const heard = speaker.audio === sound.voice() && !sound.muted() && !speaker.video.paused && !speaker.video.ended;
      if (heard) accompany(speaker);
      else if (!speaker.audio.paused) speaker.audio.pause();
    }
  }

  /** @param {Speaker} speaker */
  function accompany({ video, audio, original }) {
    if (!audio.dataset.asked) {
      audio.dataset.asked = "true";
      original().then((url) => signal.aborted || (audio.src = url), () => delete audio.dataset.asked);
    }
    if (audio.readyState < HTMLMediaElement.HAVE_METADATA || audio.seeking) return;
    const ahead = audio.currentTime - video.currentTime;
    if (Math.abs(ahead) > JUMP) audio.currentTime = video.currentTime;
    audio.playbackRate = Math.min(Math.max(SLOWEST, video.playbackRate * (1 - ahead * EASE)), FASTEST);
    if (audio.paused && !audio.ended) audio.play().catch(() => {}); // where the page may not be heard yet, the next click allows it
  }

  for (const { video, audio } of speakers) {
    for (const event of ["playing", "pause", "seeked"]) listen(video, event, follow, signal);
    listen(audio, "canplay", follow, signal);
  }
  every(EVERY, follow, signal);
  signal.addEventListener("abort", () => {
    for (const { audio } of speakers) {
      audio.removeAttribute("src");
      audio.load(); // frees what it holds at once
    }
  });
}
