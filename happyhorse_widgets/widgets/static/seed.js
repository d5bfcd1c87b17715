/** The seed, how the next press comes by it, and how many clips one press makes. */

import { bound, outside } from "./choices.js";
import { labelled } from "./labelled.js";
import { button, h, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";

const MODES = { random: "Random", fixed: "Fixed", next: "Next" };
const MOST = 8;

/**
 * @param {import("./choices.js").Host} host
 * @returns {import("./choices.js").Control}
 */
export function createSeed({ form, signal }) {
  const { element, hold, call, say } = labelled(signal, "seed");
  const number = h("input", { type: "number", step: 1, class: "hh-field hh-number", placeholder: "drawn anew", "aria-label": "Seed" });
  const dice = button("Draw a seed", { icon: "dice", quiet: true });
  const keep = button("Keep");
  const modes = h("div", { class: "hh-options hh-seed-modes", role: "radiogroup", "aria-label": "How the seed is chosen" });
  const group = `hh-${Math.random().toString(36).slice(2)}`;
  for (const [mode, text] of Object.entries(MODES)) {
    const input = h("input", { type: "radio", class: "hh-unseen", name: group, value: mode });
    modes.append(h("label", { class: "hh-option" }, input, h("span", {}, text)));
  }
  hold(h("div", { class: "hh-row hh-seed-row" }, modes, number, dice, keep));
  const problem = () => (element.hidden ? "" : outside(number, { empty: form.get("seed_mode") === "random" }));
  const check = () => say(problem(), [number]);

  /** @param {number | null} seed @param {string} mode */
  function set(seed, mode) {
    form.set("seed", seed);
    form.set("seed_mode", mode);
  }
  // Short enough to read out and to type again; any whole number up to the bound can be typed.
  const draw = () => crypto.getRandomValues(new Uint32Array(1))[0] % (Math.min(Number(number.max || 999_999), 999_999) + 1);
  /** The mode that a seed of its own has. */
  const settled = () => (form.get("seed_mode") === "random" ? "fixed" : form.get("seed_mode"));

  listen(modes, "change", (event) => {
    const mode = event.target.value;
    set(mode === "random" ? null : (form.get("seed") ?? form.get("drawn") ?? draw()), mode);
  }, signal);
  listen(number, "input", () => {
    if (number.value && Number.isInteger(number.valueAsNumber)) set(number.valueAsNumber, settled());
    else if (!number.value && !number.validity.badInput) set(null, "random");
    check();
  }, signal);
  listen(dice, "click", () => set(draw(), settled()), signal);
  listen(keep, "click", () => {
    set(form.get("drawn"), "fixed");
    number.focus();
  }, signal);

  function show() {
    const [seed, mode, drawn] = [form.get("seed"), form.get("seed_mode"), form.get("drawn")];
    for (const input of modes.querySelectorAll("input")) input.checked = input.value === mode;
    if (seed === null ? number.value && !number.validity.badInput : number.valueAsNumber !== seed)
      number.value = seed === null ? "" : String(seed);
    keep.hidden = mode !== "random" || drawn === null;
    setText(/** @type {Element} */ (keep.lastElementChild), `Keep ${drawn}`);
    keep.title = "Use the last clip's seed again";
    check();
  }
  for (const name of ["seed", "seed_mode", "drawn"]) form.follow(name, show);
  return {
    name: "seed",
    element,
    problem,
    update(field) {
      element.hidden = !field;
      const modes_ = "Random draws one at each press, Fixed keeps this one, Next goes on with one more after each press.";
      call(field?.label ?? "Seed", field && `${field.help} ${modes_}`);
      bound(number, field);
      check();
    },
  };
}

/**
 * @param {import("./choices.js").Host} host
 * @returns {import("./choices.js").Control}
 */
export function createVariations({ form, signal }) {
  const { element, hold, call, say } = labelled(signal, "variations");
  const number = h("input", { type: "number", step: 1, min: 1, max: MOST, class: "hh-field hh-number", "aria-label": "Clips for each press" });
  const fewer = button("One clip fewer", { icon: "minus", quiet: true });
  const more = button("One clip more", { icon: "plus", quiet: true });
  hold(h("div", { class: "hh-row" }, fewer, number, more));
  call("Clips", "How many clips one press makes. They differ in their seeds only: from a given seed on, each next one has one more.");
  const problem = () => outside(number);
  const check = () => say(problem(), [number]);

  listen(number, "input", () => {
    if (!problem()) form.set("variations", number.valueAsNumber);
    check();
  }, signal);
  const step = (/** @type {number} */ by) => () => form.set("variations", Math.max(1, Math.min(MOST, form.get("variations") + by)));
  listen(fewer, "click", step(-1), signal);
  listen(more, "click", step(1), signal);
  form.follow("variations", (value) => {
    if (number.valueAsNumber !== value) number.value = String(value);
    // Only marked: a disabled button would lose the focus.
    fewer.setAttribute("aria-disabled", String(value <= 1));
    more.setAttribute("aria-disabled", String(value >= MOST));
    check();
  });
  return { name: "variations", element, problem, update: () => {} };
}
