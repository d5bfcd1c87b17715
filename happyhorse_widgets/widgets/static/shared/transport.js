/** What the buttons and keys do to one video, or to several on one clock: play, step, shuttle, speed, loop. */

import { keepTogether } from "./align.js";
import { listen } from "./lifetime.js";
import { until } from "./track.js";

/** J goes one to the left, L one to the right; K stands still. */
const SHUTTLE = [-4, -2, -1, 1, 2, 4];
const PASSING = ["AbortError", "NotSupportedError"];
export const SPEEDS = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2];

/**
 * @typedef {ReturnType<typeof createTransport>} Transport
 */

/**
 * Frames count from 0, on the clock of the longest track. Each track may begin at a frame of its own: what lies before is
 * passed over, so that the same moments of all can be brought together.
 * @param {object} host
 * @param {import("./track.js").Track[]} host.tracks All that there are; `use` says which of them play.
 * @param {AbortSignal} host.signal
 * @param {() => Promise<unknown> | null} host.prepare Has the files ready; null where they are.
 * @param {() => void} host.starting Called whenever a person starts it.
 * @param {(error: Error) => void} host.fail
 */
export function createTransport({ tracks: all, signal, prepare, starting, fail }) {
  let tracks = all;
  /** Where a track begins, in frames of its own. @type {Map<import("./track.js").Track, number>} */
  const begins = new Map();
  /** @type {(() => void)[]} */
  const watchers = [];
  /** Times `speed`, how fast the frames go by: 0 while it stands, negative backwards. */
  let way = 0;
  let speed = 1;
  let looping = false;
  /** The first and the last frame of the loop, as they were marked. @type {[number, number] | null} */
  let marked = null;
  /** Counts the starts, so that one which was overtaken does nothing more. */
  let turn = 0;
  /** Whether it is on the way from standing to playing. */
  let launching = false;
  /** Whether the tracks are being sent to a frame: until all know of it, what the clock says is not to be acted upon. */
  let moving = false;
  /** Those that wait for the others. @type {Set<import("./track.js").Track>} */
  const held = new Set();
  /** How much of the speed the machine can do. */
  const able = { share: 1 };

  const first = (/** @type {import("./track.js").Track} */ track) => begins.get(track) ?? 0;
  const skipped = (/** @type {import("./track.js").Track} */ track) => first(track) / track.rate();
  const length = (/** @type {import("./track.js").Track} */ track) => (track.last() + 1) / track.rate() - skipped(track);
  const lead = () => tracks.reduce((a, b) => (length(b) > length(a) ? b : a));
  const last = () => lead().last() - first(lead());
  const frame = () => Math.max(0, lead().frame() - first(lead()));
  /** The loop, as far as there are frames: shorter clips may have come since it was marked. @returns {[number, number] | null} */
  const range = () => (marked && marked[0] < last() ? [marked[0], Math.min(marked[1], last())] : null);
  const bounds = () => range() ?? /** @type {[number, number]} */ ([0, last()]);
  const circling = () => looping || range() !== null;

  function changed() {
    for (const track of tracks) track.video.loop = looping && !range() && tracks.length === 1;
    for (const watcher of watchers) watcher();
  }

  /** @param {number} to */
  function move(to) {
    const seconds = (Math.min(Math.max(0, to), last()) + 0.5) / lead().rate();
    moving = true;
    for (const track of tracks) track.go(Math.floor(seconds * track.rate()) + first(track));
    moving = false;
  }

  function hold() {
    turn += 1;
    launching = false;
    held.clear();
    for (const { video } of tracks) video.pause();
  }

  /** @param {number} next */
  function run(next) {
    const before = way;
    if (!(before > 0 && next > 0)) hold();
    way = next;
    if (way === 0) {
      if (before > 0 && tracks.length > 1) move(frame()); // they stop within a frame of each other
      return changed();
    }
    const [from, to] = bounds();
    if (frame() < from || (way > 0 && frame() >= to)) move(from);
    else if (frame() > to || (way < 0 && frame() <= from)) move(to);
    starting();
    changed();
    if (way > 0) void forward();
    else void backward();
  }

  async function forward() {
    const mine = (turn += 1);
    launching = true;
    try {
      const files = prepare();
      if (files) await files;
      if (tracks.length > 1) await until(tracks, (track) => track.arrived() && (track.playable() || ended(track)), signal);
      if (mine !== turn || signal.aborted) return;
      // Somebody went to the last frame: no video would move from there, and none say that it has ended.
      if (ended(lead())) return circling() && last() > 0 ? again() : run(0);
      for (const { video } of tracks) video.playbackRate = way * speed;
      const going = tracks.filter((track) => !ended(track));
      await Promise.all(going.map(({ video }) => video.play()));
      const on = () => mine === turn && !signal.aborted;
      if (!on()) return;
      launching = false;
      if (tracks.length > 1) keepTogether({ tracks, held, on, skipped, pace: () => way * speed, able });
    } catch (error) {
      // What cannot be decoded is replaced by the source, which has it go on, or stops it.
      if (mine !== turn || signal.aborted || PASSING.includes(/** @type {Error} */ (error).name)) return;
      way = 0;
      hold();
      changed();
      fail(/** @type {Error} */ (error));
    }
  }

  /** No browser plays backwards by itself: the frames are gone to, as many as the time allows. */
  async function backward() {
    const mine = (turn += 1);
    const files = prepare();
    if (files) await files.catch(fail);
    let [begin, at] = [frame(), performance.now()];
    /** @param {number} now */
    const next = (now) => {
      if (mine !== turn || signal.aborted) return;
      const [from, to] = bounds();
      let target = begin + Math.trunc(((now - at) / 1000) * lead().rate() * way * speed);
      if (target <= from) {
        if (!circling()) return end(from);
        [begin, at, target] = [to, now, to];
      }
      if (tracks.every((track) => track.arrived())) move(target);
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  }

  /** @param {number} at */
  function end(at) {
    run(0);
    move(at);
  }

  /** From the beginning once more. */
  function again() {
    move(bounds()[0]);
    if (tracks.length === 1 && !tracks[0].video.paused) return; // it plays on from there by itself
    hold();
    void forward();
  }

  function advanced() {
    const loop = range();
    if (way > 0 && !moving && loop && frame() >= loop[1] && lead().video.readyState) again();
    for (const watcher of watchers) watcher();
  }

  /** @param {import("./track.js").Track} track */
  function stopped(track) {
    // By the keyboard's media keys, or by the browser.
    const { paused, ended: over } = track.video;
    const meant = over || launching || ended(track) || held.has(track) || !tracks.includes(track);
    if (way > 0 && paused && !meant && track.video.getAttribute("src")) run(0);
  }

  for (const track of all) {
    track.watch(() => tracks.includes(track) && advanced());
    listen(track.video, "pause", () => stopped(track), signal);
    listen(track.video, "play", () => {
      if (way !== 0 || track.video.paused || !tracks.includes(track)) return;
      way = 1;
      changed();
    }, signal);
    listen(track.video, "ended", () => {
      if (way <= 0 || track !== lead()) return;
      if (circling()) again();
      else run(0);
    }, signal);
  }
  signal.addEventListener("abort", hold);

  return {
    frame,
    last,
    rate: () => lead().rate(),
    way: () => way,
    speed: () => speed,
    looping: () => looping,
    range,
    play: () => run(1),
    pause: () => run(0),
    toggle: () => run(way === 0 ? 1 : 0),
    /** Slower, and then backwards, or faster. @param {-1 | 1} direction */
    shuttle(direction) {
      const at = SHUTTLE.indexOf(way);
      const next = at < 0 ? SHUTTLE.indexOf(direction) : at + direction;
      run(SHUTTLE[Math.min(Math.max(0, next), SHUTTLE.length - 1)]);
    },
    /** Stops, and goes so many frames on. @param {number} frames */
    step(frames) {
      if (way !== 0) run(0);
      this.go(frame() + frames);
    },
    /** @param {number} to */
    go(to) {
      prepare()?.catch(fail);
      move(to);
      if (way > 0 && tracks.length > 1) {
        hold();
        void forward();
      } else if (way < 0) void backward();
    },
    /** @param {number} value */
    set(value) {
      speed = value;
      for (const { video } of tracks) if (way > 0) video.playbackRate = way * speed;
      if (way < 0) void backward();
      changed();
    },
    /** @param {boolean} value */
    loop(value) {
      looping = value;
      marked = null;
      changed();
    },
    /** Loops from, or to, the frame that is shown. @param {"from" | "to"} end */
    mark(end) {
      const here = frame();
      const [from, to] = bounds();
      marked = end === "from" ? [here, to > here ? to : last()] : [from < here ? from : 0, here];
      if (marked[0] === marked[1]) marked = null;
      changed();
    },
    /** Has these play, and no others, from the same time on. @param {import("./track.js").Track[]} next */
    use(next) {
      const [seconds, going] = [frame() / lead().rate(), way > 0];
      run(0);
      tracks = next;
      move(Math.round(seconds * lead().rate()));
      if (going) run(1);
      changed();
    },
    /** Where a track begins, in frames of its own. @param {import("./track.js").Track} track */
    begin: first,
    /** Has a track begin there; the clock stays where it is. @param {import("./track.js").Track} track @param {number} at */
    shift(track, at) {
      const here = frame();
      begins.set(track, Math.min(Math.max(0, at), track.last()));
      this.go(here);
      changed();
    },
    /** Goes on with another file in the place of one that did not play. */
    resume() {
      if (way > 0) void forward();
    },
    /** @param {() => void} watcher */
    watch: (watcher) => void watchers.push(watcher),
  };
}

/** @param {import("./track.js").Track} track */
function ended(track) {
  return track.frame() >= track.last();
}
