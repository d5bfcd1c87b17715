/** The Studio's clips, newest first: one card each, from the press of the button on. */

import { createCard } from "./shared/card.js";
import { button, h } from "./shared/dom.js";
import { child, every, listen } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";

/** How many are shown at first, and how many more each time. */
const PAGE = 20;
/** Pressing again is harmless, since the kernel knows each press; so one that is not answered is sent again. */
const AGAIN = 10_000;
const PATIENCE = 1_500;
const PRESS = "press-";
const refuse = () => Promise.reject(new Error("The kernel has not answered yet."));

/**
 * @typedef {import("./shared/card.js").State & {press?: string}} State `press` says which press of the button made it.
 * @typedef {{id: string, item: HTMLElement, card: ReturnType<typeof createCard>, state: State, heard: number, end: () => void}} Entry
 */

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Model} host.model
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 */
export function createClips({ model, rpc, signal }) {
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  let more = false;

  const list = h("ol", { class: "hh-clips-list", "aria-label": "Clips, newest first" });
  const empty = h("p", { class: "hh-quiet hh-clips-empty" }, "Your clips appear here, newest first, and stay in this folder.");
  const further = button("Show more");
  const element = h("div", { class: "hh-clips" }, list, empty, further);

  /** @param {State} state */
  function show(state) {
    const entry = entries.get(state.id) ?? make(state);
    entry.state = state;
    entry.heard = Date.now();
    entry.card.update(state);
  }

  /** @param {State} state @returns {Entry} */
  function make(state) {
    const [own, end] = child(signal);
    // A press that the kernel has not answered has no pictures there to ask for.
    const card = createCard({ rpc: state.id.startsWith(PRESS) ? { ...rpc, request: refuse } : rpc, signal: own });
    const pressed = entries.get(state.press ?? "");
    const item = pressed?.item ?? place(state);
    pressed?.end();
    entries.delete(state.press ?? "");
    item.replaceChildren(card.el);
    const entry = { id: state.id, item, card, state, heard: 0, end };
    entries.set(state.id, entry);
    empty.hidden = true;
    return entry;
  }

  /** A new place in the list, by age. @param {State} state */
  function place(state) {
    const item = h("li", {});
    const older = [...entries.values()].filter((other) => other.state.started <= state.started);
    older.sort((a, b) => b.state.started - a.state.started);
    list.insertBefore(item, older[0]?.item ?? null);
    return item;
  }

  /** @param {string} id */
  function drop(id) {
    const entry = entries.get(id);
    entry?.end();
    entry?.item.remove();
    entries.delete(id);
    empty.hidden = entries.size > 0;
  }

  /** @param {{clips: State[], more?: boolean}} page */
  function adopt(page) {
    page.clips.forEach(show);
    more = page.more ?? more;
    further.hidden = !more;
  }

  /** @param {object} which */
  async function ask(which) {
    const { content } = await rpc.request(KIND.STUDIO_CLIPS, which, { signal });
    return /** @type {any} */ (content);
  }

  /** @param {any} content */
  function heard(content) {
    if (content.kind !== KIND.STUDIO_CHANGED) return;
    for (const state of content.clips) {
      const oldest = Math.min(...[...entries.values()].map((entry) => entry.state.started));
      // What is older than everything shown is for "Show more".
      if (entries.has(state.id) || !more || state.started >= oldest) show(state);
    }
  }

  adopt(model.get("_page") ?? { clips: [], more: false });
  empty.hidden = entries.size > 0;
  model.on("msg:custom", heard);
  signal.addEventListener("abort", () => model.off("msg:custom", heard));
  ask({ limit: PAGE }).then(adopt, () => {});
  listen(further, "click", async () => {
    further.disabled = true;
    const before = [...list.children].at(-1);
    const oldest = [...entries.values()].find((entry) => entry.item === before);
    try {
      adopt(await ask({ before: oldest?.id, limit: PAGE }));
      /** @type {HTMLElement | null | undefined} */ (before?.nextElementSibling?.querySelector("button, video"))?.focus();
    } finally {
      further.disabled = false;
    }
  }, signal);
  // A message that Jupyter dropped is made up for: a card that is at work and silent is asked about.
  every(AGAIN, () => {
    const silent = [...entries.values()].filter((entry) => entry.state.phase === "busy" && Date.now() - entry.heard > AGAIN);
    if (silent.length) ask({ ids: silent.map((entry) => entry.id) }).then(adopt, () => {});
  }, signal);

  return {
    element,
    /**
     * Makes one clip. Its card is there at once; whatever comes of it shows in that place.
     * @param {object} request
     * @param {Partial<State>} look What the card shows until the kernel has answered.
     * @param {Promise<unknown>} ready What has to arrive first.
     * @returns {Promise<any[]>} The problems that kept the clip from being made; none when it is on its way.
     */
    async press(request, look, ready) {
      const press = `${PRESS}${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;
      const started = rpc.now();
      let arrived = false;
      const say = (/** @type {string} */ note) => show({ ...PREPARING, ...look, id: press, note, started });
      const waiting = () => entries.has(press) && say(arrived ? "Waiting for the kernel: it is busy." : "Sending the images to the kernel.");
      say("");
      const [own, done] = child(signal);
      every(PATIENCE, waiting, own);
      try {
        await ready;
        arrived = true;
        const { content } = await answered(press, request);
        if (content.clip) show(content.clip);
        return content.problems ?? [];
      } finally {
        done();
        if (!signal.aborted) drop(press);
      }
    },
  };

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
}

/** @type {Omit<State, "id" | "started">} */
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
  parameters: [],
  ratio: "16:9",
  cost: null,
  estimate: null,
  warnings: [],
  error: null,
  actions: [],
  detached: false,
  video: null,
};
