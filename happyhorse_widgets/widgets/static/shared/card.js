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
 * @property {(keyof typeof ACTIONS)[]} actions What can be done with it, the sensible thing first.
 * @property {boolean} detached
 * @property {(import("./video.js").Video & {name: string}) | null} video
 *
 * @typedef {{rpc: import("./rpc.js").Rpc, signal: AbortSignal}} Host
 */

/** @type {Record<string, {text: string, title: string, icon: Parameters<typeof icon>[0], costs?: boolean}>} */
const ACTIONS = {
  withdraw: { text: "Withdraw", title: "Take it back: nothing was sent or paid yet", icon: "stop" },
  detach: { text: "Stop watching", title: "Stop watching: the job is paid and goes on; the clip still arrives", icon: "stop" },
  watch: { text: "Watch again", title: "Nobody watches it now; the job goes on, and the clip arrives all the same", icon: "eye" },
  cancel: { text: "Ask to cancel", title: "Ask Scenario to cancel the job. It usually refuses, and the money is spent either way", icon: "cross" },
  look: { text: "Look again", title: "Look for the job, or fetch its file, once more. Free of charge", icon: "replay" },
  resubmit: { text: "Submit again", title: "A new job of the same request", icon: "replay", costs: true },
  again: { text: "Submit again", title: "A new clip of the same request", icon: "replay", costs: true },
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
  const acts = createActions({ rpc, signal }, say);
  const words = createWords();
  const actions = h("div", { class: "hh-card-actions" }, acts.el, ...player.actions);
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
    if (before?.id !== state.id) before = undefined; // another clip in this place
    for (const part of [stage, player, acts, words]) part.update(state);
    // Without pictures the card is still whole. The poster is there once the clip is.
    if (before?.phase !== state.phase && (!before || state.phase === "ready")) fetchImages(state.id).catch(() => {});
    if (before && before.heading !== state.heading) setText(status, announcement(state));
    before = state;
  }

  /** @param {boolean} lost */
  function lose(lost) {
    stage.lose(lost);
    acts.lose(lost);
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

/**
 * The buttons for what the clip's state allows. A button that stays keeps its focus.
 * @param {Host} host @param {(text: string) => void} say
 */
function createActions({ rpc, signal }, say) {
  /** @type {State} */
  let state;
  let [asking, lost] = [false, false];
  const el = h("span", { class: "hh-card-acts" });
  /** @type {Map<string, HTMLButtonElement>} */
  const buttons = new Map();

  /** @param {string} action */
  async function ask(action) {
    asking = true;
    enable();
    try {
      const { content } = await alive(rpc.request(KIND.CLIP_ACT, { clip: state.id, action }, { signal }), signal);
      say(content.said);
    } catch (error) {
      if (!signal.aborted) say(/** @type {Error} */ (error).message);
    } finally {
      asking = false;
      enable();
    }
  }

  function enable() {
    // Only marked while an answer is awaited: a disabled button would lose the focus.
    for (const one of buttons.values()) {
      one.disabled = lost;
      setAttribute(one, "aria-disabled", asking ? "true" : null);
    }
  }

  /** @param {string} action */
  function make(action) {
    const { text, icon: picture } = ACTIONS[action];
    const made = button(text, { icon: picture });
    listen(made, "click", () => asking || void ask(action), signal);
    return made;
  }

  return {
    el,
    /** @param {boolean} now */
    lose(now) {
      lost = now;
      enable();
    },
    /** @param {State} next */
    update(next) {
      const focused = [...buttons.values()].some((one) => one === one.ownerDocument.activeElement);
      state = next;
      for (const [action, one] of buttons) {
        if (state.actions.includes(action)) continue;
        one.remove();
        buttons.delete(action);
      }
      state.actions.forEach((action, index) => {
        const one = buttons.get(action) ?? make(action);
        buttons.set(action, one);
        if (el.children[index] !== one) el.insertBefore(one, el.children[index] ?? null);
        setAttribute(one, "title", ACTIONS[action].title + price(ACTIONS[action].costs ? state : undefined));
        one.classList.toggle("hh-button-primary", state.phase === "asking" && index === 0);
      });
      if (focused && !el.contains(el.ownerDocument.activeElement)) /** @type {HTMLElement | null} */ (el.firstElementChild)?.focus();
      enable();
    },
  };
}

/** @param {State | undefined} state */
function price(state) {
  if (!state) return "";
  if (state.estimate === null) return ": it costs anew";
  return `: it costs about ${units(state.estimate)}${state.sandbox ? " simulated" : ""}`;
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
