/** A press of the button as it shows in the list: as many cards as it makes, at once, and what comes of them in their places. */

import { child, every } from "./shared/lifetime.js";
import { KIND, newPress } from "./shared/rpc.js";

/** Pressing again is harmless, since the kernel knows each press; so one that is not answered is sent again. */
const AGAIN = 10_000;
const PATIENCE = 1_500;

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {import("./browse.js").Browse} host.browse
 * @param {AbortSignal} host.signal
 */
export function createPressing({ rpc, browse, signal }) {
  /** @param {string} press @param {object} request */
  function answered(press, request) {
    const [own, done] = child(signal);
    const send = () => rpc.request(KIND.STUDIO_GENERATE, { press, ...request }, { signal: own });
    return new Promise((resolve, reject) => {
      const settle = () => send().then(resolve, (error) => own.aborted || reject(error));
      settle();
      every(AGAIN, settle, own);
    }).finally(done);
  }

  /**
   * Makes clips. Their cards are there at once; whatever comes of them shows in those places.
   * @param {{values?: {variations?: number}, vary?: string}} request
   * @param {Partial<import("./browse.js").State>} look What the cards show until the kernel has answered.
   * @param {Promise<unknown>} ready What has to arrive first.
   * @returns {Promise<any[]>} The problems that kept the clips from being made; none when they are on their way.
   */
  return async function press(request, look, ready) {
    const name = newPress();
    const places = Array.from({ length: request.values?.variations ?? 1 }, (_, index) => `${name}/${index}`);
    const started = rpc.now();
    const pressed = (/** @type {string} */ note) => places.map((id) => ({ ...PREPARING, ...look, id, note, started }));
    let arrived = false;
    browse.begin(pressed(""));
    const [own, done] = child(signal);
    every(PATIENCE, () => {
      const note = arrived ? "Waiting for the kernel: it is busy." : "Sending the images to the kernel.";
      for (const state of pressed(note)) if (browse.state(state.id)) browse.adopt(state);
    }, own);
    try {
      await ready;
      arrived = true;
      const { content } = await answered(name, request);
      for (const state of content.clips ?? []) {
        // The news of a clip may come before the answer.
        if (browse.state(state.press)) browse.become(state.press, state);
        else browse.adopt(state);
      }
      return content.problems ?? [];
    } finally {
      done();
      if (!signal.aborted) places.forEach(browse.end);
    }
  };
}

/**
 * Makes a clip like that of a card, with another seed. Rejects with what kept it from being made.
 * @param {ReturnType<typeof createPressing>} press
 * @param {import("./shared/card.js").State} state
 */
export async function vary(press, state) {
  const { id, prompt, ratio, sandbox, references, parameters } = state;
  const shown = { prompt, ratio, sandbox, references, parameters: parameters.filter((fact) => !fact.startsWith("seed ")) };
  refuse(await press({ vary: id, values: { variations: 1 } }, shown, Promise.resolve()));
}

/** @param {{message: string}[]} problems */
export function refuse(problems) {
  if (problems.length) throw new Error(problems.map(({ message }) => message).join(" "));
}

/** @type {Omit<import("./browse.js").State, "id" | "started">} */
const PREPARING = {
  phase: "busy",
  heading: "Preparing",
  note: "",
  progress: null,
  ended: null,
  expected: null,
  sandbox: false,
  prompt: "",
  references: [],
  names: [],
  parameters: [],
  ratio: "16:9",
  cost: null,
  estimate: null,
  warnings: [],
  error: null,
  actions: [],
  detached: false,
  video: null,
  kept: false,
  favourite: false,
  tags: [],
  notes: "",
  deletable: false,
  deleted: false,
  lineage: [],
  made: [],
  made_count: 0,
};
