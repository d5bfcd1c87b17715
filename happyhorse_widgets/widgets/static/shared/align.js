/** Keeps videos that play at the same time within a frame of each other: who is ahead goes slower, or stands. */

/** How much of the speed each frame of a lead takes away, and the most that it may. */
const EASE = 0.5;
const MOST = 0.9;
/** In frames: beyond the first a video stands, until it is within the second. To begin again takes longer than to go slower. */
const STANDS = 1.5;
const GOES = 0.3;

/**
 * Works at every repaint for as long as `on` says.
 * @param {object} group
 * @param {import("./track.js").Track[]} group.tracks All are playing.
 * @param {Set<import("./track.js").Track>} group.held Those that wait: kept up to date here.
 * @param {() => boolean} group.on
 * @param {() => number} group.pace The speed that all should have.
 */
export function keepTogether({ tracks, held, on, pace }) {
  function look() {
    if (!on()) return;
    const going = tracks.filter((track) => !track.video.ended);
    const slowest = Math.min(...going.map((track) => track.position()));
    for (const track of going) {
      const ahead = (track.position() - slowest) * track.rate();
      if (held.has(track)) ahead < GOES && release(track);
      else if (ahead > STANDS) wait(track);
      else track.video.playbackRate = pace() * (1 - Math.min(ahead * EASE, MOST));
    }
    requestAnimationFrame(look);
  }

  /** @param {import("./track.js").Track} track */
  function wait(track) {
    held.add(track);
    track.video.pause();
  }

  /** @param {import("./track.js").Track} track */
  function release(track) {
    held.delete(track);
    // Rejected where it has to wait again, or all were paused, before it could begin.
    track.video.play().catch(() => {});
  }

  requestAnimationFrame(look);
}
