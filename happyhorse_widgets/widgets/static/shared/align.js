/**
 * Keeps videos that play at the same time within a frame of each other: who is ahead goes slower, or stands. Where the machine
 * cannot decode them all as fast as they should go, all go slower together, rather than by fits and starts.
 */

/** How much of the speed each frame of a lead takes away, and the most that it may. */
const EASE = 0.5;
const MOST = 0.9;
/** In frames: beyond the first a video stands, until it is within the second. To stop and to begin again is work, too, of which a
    busy machine has enough: so only for one that would never be caught up with otherwise. */
const STANDS = 4;
const GOES = 1;
/** The pictures of a video may follow its clock at so many frames; behind that the machine is too slow. */
const LATE = 2;
/** What all have of the speed: taken away at once, given back slowly; looked at every so many milliseconds. */
const BACK_OFF = 0.7;
const RECOVER = 0.01;
const LEAST = 0.1;
const EVERY = 200;
/** Browsers refuse a rate below the first, and a change below the second is not worth their work. */
const SLOWEST = 0.0625;
const FINE = 0.02;

/**
 * Works at every repaint for as long as `on` says.
 * @param {object} group
 * @param {import("./track.js").Track[]} group.tracks All are playing.
 * @param {Set<import("./track.js").Track>} group.held Those that wait: kept up to date here.
 * @param {() => boolean} group.on
 * @param {(track: import("./track.js").Track) => number} group.skipped Seconds of its beginning that are passed over.
 * @param {() => number} group.pace The speed that all should have.
 * @param {{share: number}} group.able How much of that the machine can do (0–1): found out here, and remembered for the next time.
 */
export function keepTogether({ tracks, held, on, skipped, pace, able }) {
  const position = (/** @type {import("./track.js").Track} */ track) => track.position() - skipped(track);
  let looked = performance.now();

  /** @param {number} now */
  function look(now) {
    if (!on()) return;
    // A shorter one may stand on its last frame without having ended, where it was sent there: nobody waits for that. One that
    // waits there itself is still to be let go, since the clock ends with it.
    const going = tracks.filter((track) => !track.video.ended && (track.frame() < track.last() || held.has(track)));
    const slowest = Math.min(...going.map(position));
    if (now - looked > EVERY) {
      looked = now;
      able.share = going.some(late) ? Math.max(LEAST, able.share * BACK_OFF) : Math.min(1, able.share + RECOVER);
    }
    for (const track of going) {
      const ahead = (position(track) - slowest) * track.rate();
      if (held.has(track)) ahead < GOES && release(track);
      else if (ahead > STANDS) wait(track);
      else drive(track.video, pace() * able.share * (1 - Math.min(ahead * EASE, MOST)));
    }
    requestAnimationFrame(look);
  }

  /** Whether its pictures do not come in time. @param {import("./track.js").Track} track */
  function late(track) {
    const behind = (track.video.currentTime - track.position()) * track.rate();
    return !held.has(track) && (behind > LATE || !track.playable());
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

/** @param {HTMLVideoElement} video @param {number} rate */
function drive(video, rate) {
  const next = Math.max(SLOWEST, rate);
  if (Math.abs(next - video.playbackRate) > FINE * next) video.playbackRate = next;
}
