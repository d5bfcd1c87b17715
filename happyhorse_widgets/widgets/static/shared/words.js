/** What a card says of a clip: prompt, references, parameters, warnings and what went wrong. */

import { h, icon, setAttribute } from "./dom.js";
import { clock, size, units } from "./format.js";
import { marked } from "./mentions.js";

const BADGE = "Sandbox";

/** @typedef {import("./card.js").State} State */

export function createWords() {
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
    fill(prompt, [state.prompt], (text) => h("span", {}, ...marked(text, state.names)));
    // Long enough to be scrolled: then the keyboard must reach it.
    setAttribute(prompt, "tabindex", state.prompt.length > 200 ? 0 : null);
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

function badge() {
  return h("li", { class: "hh-card-badge", title: "Simulated: nothing is sent to Scenario" }, BADGE);
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
