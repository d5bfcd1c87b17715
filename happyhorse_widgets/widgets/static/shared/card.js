/**
 * A clip's card, from the first moment to the playing video. Its stage has the clip's shape throughout, so that
 * nothing jumps while one state follows another.
 */

import { button, h, icon, setAttribute, setText } from "./dom.js";
import { clock, size, units } from "./format.js";
import { alive, blobUrl, listen, seen } from "./lifetime.js";
import { marked } from "./mentions.js";
import { createPlayer } from "./player.js";
import { KIND } from "./rpc.js";
import { createStage } from "./stage.js";

/**
 * @typedef {object} State What `card_state` in card.py gives.
 * @property {string} id
 * @property {"busy" | "ready" | "failed" | "stopped" | "asking"} phase
 * @property {string} heading
 * @property {string} note
 * @property {number | null} progress
 * @property {number} started Epoch seconds by the kernel's clock.
 * @property {number | null} ended
 * @property {number | null} expected Seconds that a clip of this model usually takes.
 * @property {boolean} sandbox
 * @property {string} prompt
 * @property {string[]} references
 * @property {string[]} parameters
 * @property {string} ratio
 * @property {number | null} cost
 * @property {number | null} estimate
 * @property {string[]} warnings
 * @property {{message: string, hint: string} | null} error
 * @property {"withdraw" | "detach" | null} stop
 * @property {boolean} detached
 * @property {(import("./video.js").Video & {name: string}) | null} video
 *
 * @typedef {{rpc: import("./rpc.js").Rpc, signal: AbortSignal}} Host
 */

const STOP = {
  withdraw: { text: "Withdraw", title: "Take it back: nothing was sent or paid yet" },
  detach: { text: "Stop watching", title: "Stop watching: the job is paid and goes on; the clip still arrives" },
};

const BADGE = "Sandbox";

/**
 * @param {Host} host
 * @returns {{el: HTMLElement, update: (state: State) => void, lose: (lost: boolean) => void}}
 */
export function createCard({ rpc, signal }) {
  /** @type {State | undefined} */
  let before;
  const said = h("div", { class: "hh-card-said hh-quiet" });
  const say = (/** @type {string} */ text) => setText(said, text);
  const stage = createStage({ rpc, signal });
  const player = createPlayer({ rpc, signal, stage: stage.el, say });
  const stop = createStop({ rpc, signal }, say);
  const words = createWords();
  const actions = h("div", { class: "hh-card-actions" }, stop.el, ...player.actions);
  const side = h("div", { class: "hh-card-side" }, ...words.parts, actions, said);
  const status = h("div", { class: "hh-unseen", role: "status" });
  const el = h("article", { class: "hh-card" }, stage.el, side, status);

  /** @param {string} clip */
  async function fetchImages(clip) {
    await seen(el, signal);
    const { buffers } = await rpc.request(KIND.CLIP_IMAGES, { clip }, { signal });
    const pictures = buffers.map((bytes) => (bytes.byteLength ? blobUrl(new Blob([bytes]), signal) : null));
    words.show(pictures);
    player.poster(pictures.at(-1) ?? null);
  }

  /** @param {State} state */
  function update(state) {
    setAttribute(el, "aria-label", `Clip: ${state.prompt.slice(0, 80)}`);
    setAttribute(el, "data-clip", state.id);
    setAttribute(el, "data-phase", state.phase);
    for (const part of [stage, player, stop, words]) part.update(state);
    // Without pictures the card is still whole. The poster is there once the clip is.
    if (before?.phase !== state.phase && (!before || state.phase === "ready")) fetchImages(state.id).catch(() => {});
    if (before && before.heading !== state.heading) setText(status, announcement(state));
    before = state;
  }

  /** @param {boolean} lost */
  function lose(lost) {
    stage.lose(lost);
    stop.el.disabled = lost;
  }

  return { el, update, lose };
}

/** Prompt, references, parameters, warnings and what went wrong. */
function createWords() {
  const prompt = h("p", { class: "hh-card-prompt", dir: "auto" });
  const references = h("ul", { class: "hh-card-references", "aria-label": "Reference images" });
  const facts = h("ul", { class: "hh-card-facts hh-quiet hh-number" });
  const warnings = h("ul", { class: "hh-card-warnings" });
  const trouble = h("div", { class: "hh-card-trouble" });
  const shown = new Map();

  /**
   * Makes the children anew only where what they show has changed: an element that stays keeps focus and selection.
   * @param {HTMLElement} parent @param {string[]} texts @param {(text: string, index: number) => Node | string} make
   */
  function fill(parent, texts, make) {
    if (shown.get(parent) === texts.join("\n")) return;
    shown.set(parent, texts.join("\n"));
    parent.replaceChildren(...texts.map(make));
  }

  /** @param {State} state */
  function update(state) {
    fill(prompt, [state.prompt], (text) => h("span", {}, ...marked(text)));
    // Long enough to be scrolled: then the keyboard must reach it.
    setAttribute(prompt, "tabindex", state.prompt.length > 300 ? 0 : null);
    fill(references, state.references, reference);
    const told = [...state.parameters, ...money(state), ...outcome(state)];
    fill(facts, state.sandbox ? [BADGE, ...told] : told, (text) => (text === BADGE ? badge() : h("li", {}, text)));
    fill(warnings, state.warnings, (text) => h("li", {}, icon("warning"), h("span", {}, text)));
    const wrong = state.error ? [[state.error.message, state.error.hint].filter(Boolean).join(" ")] : [];
    fill(trouble, wrong, (text) => h("div", {}, icon("warning"), h("span", {}, text)));
  }

  return {
    parts: [prompt, references, facts, warnings, trouble],
    update,
    /** @param {(string | null)[]} pictures */
    show: (pictures) =>
      references.querySelectorAll("img").forEach((img, index) => setAttribute(img, "src", pictures[index])),
  };
}

/** @param {Host} host @param {(text: string) => void} say */
function createStop({ rpc, signal }, say) {
  /** @type {State} */
  let state;
  const el = button("Stop", { icon: "stop" });
  const text = /** @type {Element} */ (el.lastElementChild);

  async function ask() {
    el.disabled = true;
    try {
      const request = rpc.request(KIND.CLIP_STOP, { clip: state.id, how: state.stop });
      const { content } = await alive(request, signal);
      say(content.said);
    } catch (error) {
      if (!signal.aborted) say(/** @type {Error} */ (error).message);
    } finally {
      el.disabled = false;
    }
  }

  listen(el, "click", () => void ask(), signal);
  return {
    el,
    /** @param {State} next */
    update(next) {
      state = next;
      el.hidden = state.stop === null;
      if (state.stop === null) return;
      setText(text, STOP[state.stop].text);
      setAttribute(el, "title", STOP[state.stop].title);
    },
  };
}

function badge() {
  return h("li", { class: "hh-card-badge", title: "Simulated: nothing is sent to Scenario" }, BADGE);
}

/** @param {State} state */
function announcement(state) {
  return [`${state.heading}.`, state.error?.message].filter(Boolean).join(" ");
}

/** @param {State} state @returns {string[]} */
function money(state) {
  const simulated = state.sandbox ? " simulated" : "";
  if (state.cost !== null) return [units(state.cost) + simulated];
  return state.estimate === null || state.phase !== "busy" ? [] : [`about ${units(state.estimate)}${simulated}`];
}

/** @param {State} state @returns {string[]} */
function outcome(state) {
  if (state.phase !== "ready" || state.ended === null || state.video === null) return [];
  return [`made in ${clock(state.ended - state.started)}`, size(state.video.size)];
}

/** @param {string} name @param {number} index */
function reference(name, index) {
  const character = `character${index + 1}`;
  return h(
    "li",
    { "data-character": index + 1, title: `${character}: ${name}` },
    h("img", { alt: "", width: 40, height: 40 }),
    h("span", { class: "hh-card-label", "aria-hidden": "true" }, String(index + 1)),
    h("span", { class: "hh-unseen" }, `${character}: ${name}`),
  );
}
