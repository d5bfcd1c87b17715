/** Two or more clips on one clock: what is done to one is done to all, and they stay on the same frame. */

import { SHORTCUTS, createControls } from "./controls.js";
import { differing } from "./differing.js";
import { button, h, setAttribute } from "./dom.js";
import { createExports } from "./exports.js";
import { LAYOUT_SHORTCUTS, createLayout } from "./layout.js";
import { child, listen } from "./lifetime.js";
import { createSide, letter } from "./side.js";
import { createSound } from "./sound.js";
import { createTransport } from "./transport.js";
import { createVoice } from "./voice.js";

/**
 * The panel. Its element says "close" (an event that does not bubble) when a person closes it, and is gone then.
 * @param {object} host
 * @param {import("./card.js").State[]} host.states Of at least two clips.
 * @param {Record<string, string>[]} [host.levels] What tells each clip from the others, in words by the factor's name; by default
 *   what differs in the requests.
 * @param {Parameters<typeof createLayout>[0]["look"]} [host.look]
 * @param {boolean} [host.stays] Whether it cannot be closed.
 * @param {import("./rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 */
export function createComparison({ states, levels, look = {}, stays = false, rpc, signal: given }) {
  const [signal, end] = child(given);
  const close = button("Close the comparison", { icon: "cross", quiet: true });
  const title = h("span", { class: "hh-together-title" }, `${states.length} clips on one clock`);
  const adjust = button("Align", { icon: "align", title: "Choose the frame that each clip begins at" });
  const root = h("section", {
    class: "hh-player hh-player-ready hh-together", tabindex: 0, dir: "ltr", "aria-label": `Comparison of ${states.length} clips`,
    "aria-keyshortcuts": `${SHORTCUTS} ${LAYOUT_SHORTCUTS}`,
  });
  const words = levels?.map((each) => Object.values(each)) ?? differing(states);
  const sides = states.map((state, index) => createSide({ state, name: letter(index), box: root, rpc, signal, leaving, changed }));
  let playing = sides;

  // Who has a sound is heard first.
  const voices = [...sides].sort((a, b) => Number(b.sound()) - Number(a.sound()));
  const sound = createSound({ videos: voices.map((side) => side.audio), going: () => transport.way() !== 0, signal, changed: draw });
  createVoice({ speakers: sides, sound, signal });
  const fail = (/** @type {Error} */ error) => {
    if (!signal.aborted) controls.say(`The clips do not play: ${error.message}`);
  };
  const transport = createTransport({ tracks: sides.map((side) => side.track), signal, prepare, starting: sound.claim, fail });
  const say = (/** @type {string} */ text) => controls.say(text);
  const layout = createLayout({ sides, levels: levels ?? [], look, signal, arranged, say });
  const exports = createExports({ rpc, signal, what });
  listen(root, "keydown", pressed, signal);
  const controls = createControls({ root, pictures: sides.map((side) => side.picture), transport, sound, copy: null, signal });
  const head = h("div", { class: "hh-together-head" }, title, layout.el, exports.el, close);
  layout.el.append(adjust);
  close.hidden = stays;
  root.append(head, layout.stage, controls.el, controls.said);
  layout.arrange();
  align(false);

  for (const side of sides) {
    listen(side.voice, "click", () => sound.choose(side.audio), signal);
    listen(side.begin, "change", () => {
      transport.shift(side.track, Number(side.begin.value) || 0);
      side.begin.value = String(transport.begin(side.track));
    }, signal);
  }
  listen(adjust, "click", () => align(adjust.getAttribute("aria-pressed") !== "true"), signal);
  listen(close, "click", () => {
    end();
    root.remove();
    root.dispatchEvent(new CustomEvent("close"));
  }, signal);
  draw();

  function prepare() {
    const opening = playing.map((side) => side.need()).filter(Boolean);
    return opening.length ? Promise.all(opening) : null;
  }

  /** @param {import("./side.js").Side[]} shown */
  function arranged(shown) {
    const ready = shown.filter((side) => side.ready());
    root.classList.toggle("hh-together-empty", !ready.length);
    playing = ready.length ? ready : shown;
    transport.use(playing.map((side) => side.track));
    for (const side of playing) side.open();
    // Each once more: where it stands says what needs no words there.
    const told = layout.told();
    sides.forEach((side, index) => {
      const own = levels ? Object.entries(levels[index]).filter(([factor]) => !told.includes(factor)).map(([, word]) => word) : words[index];
      side.tell(own, words[index].join(", "));
    });
    if (playing.length && !playing.some((side) => side.audio === sound.voice())) {
      const heard = playing.find((side) => side.sound());
      if (heard) sound.choose(heard.audio);
    }
  }

  /** @param {boolean} open */
  function align(open) {
    setAttribute(adjust, "aria-pressed", open ? "true" : "false");
    for (const side of sides) side.align(open);
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    const target = /** @type {Element} */ (event.target);
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || target.closest("select, input[type='number']")) return;
    if (!layout.pressed(event.key.toLowerCase())) return;
    event.preventDefault();
    event.stopPropagation();
  }

  function draw() {
    controls.draw();
    for (const side of sides) setAttribute(side.voice, "aria-pressed", sound.voice() === side.audio ? "true" : "false");
  }

  /** @param {import("./side.js").Side} side @param {boolean} stop */
  function leaving(side, stop) {
    if (stop && playing.includes(side)) transport.pause();
    side.track.keep();
  }

  function changed() {
    transport.resume();
  }

  /** What a file shows of it as it stands. */
  function what() {
    const shown = layout.order().filter((side) => side.ready());
    return {
      clips: shown.map((side) => side.id),
      labels: shown.map((side) => [side.name, ...words[sides.indexOf(side)]].join(" · ")),
      begins: shown.map((side) => transport.begin(side.track)),
      columns: layout.columns(),
    };
  }

  return {
    el: root,
    show: layout.show,
    /** Tells of a clip that changed. @param {import("./card.js").State} state */
    update(state) {
      const turned = sides.filter((side) => side.id === state.id && side.update(state));
      if (!turned.length) return;
      layout.arrange();
      align(adjust.getAttribute("aria-pressed") === "true");
    },
  };
}
