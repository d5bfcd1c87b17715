/** The bar below a video: scrubber, buttons and their keys. What has no room in the bar is behind "More". */

import { button, h, icon, setAttribute, setText } from "./dom.js";
import { timecode } from "./format.js";
import { listen } from "./lifetime.js";
import { SPEEDS } from "./transport.js";

/** For aria-keyshortcuts of what has the controls. */
export const SHORTCUTS = "Space ArrowLeft ArrowRight Home End J K L F M I O Escape";
const NAVIGATION = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home", "End", "PageUp", "PageDown"];
/** Milliseconds that a message stays, and after which full screen shows the picture alone. */
const STAYS = 2500;

/**
 * @param {object} host
 * @param {HTMLElement} host.root Takes the focus, the keys and the full screen.
 * @param {HTMLElement[]} host.pictures Each plays and pauses when it is clicked.
 * @param {import("./transport.js").Transport} host.transport
 * @param {ReturnType<typeof import("./sound.js").createSound>} host.sound
 * @param {(() => Promise<string>) | null} host.copy Copies the frame, and says what came of it.
 * @param {AbortSignal} host.signal
 */
export function createControls({ root, pictures, transport, sound, copy, signal }) {
  const parts = make();
  const { play, back, on, scrub, mute, volume, speed, loop, from, to, clear, still, full, more, panel } = parts;
  const said = h("div", { class: "hh-player-said", role: "status" });
  const line = h("div", { class: "hh-player-line" });
  const el = h("div", { class: "hh-player-bar" }, parts.track, line);
  still.hidden = copy === null;
  let quiet = 0;

  /** @param {string} text */
  function say(text) {
    setText(said, text);
    said.classList.add("hh-player-saying");
    clearTimeout(quiet);
    quiet = window.setTimeout(() => said.classList.remove("hh-player-saying"), STAYS);
  }

  function draw() {
    const [frame, last, rate, range] = [transport.frame(), transport.last(), transport.rate(), transport.range()];
    const [at, all] = [timecode(frame / rate), timecode((last + 1) / rate)];
    scrub.max = String(last);
    scrub.value = String(frame);
    setAttribute(scrub, "aria-valuetext", `${at} of ${all}, frame ${frame}`);
    setText(parts.time, at);
    setText(parts.all, ` / ${all}`);
    setText(parts.frame, `f${frame}`);
    el.style.setProperty("--hh-at", String(last ? frame / last : 0));
    el.style.setProperty("--hh-from", String(range && last ? range[0] / last : 0));
    el.style.setProperty("--hh-to", String(range && last ? range[1] / last : 1));
    parts.marks.hidden = clear.disabled = range === null;
    turn(play, transport.way() === 0 ? "play" : "pause", transport.way() === 0 ? "Play" : "Pause", "Space or K");
    turn(mute, sound.muted() ? "silent" : "sound", sound.muted() ? "Unmute" : "Mute", "M");
    volume.value = String(sound.muted() ? 0 : sound.volume());
    speed.value = String(transport.speed());
    setAttribute(loop, "aria-pressed", transport.looping() || range ? "true" : "false");
  }

  const act = {
    toggle: transport.toggle,
    back: () => transport.step(-1),
    on: () => transport.step(1),
    first: () => transport.go(0),
    last: () => transport.go(transport.last()),
    /** @param {-1 | 1} direction */
    shuttle(direction) {
      transport.shuttle(direction);
      say(`${transport.way() < 0 ? "Backwards " : ""}${Math.abs(transport.way() * transport.speed())}×`);
    },
    /** @param {-1 | 1} direction */
    speed(direction) {
      pace(SPEEDS[Math.min(Math.max(0, SPEEDS.indexOf(transport.speed()) + direction), SPEEDS.length - 1)]);
    },
    loop() {
      transport.loop(!(transport.looping() || transport.range()));
      say(transport.looping() ? "The whole clip loops" : "No loop");
    },
    /** @param {"from" | "to"} end */
    mark(end) {
      transport.mark(end);
      const range = transport.range();
      say(range ? `Frames ${range[0]} to ${range[1]} loop` : "A loop needs two frames");
    },
    clear() {
      transport.loop(false);
      say("No loop");
    },
    mute() {
      sound.toggle();
      say(sound.muted() ? "Muted" : "With sound");
    },
    async full() {
      try {
        await (document.fullscreenElement === root ? document.exitFullscreen() : root.requestFullscreen());
      } catch {
        say("Full screen is not allowed here.");
      }
    },
    async still() {
      if (copy) say(await copy().catch((error) => error.message));
    },
  };

  /** @param {number} value */
  function pace(value) {
    transport.set(value);
    say(`Speed ${value}×`);
  }

  /** @param {boolean} now */
  function open(now) {
    panel.hidden = !now;
    setAttribute(more, "aria-expanded", now ? "true" : "false");
  }

  /** @param {KeyboardEvent} event Whether it was for the player. */
  function pressed(event) {
    const { key, shiftKey } = event;
    const target = /** @type {Element} */ (event.target);
    if (target.closest("select, input[type='number']") || (NAVIGATION.includes(key) && (target === volume || target.matches("input[type='radio']")))) return false;
    if ((key === " " || key === "Enter") && target.closest("button, a")) return false;
    const keys = /** @type {Record<string, () => unknown>} */ ({
      " ": act.toggle,
      k: act.toggle,
      j: () => act.shuttle(-1),
      l: () => act.shuttle(1),
      arrowleft: act.back,
      arrowright: act.on,
      ",": act.back,
      ".": act.on,
      "<": () => act.speed(-1),
      ">": () => act.speed(1),
      home: act.first,
      end: act.last,
      f: act.full,
      m: act.mute,
      i: () => act.mark("from"),
      o: () => act.mark("to"),
    });
    if (key === "Escape") {
      if (!panel.hidden) {
        open(false);
        more.focus();
      } else if (transport.range()) act.clear();
      else return false;
    } else if (!Object.hasOwn(keys, key.toLowerCase()) || (shiftKey && key.length > 1)) return false;
    else keys[key.toLowerCase()]();
    return true;
  }

  listen(root, "keydown", (event) => {
    wake();
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || !pressed(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }, signal);
  for (const [one, deed] of /** @type {[HTMLElement, () => unknown][]} */ ([
    [play, act.toggle], [back, act.back], [on, act.on], [loop, act.loop], [mute, act.mute], [full, act.full], [still, act.still],
    [from, () => act.mark("from")], [to, () => act.mark("to")], [clear, act.clear], [more, () => open(panel.hidden)],
  ])) listen(one, "click", deed, signal);
  listen(scrub, "input", () => transport.go(Number(scrub.value)), signal);
  listen(volume, "input", () => sound.set(Number(volume.value)), signal);
  listen(speed, "change", () => pace(Number(speed.value)), signal);
  for (const picture of pictures) {
    listen(picture, "click", () => {
      root.focus({ preventScroll: true });
      act.toggle();
    }, signal);
    listen(picture, "dblclick", act.full, signal);
  }
  listen(document, "pointerdown", ({ target }) => !line.contains(target) && open(false), signal);
  listen(root, "fullscreenchange", () => {
    const now = document.fullscreenElement === root;
    turn(full, now ? "shrink" : "full", now ? "Leave full screen" : "Full screen", "F");
  }, signal);

  let idle = 0;
  function wake() {
    root.classList.remove("hh-player-idle");
    clearTimeout(idle);
    idle = window.setTimeout(() => root.classList.toggle("hh-player-idle", transport.way() !== 0), STAYS);
  }
  listen(root, "pointermove", wake, signal);

  const observer = new ResizeObserver(([{ contentRect }]) => arrange(parts, line, contentRect.width));
  observer.observe(line);
  signal.addEventListener("abort", () => {
    observer.disconnect();
    clearTimeout(quiet);
    clearTimeout(idle);
  });
  transport.watch(draw);
  draw();
  return { el, said, draw, say };
}

/** @typedef {ReturnType<typeof make>} Parts */

/** The bar in order, with the width in CSS pixels from which each is in it; below that it is behind "More". */
const BAR = /** @type {[keyof Parts, number][]} */ ([
  ["play", 0], ["back", 280], ["on", 280], ["clock", 0], ["loop", 400], ["from", 620], ["to", 620], ["clear", 620],
  ["speed", 360], ["still", 520], ["mute", 0], ["volume", 480], ["full", 0], ["more", 0], ["panel", 0],
]);

/** @param {Parts} parts @param {HTMLElement} line @param {number} width */
function arrange(parts, line, width) {
  const homes = BAR.map(([name, needed]) => ({ part: parts[name], home: width >= needed ? line : parts.panel }));
  if (homes.every(({ part, home }) => part.parentElement === home)) return;
  const focused = /** @type {HTMLElement | null} */ (line.ownerDocument.activeElement);
  for (const { part, home } of homes) home.append(part);
  if (focused && line.contains(focused)) focused.focus({ preventScroll: true }); // moving took it away
  parts.more.hidden = parts.panel.childElementCount === 0;
  parts.panel.hidden ||= parts.more.hidden;
}

/** Shows another state of a button. @param {HTMLButtonElement} one @param {Parameters<typeof icon>[0]} picture @param {string} name @param {string} key */
function turn(one, picture, name, key) {
  if (one.ariaLabel === name) return;
  setAttribute(one, "aria-label", name);
  setAttribute(one, "title", `${name} (${key})`);
  one.replaceChildren(icon(picture));
}

function make() {
  /** @param {string} name @param {Parameters<typeof icon>[0]} picture @param {string} key */
  const quiet = (name, picture, key) => button(name, { icon: picture, quiet: true, title: key ? `${name} (${key})` : name });
  const scrub = h("input", { type: "range", class: "hh-player-scrub", min: 0, max: 0, step: 1, value: 0, "aria-label": "Position" });
  const marks = h("div", { class: "hh-player-marks" });
  const time = h("span");
  const all = h("span", { class: "hh-quiet hh-player-all" });
  const frame = h("span", { class: "hh-quiet hh-player-frame" });
  const speed = h("select", { class: "hh-player-speed hh-number", "aria-label": "Speed", title: "Speed (< and >)" });
  for (const value of SPEEDS) speed.append(h("option", { value }, `${value}×`));
  const more = quiet("More controls", "more", "");
  setAttribute(more, "aria-expanded", "false");
  return {
    play: button("", { quiet: true }),
    back: quiet("One frame back", "back", "← or ,"),
    on: quiet("One frame on", "on", "→ or ."),
    scrub,
    marks,
    track: h("div", { class: "hh-player-track" }, marks, scrub),
    time,
    all,
    frame,
    clock: h("span", { class: "hh-player-clock hh-number", "aria-hidden": "true" }, time, all, frame),
    mute: button("", { quiet: true }),
    volume: h("input", { type: "range", class: "hh-player-volume", min: 0, max: 1, step: 0.05, "aria-label": "Volume", title: "Volume" }),
    speed,
    loop: quiet("Loop", "loop", ""),
    from: quiet("Loop from this frame", "from", "I"),
    to: quiet("Loop to this frame", "to", "O"),
    clear: quiet("Clear the range", "cross", "Escape"),
    still: quiet("Copy this frame", "copy", ""),
    full: quiet("Full screen", "full", "F"),
    more,
    panel: h("div", { class: "hh-player-panel", role: "group", "aria-label": "More controls", hidden: true }),
  };
}
