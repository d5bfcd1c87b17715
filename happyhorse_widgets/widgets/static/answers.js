/** The questions below a pair, each with four answers. One question is answered by one press; several by "Next pair". */

import { button, h, setAttribute } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";

/** What can be answered, the word on its button, and the keys for it. */
const ANSWERS = /** @type {[string, string, string][]} */ ([
  ["a", "A", "←"], ["tie", "Tie", "↑"], ["both_bad", "Both bad", "↓"], ["b", "B", "→"],
]);
const HINTS = /** @type {Record<string, string>} */ ({
  a: "A: the left clip (← or A)", tie: "Tie (↑ or T)", both_bad: "Both bad (↓ or X)", b: "B: the right clip (→ or B)",
});

/**
 * @param {object} host
 * @param {[string, string][]} host.questions The name and the words of each.
 * @param {AbortSignal} host.signal
 * @param {(answers: Record<string, string>) => void} host.done Called with an answer to every question.
 */
export function createAnswers({ questions, signal, done }) {
  const several = questions.length > 1;
  /** @type {Record<string, string>} */
  let given = {};
  let current = 0;
  let enabled = false;

  const rows = questions.map(([name, words], index) => {
    const buttons = ANSWERS.map(([answer, word, key]) => {
      const one = button(word, { title: HINTS[answer] });
      one.dataset.answer = answer;
      one.append(h("kbd", { "aria-hidden": "true" }, key));
      listen(one, "click", () => {
        current = index;
        press(answer);
      }, signal);
      return one;
    });
    const choices = h("div", { class: "hh-answers-choices" }, ...buttons);
    const el = h("fieldset", { class: "hh-answers-row" }, h("legend", { dir: "auto" }, words), choices);
    return { el, name, buttons };
  });
  const next = button("Next pair", { primary: true, title: "Next pair (Enter)" });
  next.hidden = !several;
  const el = h("div", { class: "hh-answers" }, ...rows.map((row) => row.el), next);
  listen(next, "click", finish, signal);
  draw();

  /** Answers the question whose turn it is. @param {string} answer */
  function press(answer) {
    if (!enabled) return;
    given[rows[current].name] = answer;
    if (!several) return finish();
    const open = rows.findIndex((row) => !(row.name in given));
    if (open >= 0) current = open;
    draw();
  }

  function finish() {
    if (enabled && rows.every((row) => row.name in given)) done({ ...given });
  }

  function draw() {
    rows.forEach(({ el: row, name, buttons }, index) => {
      row.classList.toggle("hh-answers-current", several && index === current);
      for (const one of buttons) {
        if (several) setAttribute(one, "aria-pressed", given[name] === one.dataset.answer ? "true" : "false");
        setAttribute(one, "aria-disabled", enabled ? null : "true"); // disabled, it would lose the focus
      }
    });
    const whole = rows.every((row) => row.name in given);
    setAttribute(next, "aria-disabled", enabled && whole ? null : "true");
  }

  return {
    el,
    press,
    finish,
    clear() {
      given = {};
      current = 0;
      draw();
    },
    /** @param {boolean} now */
    enable(now) {
      enabled = now;
      draw();
    },
  };
}
