/** A card's buttons: what the clip's state allows, what a person does with a clip again and again, and a menu of the rest. */

import { button, h, setAttribute } from "./dom.js";
import { units } from "./format.js";
import { alive, listen } from "./lifetime.js";
import { createMenu } from "./menu.js";
import { KIND, newPress } from "./rpc.js";

/**
 * @typedef {import("./card.js").State} State
 * @typedef {import("./card.js").Host} Host
 */

/** @type {Record<string, {text: string, title: string, icon: Parameters<typeof import("./dom.js").icon>[0], costs?: boolean}>} */
const ACTIONS = {
  withdraw: { text: "Withdraw", title: "Take it back: nothing was sent or paid yet", icon: "stop" },
  detach: { text: "Stop watching", title: "Stop watching: the job is paid and goes on; the clip still arrives", icon: "stop" },
  watch: { text: "Watch again", title: "Nobody watches it now; the job goes on, and the clip arrives all the same", icon: "eye" },
  cancel: { text: "Ask to cancel", title: "Ask Scenario to cancel the job. It usually refuses, and the money is spent either way", icon: "cross" },
  look: { text: "Look again", title: "Look for the job, or fetch its file, once more. Free of charge", icon: "replay" },
  resubmit: { text: "Submit again", title: "A new job of the same request", icon: "replay", costs: true },
  again: { text: "Submit again", title: "A new clip of the same request", icon: "replay", costs: true },
  restore: { text: "Undo", title: "Bring the deleted clip back", icon: "replay" },
};

/**
 * The buttons for what the clip's state allows. A button that stays keeps its focus.
 * @param {Host} host @param {(text: string) => void} say
 */
export function createActions({ rpc, signal }, say) {
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
      const { content } = await alive(rpc.request(KIND.CLIP_ACT, { clip: state.id, action, press: newPress() }, { signal }), signal);
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
      setAttribute(one, "aria-disabled", asking ? "true" : null);
      one.disabled = lost;
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

/**
 * What a person does with a clip: use it again, prize it, and a menu of what is needed less often. Offered only where
 * the place that shows the card can do it.
 * @param {Host} host
 * @param {object} card
 * @param {(text: string) => void} card.say
 * @param {() => State} card.state
 * @param {() => {time?: () => number}} card.player
 * @param {{tag: () => void, write: () => void}} card.marks
 * @param {(marks: object) => Promise<void>} card.mark
 * @param {() => void} card.code Shows the code that makes the clip again.
 */
export function createDeeds({ rpc, signal, reuse, take, compare, remove }, card) {
  const again = button("Reuse", { icon: "reuse", title: "Put prompt, images and parameters into the Studio, to change something" });
  const vary = button("Vary seed", { icon: "dice", title: "The same once more, with another seed" });
  const star = button("Favourite", { icon: "star", quiet: true });
  star.classList.add("hh-card-star");
  const menu = createMenu({ label: "More actions", signal, items });
  const parts = [again, vary, h("span", { class: "hh-card-few" }, star, menu)];

  /** @param {() => unknown} deed */
  async function attempt(deed) {
    try {
      const said = await deed();
      if (typeof said === "string") card.say(said);
    } catch (error) {
      if (!signal.aborted) card.say(/** @type {Error} */ (error).message);
    }
  }

  /** @param {() => unknown} act */
  const doing = (act) => () => void attempt(act);
  listen(again, "click", doing(() => reuse?.(card.state(), { seed: "keep" })), signal);
  listen(vary, "click", doing(() => reuse?.(card.state(), { seed: "vary" })), signal);
  listen(star, "click", doing(() => card.mark({ favourite: !card.state().favourite })), signal);

  /** Says here what came of a frame: the tray may be far out of view. @param {number | Promise<number>} taken */
  async function added(taken) {
    const character = await taken;
    return character ? `Added to the references as character${character}.` : "Nine images are the most: remove one first.";
  }

  /** @returns {import("./menu.js").Item[]} */
  function items() {
    const { id, phase, deletable, notes } = card.state();
    const ready = phase === "ready";
    const given = /** @type {(import("./menu.js").Item | false | undefined)[]} */ ([
      ready && take && { text: "Last frame → reference", icon: "frame", act: doing(() => added(take(id, "last"))) },
      ready && take && card.player().time && { text: "This frame → reference", icon: "image", act: doing(() => added(take(id, /** @type {() => number} */ (card.player().time)()))) },
      ready && compare && { text: "Compare …", icon: "compare", act: doing(() => compare(id)) },
      { text: "Add a tag", icon: "tag", act: card.marks.tag },
      { text: notes ? "Change the note" : "Add a note", icon: "note", act: card.marks.write },
      { text: "Copy as code", icon: "code", act: card.code },
      deletable && { text: "Delete", icon: "trash", act: doing(() => (remove ? remove([id]) : rpc.request(KIND.CLIPS_DELETE, { clips: [id] }, { signal }))) },
    ]);
    return /** @type {import("./menu.js").Item[]} */ (given.filter(Boolean));
  }

  return {
    parts,
    /** @param {State} state */
    update(state) {
      const there = state.kept && !state.deleted;
      again.hidden = vary.hidden = !there || !reuse;
      star.hidden = menu.hidden = !there;
      setAttribute(star, "aria-pressed", state.favourite ? "true" : "false");
      setAttribute(vary, "title", `The same once more, with another seed${price(state)}`);
    },
  };
}
