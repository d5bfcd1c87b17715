/** One video as a row of frames: which one is on the screen, and going to another, exactly. */

import { listen } from "./lifetime.js";

/** Frames per second where nothing else is known: what the model makes. */
const RATE = 24;

/**
 * @typedef {ReturnType<typeof createTrack>} Track
 */

/**
 * @param {HTMLVideoElement} video
 * @param {AbortSignal} signal
 */
export function createTrack(video, signal) {
  let [rate, count, shown] = [RATE, 1, 0];
  /** Where to go, and where the browser is on the way to. @type {number | null} */
  let wanted = null;
  /** @type {number | null} */
  let going = null;
  /** @type {Set<() => void>} */
  const watchers = new Set();

  function tell() {
    for (const watcher of watchers) watcher();
  }

  /** @param {number} frame */
  function present(frame) {
    const last = shown;
    shown = within(frame);
    if (shown !== last) tell();
  }

  const within = (/** @type {number} */ frame) => Math.min(Math.max(0, frame), count - 1);
  const current = () => Math.floor(video.currentTime * rate + 1e-3);

  function seek() {
    if (wanted === null || going !== null || video.readyState < HTMLMediaElement.HAVE_METADATA) return;
    going = wanted;
    // The middle of the frame: its beginning may, by rounding, lie in the one before.
    video.currentTime = (going + 0.5) / rate;
  }

  function sought() {
    if (wanted === going) wanted = null;
    going = null;
    present(current());
    seek();
    tell();
  }

  function watch() {
    if (!("requestVideoFrameCallback" in video)) return listen(video, "timeupdate", () => present(current()), signal);
    /** @type {VideoFrameRequestCallback} */
    const shows = (_now, { mediaTime }) => {
      if (signal.aborted) return;
      present(Math.round(mediaTime * rate));
      video.requestVideoFrameCallback(shows);
    };
    video.requestVideoFrameCallback(shows);
  }

  listen(video, "seeked", sought, signal);
  listen(video, "loadedmetadata", () => {
    going = null; // what was on its way went with the file before
    seek();
  }, signal);
  for (const event of ["loadeddata", "canplay", "ended"]) listen(video, event, tell, signal);
  watch();

  return {
    video,
    /** Another video takes the place of the one before. @param {{rate?: number | null, frames?: number | null}} facts */
    set(facts) {
      rate = facts.rate || RATE;
      count = Math.max(1, facts.frames || 1);
      shown = 0;
      wanted = going = null;
    },
    rate: () => rate,
    last: () => count - 1,
    /** The frame on the screen, or the one that it is going to. */
    frame: () => wanted ?? shown,
    /** Goes to a frame once there is a file; of several wishes in a row the last one counts. @param {number} frame */
    go(frame) {
      wanted = within(frame);
      seek();
      tell();
    },
    /** Remembers the place for the next file. */
    keep() {
      wanted ??= shown || null;
      going = null;
    },
    /** Whether it has come to its frame. */
    arrived: () => wanted === null && !video.seeking,
    /** Whether it can go on from there. */
    playable: () => video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA,
    /** Seconds into the video, as far as the pictures have followed. */
    position() {
      const end = (shown + 1) / rate;
      return video.currentTime - end > (1.5 * video.playbackRate) / rate ? end : video.currentTime;
    },
    /**
     * Has `watcher` told of every new frame and every change of what can be played, until the returned function is called.
     * @param {() => void} watcher
     */
    watch(watcher) {
      watchers.add(watcher);
      return () => void watchers.delete(watcher);
    },
  };
}

/**
 * Resolves when `condition` holds for each track.
 * @param {Track[]} tracks
 * @param {(track: Track) => boolean} condition
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function until(tracks, condition, signal) {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (!tracks.every(condition)) return;
      stops.forEach((stop) => stop());
      resolve();
    };
    const stops = tracks.map((track) => track.watch(look));
    signal.addEventListener("abort", () => reject(signal.reason));
    look();
  });
}
