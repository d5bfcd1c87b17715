/**
 * Which clips there are to see, in what order, and what is known of them. Of a library of thousands only the ids are
 * here, and the states of those that somebody has come near to.
 */

import { child, every } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";

/** What is shown of the library before anybody has searched. */
export const ALL = Object.freeze({ text: "", phase: "", favourite: false, tag: "", model: "", order: "newest" });

/** So many states in one answer stay well under 1 MB. */
const BATCH = 40;
const PAUSE = 50;
const PATIENCE = 5_000;
const GATHER = 300;
/** A card at work that is silent so long is asked about: Jupyter may have dropped a message. */
const AGAIN = 10_000;
/** So many states are kept at most. */
const KEPT = 600;

/**
 * @typedef {import("./shared/card.js").State & {press?: string | null}} State `press` says which press of the button made it.
 * @typedef {{text: string, phase: string, favourite: boolean, tag: string, model: string, order: string}} Query
 * @typedef {ReturnType<typeof createBrowse>} Browse
 */

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Model} host.model
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {() => void} host.listed Told when other clips are to be seen, or in another order.
 * @param {(state: State) => void} host.told Told of each state that arrives.
 */
export function createBrowse({ model, rpc, signal, listed, told }) {
  /** @type {Query} */
  let query = { ...ALL };
  /** @type {string[]} */
  let found = [];
  /** What leads the list whatever is searched: the presses of the button, and what they made. @type {string[]} */
  let led = [];
  /** @type {Set<string>} */
  const gone = new Set();
  /** @type {Map<string, string>} */
  const ratios = new Map();
  /** @type {Map<string, State>} */
  const states = new Map();
  /** @type {Map<string, number>} */
  const heard = new Map();
  let about = { total: 0, tags: /** @type {string[]} */ ([]), models: /** @type {{id: string, label: string}[]} */ ([]), problem: "", searching: false };
  let endSearch = () => {};
  let gathering = 0;

  /** @param {State} state */
  function adopt(state) {
    states.set(state.id, state);
    ratios.set(state.id, state.ratio);
    heard.set(state.id, Date.now());
    told(state);
  }

  async function find() {
    endSearch();
    const [own, done] = child(signal);
    endSearch = done;
    about = { ...about, searching: true };
    try {
      const { content } = await rpc.request(KIND.CLIPS_FIND, { query }, { signal: own });
      found = content.clips.map((/** @type {[string, string]} */ [id, ratio]) => {
        ratios.set(id, ratio);
        return id;
      });
      about = { total: content.total, tags: content.tags, models: content.models, problem: "", searching: false };
    } catch (error) {
      if (own.aborted) return; // a newer search has begun
      about = { ...about, problem: /** @type {Error} */ (error).message, searching: false };
    }
    listed();
  }

  function findSoon() {
    clearTimeout(gathering);
    gathering = window.setTimeout(find, GATHER);
  }

  /** @param {any} content */
  function hear(content) {
    if (content.kind !== KIND.CLIPS_CHANGED) return;
    for (const state of content.clips) hearOne(state);
  }

  /** @param {State} state */
  function hearOne(state) {
    refreshKin(state);
    const listedNow = led.includes(state.id) || found.includes(state.id);
    if (state.press && states.has(state.press)) become(state.press, state);
    else if (state.deleted) forget(state.id);
    else if (listedNow) {
      // Of clips that nobody is near to, no state is kept.
      if (states.has(state.id)) adopt(state);
    } else if (isAll() && newest() <= state.started) {
      found.unshift(state.id);
      about.total += 1;
      adopt(state);
      listed();
      refresh(state);
    } else findSoon();
  }

  /** What a new clip was made from says so from now on. @param {State} state */
  function refresh(state) {
    ask(state.lineage.map(({ id }) => id).filter((id) => states.has(id)));
  }

  /** Those that name a clip which was deleted, or brought back, say so from now on. @param {State} state */
  function refreshKin({ id, deleted }) {
    const stale = (/** @type {State} */ { lineage, made }) =>
      lineage.some((each) => each.id === id && (each.presence === "here") === deleted) || (deleted && made.some((each) => each.id === id));
    ask([...states.values()].filter(stale).map((each) => each.id));
  }

  /** @param {string[]} clips Whose states are to be told anew. */
  function ask(clips) {
    if (clips.length) rpc.request(KIND.CLIPS_STATES, { clips }, { signal }).then(({ content }) => content.clips.forEach(adopt), () => {});
  }

  const isAll = () => Object.entries(ALL).every(([name, value]) => query[/** @type {keyof Query} */ (name)] === value);
  const newest = () => Math.max(0, ...[...states.values()].map((state) => (state.kept ? state.started : 0)));

  /** @param {string} press @param {State} state */
  function become(press, state) {
    led = led.map((id) => (id === press ? state.id : id));
    states.delete(press);
    about.total += 1;
    renamed(press, state.id);
    adopt(state);
    listed();
    refresh(state);
  }
  /** @type {(press: string, id: string) => void} */
  let renamed = () => {};

  /** It was deleted, here or elsewhere. @param {string} id */
  function forget(id) {
    const there = led.includes(id) || found.includes(id);
    if (there && !gone.has(id)) about.total -= 1;
    [led, found] = [led, found].map((ids) => ids.filter((each) => each !== id));
    gone.delete(id);
    states.delete(id);
    if (there) listed();
  }

  /** @param {string[]} ids */
  function remove(ids) {
    for (const id of ids) gone.add(id);
    about.total -= ids.length;
    listed();
  }

  const fetching = createFetching({ rpc, signal, states, adopt, missing: (ids) => remove(ids) });

  const page = model.get("_page") ?? { clips: [], total: 0 };
  found = page.clips.map((/** @type {State} */ state) => state.id);
  about.total = page.total;
  for (const state of page.clips) {
    states.set(state.id, state);
    ratios.set(state.id, state.ratio);
    heard.set(state.id, Date.now());
  }
  model.on("msg:custom", hear);
  signal.addEventListener("abort", () => {
    model.off("msg:custom", hear);
    clearTimeout(gathering);
  });
  every(AGAIN, () => {
    const late = (/** @type {State} */ state) => state.kept && state.phase === "busy" && Date.now() - (heard.get(state.id) ?? 0) > AGAIN;
    ask([...states.values()].filter(late).slice(0, BATCH).map(({ id }) => id));
  }, signal);
  void find();

  return {
    get query() {
      return query;
    },
    get about() {
      return { ...about, all: isAll() };
    },
    /** The ids of what is to be seen, in order. */
    order() {
      const first = new Set(led);
      return [...led, ...found.filter((id) => !first.has(id))].filter((id) => !gone.has(id));
    },
    state: (/** @type {string} */ id) => states.get(id),
    ratio: (/** @type {string} */ id) => ratios.get(id) ?? "16:9",
    /** @param {Partial<Query>} changes */
    search(changes) {
      query = { ...query, ...changes };
      led = led.filter((id) => states.get(id)?.kept === false);
      void find();
    },
    /** @param {string[]} ids What somebody is near to. */
    near(ids) {
      fetching.near(ids);
      if (states.size <= KEPT) return;
      const used = new Set([...ids, ...led]);
      for (const id of [...states.keys()].slice(0, states.size - KEPT / 2)) if (!used.has(id)) states.delete(id);
    },
    /** The states of clips, wherever they are in the list. @param {string[]} ids @returns {Promise<State[]>} */
    async states(ids) {
      const lacking = ids.filter((id) => !states.has(id));
      for (let at = 0; at < lacking.length; at += BATCH) {
        const { content } = await rpc.request(KIND.CLIPS_STATES, { clips: lacking.slice(at, at + BATCH) }, { signal });
        content.clips.forEach(adopt);
      }
      return ids.flatMap((id) => (gone.has(id) ? [] : (states.get(id) ?? [])));
    },
    adopt,
    remove,
    /** Shows again what was taken out. @param {string[]} ids */
    bringBack(ids) {
      for (const id of ids) gone.delete(id);
      about.total += ids.length;
      if (ids.every((id) => led.includes(id) || found.includes(id))) listed();
      else void find();
    },
    /** A press of the button leads the list until it is answered. @param {State[]} pressed */
    begin(pressed) {
      for (const state of pressed) states.set(state.id, state);
      led = [...pressed.map(({ id }) => id), ...led];
      listed();
    },
    become,
    /** A press made nothing. @param {string} press */
    end(press) {
      if (!states.delete(press)) return;
      led = led.filter((id) => id !== press);
      listed();
    },
    /** Has `callback` told when a press has become a clip, before the list is. @param {(press: string, id: string) => void} callback */
    onRenamed: (callback) => void (renamed = callback),
    /** @param {string[]} tags Those that are in use now. */
    tagged(tags) {
      about = { ...about, tags };
      listed();
    },
  };
}

/**
 * Asks for the states of the clips that somebody is near to, a few at a time: who scrolls past asks for nothing.
 * @param {object} host
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {Map<string, State>} host.states
 * @param {(state: State) => void} host.adopt
 * @param {(ids: string[]) => void} host.missing Told which clips are not there any more.
 */
function createFetching({ rpc, signal, states, adopt, missing }) {
  /** @type {string[]} */
  let nearby = [];
  /** @type {Set<string>} */
  const asked = new Set();
  let timer = 0;
  signal.addEventListener("abort", () => clearTimeout(timer));

  const lacking = () => nearby.filter((id) => !states.has(id) && !asked.has(id));

  /** @param {number} delay */
  function soon(delay) {
    if (!timer && !signal.aborted && lacking().length) timer = window.setTimeout(ask, delay);
  }

  async function ask() {
    timer = 0;
    const ids = lacking().slice(0, BATCH);
    if (!ids.length || asked.size) return;
    for (const id of ids) asked.add(id);
    let pause = 0;
    try {
      const { content } = await rpc.request(KIND.CLIPS_STATES, { clips: ids }, { signal });
      content.clips.forEach(adopt);
      const lost = ids.filter((id) => !states.has(id));
      if (lost.length) missing(lost);
    } catch {
      pause = PATIENCE;
    } finally {
      asked.clear();
      soon(pause);
    }
  }

  return {
    /** @param {string[]} ids */
    near(ids) {
      nearby = ids;
      soon(PAUSE);
    },
  };
}
