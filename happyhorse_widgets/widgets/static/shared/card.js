/**
 * A clip's card, from the first moment to the playing video. Its stage has the clip's shape throughout, so that
 * nothing jumps while one state follows another.
 */

import { createActions, createDeeds } from "./actions.js";
import { createCode } from "./code.js";
import { h, setAttribute, setText } from "./dom.js";
import { alive, blobUrl, seen } from "./lifetime.js";
import { createLineage } from "./lineage.js";
import { createMarks } from "./marks.js";
import { createPlayer } from "./player.js";
import { KIND } from "./rpc.js";
import { createStage } from "./stage.js";
import { createWords } from "./words.js";

/**
 * @typedef {object} State What `card_state` in card.py gives.
 * @property {string} id
 * @property {boolean} kept Whether the clip is in the library: not yet where a press was not answered.
 * @property {"busy" | "halted" | "ready" | "failed" | "stopped" | "asking"} phase
 * @property {string} heading
 * @property {string} note
 * @property {number | null} progress
 * @property {number} started Epoch seconds by the kernel's clock.
 * @property {number | null} ended
 * @property {number | null} expected Seconds that a clip of this model usually takes.
 * @property {boolean} sandbox
 * @property {string} prompt
 * @property {string[]} references
 * @property {string[]} names The references' own names, "" where there is none.
 * @property {string[]} parameters
 * @property {string} ratio
 * @property {number | null} cost
 * @property {number | null} estimate
 * @property {string[]} warnings
 * @property {{message: string, hint: string} | null} error
 * @property {string[]} actions What its state allows, the sensible thing first; actions.js has the words.
 * @property {boolean} detached
 * @property {(import("./video.js").Video & {name: string}) | null} video
 * @property {boolean} favourite
 * @property {string[]} tags
 * @property {string} notes
 * @property {boolean} deletable Whether it has come to rest.
 * @property {boolean} deleted
 * @property {import("./lineage.js").Relative[]} lineage What it was made from.
 * @property {import("./lineage.js").Relative[]} made Some of what was made from it.
 * @property {number} made_count
 *
 * @typedef {object} Host
 * @property {import("./rpc.js").Rpc} rpc
 * @property {AbortSignal} signal
 * @property {(state: State, how: {seed: "vary" | "keep"}) => unknown} [reuse] Sets up the same again; a text that comes of it is
 *   shown on the card.
 * @property {(clip: string, at: number | "last") => number | Promise<number>} [take] Makes a reference of the frame at so many seconds. Gives the
 *   number of its character, or 0 where there is no place.
 * @property {(clip: string) => void} [show] Brings another clip into view.
 * @property {(clip: string) => void} [compare]
 * @property {(clips: string[]) => unknown} [remove] Deletes, and offers to undo it.
 * @property {() => string[]} [tags] The tags that are in use.
 */

/**
 * @param {Host} host
 * @returns {{el: HTMLElement, stage: HTMLElement, update: (state: State) => void, lose: (lost: boolean) => void}}
 */
export function createCard(host) {
  const { rpc, signal } = host;
  /** @type {State | undefined} */
  let before;
  /** @type {HTMLElement | null} */
  let code = null;
  const current = () => /** @type {State} */ (before);
  const said = h("div", { class: "hh-card-said hh-quiet" });
  const say = (/** @type {string} */ text) => setText(said, text);
  const stage = createStage({ rpc, signal });
  const player = createPlayer({ rpc, signal, stage: stage.el, say });
  const acts = createActions(host, say);
  const words = createWords();
  const lineage = createLineage(signal, host.show);
  const marks = createMarks({ signal, mark, tags: host.tags });
  const deeds = createDeeds(host, { say, state: current, player: () => player, marks, mark, code: showCode });
  const actions = h("div", { class: "hh-card-actions" }, acts.el, ...player.actions, ...deeds.parts);
  const side = h("div", { class: "hh-card-side" }, ...words.parts, lineage.el, marks.el, actions, said);
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

  /** @param {object} change */
  async function mark(change) {
    try {
      const { content } = await alive(rpc.request(KIND.CLIPS_MARK, { clips: [current().id], ...change }, { signal }), signal);
      for (const state of content.clips) if (state.id === current().id) update(state);
    } catch (error) {
      if (!signal.aborted) say(/** @type {Error} */ (error).message);
      throw error;
    }
  }

  function showCode() {
    const closed = () => void (code = null);
    code ??= createCode({ signal, closed, ask: async () => (await rpc.request(KIND.CLIP_CODE, { clip: current().id }, { signal })).content.code });
    actions.after(code);
    code.querySelector("button")?.focus();
  }

  /** @param {State} state */
  function update(state) {
    setAttribute(el, "aria-label", `Clip: ${state.prompt.slice(0, 80)}`);
    setAttribute(el, "data-clip", state.id);
    setAttribute(el, "data-phase", state.phase);
    if (before?.id !== state.id) before = undefined; // another clip in this place
    const last = before;
    before = state;
    for (const part of [stage, player, acts, words, lineage, marks, deeds]) part.update(state);
    // Without pictures the card is still whole. The poster is there once the clip is.
    if (last?.phase !== state.phase && (!last || state.phase === "ready")) fetchImages(state.id).catch(() => {});
    if (last && last.heading !== state.heading) setText(status, announcement(state));
  }

  /** @param {boolean} lost */
  function lose(lost) {
    stage.lose(lost);
    acts.lose(lost);
  }

  return { el, stage: stage.el, update, lose };
}

/** @param {State} state */
function announcement(state) {
  return [`${state.heading}.`, state.error?.message].filter(Boolean).join(" ");
}
