/** Blind votes: a rater says who they are, sees pairs of clips, and says which one is better. */

import { createAnswers } from "./answers.js";
import { createDuel } from "./duel.js";
import { button, h, icon, setAttribute, setText } from "./shared/dom.js";
import { keepFocus } from "./shared/focus.js";
import { suppressShortcuts } from "./shared/keys.js";
import { child, listen } from "./shared/lifetime.js";
import { KIND, connect } from "./shared/rpc.js";
import { hideTwin, isExport } from "./shared/twin.js";

const LOST = "The kernel has stopped. Every vote until here is saved: run the cell again to go on.";
const WELCOME = "Two clips play side by side, again and again, until you have compared them. Each vote is saved before the next pair comes.";
const KEYS = [["← A", "left clip"], ["→ B", "right clip"], ["↑ T", "tie"], ["↓ X", "both bad"], ["Space", "pause"], ["R", "from the beginning"], ["U", "take back the last vote"]];
const SHORTCUTS = "A B T X ArrowLeft ArrowRight ArrowUp ArrowDown Space R U F Enter";
const PRESSES = /** @type {Record<string, string>} */ ({
  arrowleft: "a", a: "a", arrowright: "b", b: "b", arrowup: "tie", t: "tie", arrowdown: "both_bad", x: "both_bad",
});

/**
 * What the kernel tells of a pair; see `Kind.ARENA_NEXT`.
 * @typedef {object} Showing
 * @property {string} showing
 * @property {[string, string]} sides
 * @property {number} bytes
 * @property {number} ratio
 * @property {number} position
 * @property {number} total
 * @property {string | null} last
 */

/**
 * @param {{model: import("./shared/rpc.js").Model, el: HTMLElement, signal?: AbortSignal}} view
 * @returns {(() => void) | undefined}
 */
function render({ model, el, signal: given }) {
  const twin = model.get("_twin");
  if (isExport(twin)) return undefined;
  const [signal, end] = child(given);
  const root = h("div", { class: "hh-root hh-arena" });
  suppressShortcuts(root, signal);
  keepFocus(root, signal);
  createArena({ about: model.get("_about"), rpc: connect(model, signal), root, signal });
  el.append(root);
  hideTwin(twin, signal);
  return () => {
    end();
    root.remove();
  };
}

/**
 * @param {object} host
 * @param {{questions: [string, string][], rater: string}} host.about
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {HTMLElement} host.root
 * @param {AbortSignal} host.signal
 */
function createArena({ about, rpc, root, signal }) {
  let rater = "";
  /** @type {Showing | null} */
  let shown = null;
  /** The vote that can be taken back. @type {string | null} */
  let last = null;
  /** Whether something is on the way, during which nothing else can be asked for. */
  let busy = false;
  /** What "Try again" does. @type {(() => void) | null} */
  let again = null;

  const live = h("div", { class: "hh-unseen", role: "status" });
  const start = createStart(about.rater, begin, signal);
  const count = h("span", { class: "hh-number" });
  const who = h("span", { class: "hh-quiet", dir: "auto" });
  const leave = button("Another rater");
  const undo = button("Take back", { icon: "undo", title: "Take back the last vote (U)" });
  setAttribute(undo, "aria-label", "Take back the last vote");
  const full = button("Full screen", { icon: "full", quiet: true, title: "Full screen (F)" });
  const head = h("div", { class: "hh-arena-head" }, count, who, undo, leave, full);
  const duel = createDuel({ rpc, signal });
  const answers = createAnswers({ questions: about.questions, signal, done: (given) => void vote(given) });
  const over = h("p", { class: "hh-arena-over" });
  const note = h("span", {});
  const retry = button("Try again", { icon: "replay" });
  const trouble = h("div", { class: "hh-arena-trouble", role: "alert" }, icon("warning"), note, retry);
  const panel = h(
    "section",
    { class: "hh-arena-panel", tabindex: 0, "aria-label": "Blind comparison", "aria-keyshortcuts": SHORTCUTS },
    head, duel.el, answers.el, over,
  );
  root.append(start.el, panel, trouble, live);
  show("start");

  /** @param {"start" | "pair" | "over"} page */
  function show(page) {
    start.el.hidden = page !== "start";
    panel.hidden = page === "start";
    duel.el.hidden = answers.el.hidden = page !== "pair";
    count.hidden = full.hidden = page !== "pair";
    over.hidden = page !== "over";
    trouble.hidden = true;
  }

  /** @param {string} name */
  function begin(name) {
    rater = name;
    setText(who, `Rater: ${name}`);
    show("pair");
    panel.focus({ preventScroll: true });
    void step(next);
  }

  /**
   * Does one thing at a time; where it fails the person hears why, and can have it done again.
   * @param {() => Promise<void>} work
   */
  async function step(work) {
    if (busy) return;
    busy = true;
    trouble.hidden = true;
    draw();
    try {
      await work();
    } catch (error) {
      if (signal.aborted) return;
      again = () => void step(work);
      setText(note, /** @type {Error} */ (error).message);
      trouble.hidden = false;
    } finally {
      busy = false;
      draw();
    }
  }

  async function next() {
    answers.clear();
    shown = null;
    duel.clear();
    const { content } = await rpc.request(KIND.ARENA_NEXT, { rater });
    last = content.last;
    if (content.over) {
      setText(over, content.over);
      setText(live, content.over);
      return show("over");
    }
    const told = /** @type {Showing} */ (/** @type {unknown} */ (content));
    show("pair");
    setText(count, `Pair ${told.position + 1} of ${told.total}`);
    draw();
    await duel.show(told);
    shown = told;
    setText(live, `Pair ${told.position + 1} of ${told.total}. ${about.questions.map(([, words]) => words).join(" ")}`);
  }

  /** @param {Record<string, string>} given */
  async function vote(given) {
    const pair = shown;
    if (!pair) return;
    const content = { rater, showing: pair.showing, answers: given, seconds: duel.seconds() };
    await step(async () => {
      try {
        await rpc.request(KIND.ARENA_VOTE, content);
      } catch (error) {
        // Such as a pair that got its vote in another window: there is nothing to send again.
        if (/** @type {Error} */ (error).name !== "InvalidRequest") throw error;
        setText(live, /** @type {Error} */ (error).message);
      }
      await next(); // where this fails, the vote is told again with it, and stays one
    });
  }

  function takeBack() {
    const ballot = last;
    if (!ballot) return;
    void step(async () => {
      await rpc.request(KIND.ARENA_UNDO, { rater, ballot });
      await next();
    });
  }

  function draw() {
    root.toggleAttribute("data-busy", busy);
    answers.enable(!busy && shown !== null);
    setAttribute(undo, "aria-disabled", busy || !last ? "true" : null);
    setAttribute(panel, "aria-busy", busy ? "true" : null);
  }

  /** @param {KeyboardEvent} event Whether it was for us. */
  function pressed({ key, target }) {
    const on = /** @type {Element} */ (target).closest("button");
    const pair = !duel.el.hidden;
    const word = key.toLowerCase();
    if ((word === " " || word === "enter") && on) return false;
    if (word === "u") takeBack();
    else if (pair && word in PRESSES) answers.press(PRESSES[word]);
    else if (pair && word === "enter") answers.finish();
    else if (pair && word === " ") duel.toggle();
    else if (pair && word === "r") duel.again();
    else if (pair && word === "f") void fill();
    else return false;
    return true;
  }

  async function fill() {
    await (document.fullscreenElement === root ? document.exitFullscreen() : root.requestFullscreen()).catch(() => {
      setText(live, "Full screen is not allowed here.");
    });
  }

  listen(panel, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !pressed(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }, signal);
  listen(undo, "click", takeBack, signal);
  listen(full, "click", fill, signal);
  listen(retry, "click", () => again?.(), signal);
  listen(leave, "click", () => {
    if (busy) return;
    duel.clear();
    shown = last = null;
    show("start");
    start.ask();
  }, signal);
  rpc.onLost((gone) => {
    setText(note, gone ? LOST : "");
    retry.hidden = gone;
    trouble.hidden = !gone;
  });
}

/**
 * The page on which a rater says who they are.
 * @param {string} fixed The name, where it was given in the notebook.
 * @param {(name: string) => void} begin
 * @param {AbortSignal} signal
 */
function createStart(fixed, begin, signal) {
  const field = h("input", { class: "hh-arena-name", type: "text", maxlength: 100, autocomplete: "off", spellcheck: false, required: true, dir: "auto" });
  const go = button("Begin", { primary: true });
  go.type = "submit";
  const name = fixed
    ? h("p", { dir: "auto" }, `You vote as ${fixed}.`)
    : h("label", { class: "hh-arena-label" }, "Your name or a pseudonym, kept with your votes", field);
  const keys = h("dl", { class: "hh-arena-keys" });
  for (const [key, words] of KEYS) keys.append(h("dt", {}, ...key.split(" ").map((each) => h("kbd", {}, each))), h("dd", {}, words));
  const el = h("form", { class: "hh-arena-start", novalidate: true }, h("p", {}, WELCOME), keys, name, go);
  listen(el, "submit", (event) => {
    event.preventDefault();
    const given = fixed || field.value.trim().replace(/\s+/g, " ");
    if (given) begin(given);
    else field.focus();
    setAttribute(field, "aria-invalid", given ? null : "true");
  }, signal);
  return {
    el,
    /** Asks once more, for somebody else. */
    ask() {
      field.value = "";
      (fixed ? go : field).focus();
    },
  };
}


export default { render };
