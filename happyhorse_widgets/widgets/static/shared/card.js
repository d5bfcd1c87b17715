/**
 * A clip's card, from the first moment to the playing video. Its stage has the clip's shape throughout, so that
 * nothing jumps while one state follows another.
 */

import { button, h, icon, setAttribute, setText } from "./dom.js";
import { clock, roughly, size, units } from "./format.js";
import { alive, blobUrl, every, listen, seen } from "./lifetime.js";
import { marked } from "./mentions.js";
import { createPlayer } from "./player.js";
import { KIND } from "./rpc.js";

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
const DETACHED = "Not watched. The job is paid and goes on; the clip still arrives here.";

/**
 * @param {Host} host
 * @returns {{el: HTMLElement, update: (state: State) => void}}
 */
export function createCard({ rpc, signal }) {
  /** @type {State} */
  let state;

  const heading = h("span");
  const time = h("span", { class: "hh-number" });
  const usual = h("span", { class: "hh-quiet" });
  const note = h("div", { class: "hh-card-note hh-quiet" });
  const work = h("div", { class: "hh-card-work" }, h("div", { class: "hh-card-heading" }, icon("warning"), heading), h("div", { class: "hh-card-time" }, time, usual), note);
  const fill = h("div", { class: "hh-card-fill" });
  const bar = h("div", { class: "hh-card-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, fill);
  const badge = h("span", { class: "hh-card-badge", title: "Simulated: nothing is sent to Scenario" }, "Sandbox");
  const stage = h("div", { class: "hh-card-stage" }, work, bar, badge);

  const prompt = h("p", { class: "hh-card-prompt", dir: "auto" });
  const references = h("ul", { class: "hh-card-references", "aria-label": "Reference images" });
  const parameters = h("ul", { class: "hh-card-facts hh-quiet hh-number" });
  const warnings = h("ul", { class: "hh-card-warnings" });
  const trouble = h("div", { class: "hh-card-trouble" });
  const actions = h("div", { class: "hh-card-actions" });
  const said = h("div", { class: "hh-card-said hh-quiet" });
  const side = h("div", { class: "hh-card-side" }, prompt, references, parameters, warnings, trouble, actions, said);

  const status = h("div", { class: "hh-unseen", role: "status" });
  const el = h("article", { class: "hh-card" }, stage, side, status);

  const player = createPlayer({ rpc, signal, stage, say: (text) => setText(said, text) });
  const stop = button("", { icon: "stop" });
  listen(stop, "click", () => void askToStop(), signal);
  actions.append(stop, ...player.actions);
  every(1000, tick, signal);

  async function askToStop() {
    stop.disabled = true;
    try {
      const request = rpc.request(KIND.CLIP_STOP, { clip: state.id, how: state.stop });
      const { content } = await alive(request, signal);
      setText(said, content.said);
    } catch (error) {
      if (!signal.aborted) setText(said, /** @type {Error} */ (error).message);
    } finally {
      stop.disabled = false;
    }
  }

  async function fetchImages() {
    await seen(el, signal);
    const { buffers } = await rpc.request(KIND.CLIP_IMAGES, { clip: state.id }, { signal });
    const pictures = buffers.map((bytes) => (bytes.byteLength ? blobUrl(new Blob([bytes]), signal) : null));
    references.querySelectorAll("img").forEach((img, index) => setAttribute(img, "src", pictures[index]));
    player.poster(pictures.at(-1) ?? null);
  }

  /** What never changes in a clip's life. */
  function fillIn() {
    setAttribute(el, "aria-label", `Clip: ${state.prompt.slice(0, 80)}`);
    setAttribute(el, "data-clip", state.id);
    const [width, height] = state.ratio.split(":").map(Number);
    stage.style.setProperty("--hh-ratio", String(width / height));
    badge.hidden = !state.sandbox;
    prompt.append(...marked(state.prompt));
    // Long enough to be scrolled: then the keyboard must reach it.
    setAttribute(prompt, "tabindex", state.prompt.length > 300 ? 0 : null);
    references.append(...state.references.map(reference));
    warnings.append(...state.warnings.map((text) => h("li", {}, icon("warning"), h("span", {}, text))));
    fetchImages().catch(() => {}); // without pictures the card is still whole
  }

  /** @param {State} next */
  function update(next) {
    const first = state === undefined;
    const before = state;
    state = next;
    if (first) fillIn();
    setAttribute(el, "data-phase", state.phase);
    setText(heading, state.detached && state.phase === "busy" ? "In the background" : state.heading);
    setText(note, state.detached && state.phase === "busy" ? DETACHED : state.note);
    showFacts();
    showProgress();
    showTrouble();
    showStop();
    work.hidden = state.phase === "ready";
    player.update(state);
    if (before && before.phase !== "ready" && state.phase === "ready") fetchImages().catch(() => {});
    if (!first && before.heading !== state.heading) setText(status, announcement());
    tick();
  }

  function showFacts() {
    const facts = [...state.parameters, ...money(state), ...outcome(state)];
    if (facts.join() === parameters.dataset.facts) return;
    parameters.dataset.facts = facts.join();
    parameters.replaceChildren(...facts.map((text) => h("li", {}, text)));
  }

  function showProgress() {
    const share = state.phase === "busy" ? state.progress : null;
    bar.hidden = share === null;
    fill.style.inlineSize = `${(share ?? 0) * 100}%`;
    setAttribute(bar, "aria-label", state.heading);
    setAttribute(bar, "aria-valuenow", share === null ? null : Math.round(share * 100));
  }

  function showTrouble() {
    const text = state.error ? [state.error.message, state.error.hint].filter(Boolean).join(" ") : "";
    if (trouble.dataset.text === text) return;
    trouble.dataset.text = text;
    trouble.replaceChildren(...(text ? [icon("warning"), h("span", {}, text)] : []));
  }

  function showStop() {
    stop.hidden = state.stop === null;
    if (state.stop === null) return;
    setText(/** @type {Element} */ (stop.lastElementChild), STOP[state.stop].text);
    setAttribute(stop, "title", STOP[state.stop].title);
  }

  function announcement() {
    return [`${state.heading}.`, state.error?.message].filter(Boolean).join(" ");
  }

  function tick() {
    if (state === undefined || state.phase === "ready") return;
    const elapsed = (state.ended ?? rpc.now()) - state.started;
    setText(time, clock(elapsed));
    setText(usual, state.phase === "busy" ? usually(elapsed, state.expected) : "");
  }

  return { el, update };
}

/** @param {number} elapsed @param {number | null} expected */
function usually(elapsed, expected) {
  if (expected === null) return "";
  const length = roughly(expected);
  return elapsed > expected * 1.5 ? ` · longer than usual (${length})` : ` · usually ${length}`;
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
