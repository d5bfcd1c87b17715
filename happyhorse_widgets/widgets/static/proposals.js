/**
 * A better wording of the prompt, or its translation, as a proposal: what it costs is said first, the prompt stays as it is
 * until the proposal is taken, and mentions that were lost or invented are pointed out.
 */

import { carried, ownNames } from "./arrange.js";
import { button, h, icon, setText } from "./shared/dom.js";
import { units } from "./shared/format.js";
import { listen } from "./shared/lifetime.js";
import { marked, mentions, removedMark } from "./shared/mentions.js";
import { KIND, newPress } from "./shared/rpc.js";

const WORDS = {
  enhance: { aim: "Scenario proposes a better wording, with your images in view.", ask: "Ask for a better wording", asking: "Writing …" },
  translate: { aim: "Scenario translates the prompt to English.", ask: "Translate to English", asking: "Translating …" },
};

/**
 * @typedef {object} Asked One proposal that was asked for, which is paid and so outlives its panel.
 * @property {string} prompt
 * @property {string[]} tiles
 * @property {Record<string, string>} aliases
 * @property {Promise<Record<string, any>>} answer
 */

/**
 * What makes the panel each time it is opened.
 * @param {import("./assist.js").Desk} desk
 * @param {"enhance" | "translate"} wish
 * @returns {(host: import("./assist.js").Desk & {close: () => void}) => import("./assist.js").Panel}
 */
export function createProposal(desk, wish) {
  const { model, rpc, form, text } = desk;
  /** @type {Asked | null} */
  let last = null;

  const setting = () => ({ tiles: /** @type {string[]} */ (form.get("tiles")), aliases: form.get("aliases") ?? {} });
  const request = () => ({ wish, text: text(), ...setting(), model: form.get("model") });
  const simulated = () => (model.get("_session").sandbox ? " (simulated)" : "");

  /** @returns {Asked} */
  function ask() {
    // The view's signal, not the panel's: what is paid is kept for when the panel is opened again.
    const answer = rpc.request(KIND.PROMPT_PROPOSE, { ...request(), press: newPress() }, { signal: desk.signal }).then(({ content }) => content);
    answer.catch(() => {});
    return { prompt: text(), ...setting(), answer };
  }

  return ({ write, announce, signal, close }) => {
    const body = h("div", { class: "hh-proposal-body" });
    const element = h("div", { class: "hh-proposal" }, h("p", {}, WORDS[wish].aim), body);
    const focus = () => /** @type {HTMLElement | null} */ (body.querySelector("button:not(:disabled)"))?.focus({ preventScroll: true });

    /** @param {string} [problem] */
    function offer(problem = "") {
      const press = button(WORDS[wish].ask, { primary: true });
      const price = h("span", { class: "hh-quiet hh-number", role: "status" }, text().trim() ? "Asking what it costs …" : "Write a prompt first.");
      press.disabled = !text().trim();
      body.replaceChildren(...(problem ? [note("error", problem)] : []), h("div", { class: "hh-row" }, press, price));
      listen(press, "click", () => {
        last = ask();
        wait(last);
      }, signal);
      if (press.disabled) return;
      rpc.request(KIND.PROMPT_PRICE, request(), { signal }).then(
        ({ content }) => setText(price, content.units === null ? `What it costs is not known: ${content.reason}` : `Costs ≈ ${units(content.units)}${simulated()}`),
        (error) => !signal.aborted && setText(price, error.message),
      );
    }

    /** @param {Asked} asked */
    function wait(asked) {
      body.replaceChildren(h("p", { class: "hh-quiet", role: "status" }, WORDS[wish].asking));
      asked.answer.then(
        (answer) => !signal.aborted && show(asked, answer),
        (error) => {
          if (asked === last) last = null;
          if (signal.aborted) return;
          announce(error.message);
          offer(error.message);
        },
      );
    }

    /** @param {Asked} asked @param {Record<string, any>} answer */
    function show(asked, answer) {
      const now = setting();
      const [before, after] = [asked.prompt, answer.text].map((each) => carried(each, asked, now, (id) => removedMark(asked.aliases[id] || "an image", 1)));
      const names = ownNames(now);
      const take = button("Use this", { primary: true });
      const keep = button("Keep mine");
      const cost = answer.units === null ? "What it cost is not known." : `It cost ${units(answer.units)}${simulated()}.`;
      body.replaceChildren(
        h(
          "div",
          { class: "hh-proposal-texts" },
          h("div", {}, h("p", { class: "hh-section-title" }, "Yours"), h("p", { class: "hh-proposal-text", dir: "auto" }, ...marked(before, names))),
          h("div", {}, h("p", { class: "hh-section-title" }, "Proposed"), h("p", { class: "hh-proposal-text", dir: "auto" }, ...marked(after, names))),
        ),
        h("ul", { class: "hh-notes" }, ...differences(before, after, names).map((line) => note("warning", line, "li"))),
        h("div", { class: "hh-row" }, take, keep, h("span", { class: "hh-quiet hh-number" }, cost)),
      );
      announce(`A proposal is here: ${after}. ${cost}`);
      focus();
      listen(take, "click", () => {
        last = null;
        close();
        write(after);
        announce("The proposal is the prompt now. Undo brings yours back.");
      }, signal);
      listen(keep, "click", () => {
        last = null;
        close();
      }, signal);
    }

    if (last) wait(last);
    else offer();
    return { element, focus };
  };
}

/**
 * Which images one text mentions and the other does not, in words.
 * @param {string} before
 * @param {string} after
 * @param {string[]} names
 */
function differences(before, after, names) {
  const found = (/** @type {string} */ text) => new Set(mentions(text, names).map(({ character, removed }) => (removed ? 0 : character)));
  const [had, has] = [found(before), found(after)];
  const called = (/** @type {number} */ character) => `character${character}${names[character - 1] ? ` (${names[character - 1]})` : ""}`;
  const lost = [...had].filter((each) => each && !has.has(each)).sort();
  const invented = [...has].filter((each) => each && !had.has(each)).sort();
  return [
    ...lost.map((each) => `${called(each)} is in your prompt, and not in the proposal.`),
    ...invented.map((each) => `${called(each)} is in the proposal, and not in your prompt${each > names.length ? "; it has no image" : ""}.`),
  ];
}

/** @param {"error" | "warning"} severity @param {string} message @param {"p" | "li"} [tag] */
function note(severity, message, tag = "p") {
  return h(tag, { class: `hh-note hh-note-${severity}` }, icon("warning"), h("span", {}, ...marked(message)));
}
