/** Parameters of which a model allows some values, or those between two bounds. */

import { h, setAttribute } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";
import { labelled } from "./labelled.js";

/** A shape's longer side in the row of aspect ratios, in pixels. */
const SHAPE = 18;

/**
 * @typedef {object} Field One parameter of the model's schema.
 * @property {string} name
 * @property {string} label
 * @property {string} help
 * @property {any[]} allowed
 * @property {number | null} minimum
 * @property {number | null} maximum
 * @property {number | null} step
 * @property {any} default
 *
 * @typedef {object} Host
 * @property {import("./shared/rpc.js").Model} model
 * @property {import("./shared/rpc.js").Rpc} rpc
 * @property {import("./form.js").Form} form
 * @property {AbortSignal} signal
 *
 * @typedef {{name: string, element: HTMLElement, problem: () => string, update: (field: Field | undefined) => void}} Control
 *   `update` is given the field of the chosen model, or nothing where it has none.
 */

/**
 * A row of radio buttons: the browser's own, so arrows, Tab and screen readers work as everywhere.
 * @param {Host} host
 * @param {string} name
 * @param {{picture?: (value: any) => Node, unit?: string}} [look]
 * @returns {Control}
 */
export function choice({ form, signal }, name, { picture, unit = "" } = {}) {
  const group = `hh-${Math.random().toString(36).slice(2)}`;
  const { element, hold, call, say } = labelled(signal, name, "radiogroup");
  const options = h("div", { class: "hh-options" });
  /** @type {any[]} */
  let allowed = [];
  hold(options);

  function draw() {
    const value = form.get(name);
    // A value that this model does not allow is shown and said, never changed behind the person's back.
    const values = value == null || allowed.includes(value) ? allowed : [...allowed, value];
    const had = element.contains(element.ownerDocument.activeElement);
    options.replaceChildren(
      ...values.map((each) => {
        const input = h("input", { type: "radio", class: "hh-unseen", name: group, value: each });
        input.checked = each === value;
        const text = h("span", { class: "hh-number" }, `${each}${unit}`);
        return h("label", { class: allowed.includes(each) ? "hh-option" : "hh-option hh-option-lost" }, input, picture?.(each), text);
      }),
    );
    if (had) /** @type {HTMLElement | null} */ (options.querySelector("input:checked, input"))?.focus();
    say(problem());
  }
  function problem() {
    const value = form.get(name);
    if (!allowed.length || allowed.includes(value)) return "";
    const rest = allowed.length > 1 ? `${allowed.slice(0, -1).join(", ")} or ${allowed.at(-1)}` : allowed[0];
    return `This model has no ${value}${unit}: choose ${rest}.`;
  }
  listen(options, "change", (event) => form.set(name, allowed.find((each) => String(each) === event.target.value) ?? form.get(name)), signal);
  form.follow(name, (value) => {
    const input = [...options.querySelectorAll("input")].find((each) => each.value === String(value));
    if (!input || options.childElementCount !== allowed.length) return draw();
    input.checked = true;
    say(problem());
  });
  return {
    name,
    element,
    problem,
    update(field) {
      element.hidden = !field;
      call(field?.label ?? name, field?.help);
      if (JSON.stringify(field?.allowed ?? []) === JSON.stringify(allowed)) return;
      allowed = field?.allowed ?? [];
      draw();
    },
  };
}

/**
 * A frame of the aspect ratio, to scale.
 * @param {string} ratio
 */
export function shape(ratio) {
  const [width, height] = ratio.split(":").map(Number);
  const scale = SHAPE / Math.max(width, height);
  const frame = h("span", { class: "hh-shape", "aria-hidden": "true" });
  frame.style.width = `${width * scale}px`;
  frame.style.height = `${height * scale}px`;
  return h("span", { class: "hh-shape-box" }, frame);
}

/**
 * A slider with a number beside it, where the model has bounds; a choice, where it has a list.
 * @param {Host} host
 * @param {string} name
 * @param {string} unit
 * @returns {Control}
 */
export function amount(host, name, unit) {
  const [between, among] = [range(host, name, unit), choice(host, name, { unit: ` ${unit}` })];
  const element = h("div", { class: "hh-either" }, between.element, among.element);
  let active = between;
  return {
    name,
    element,
    problem: () => (element.hidden ? "" : active.problem()),
    update(field) {
      active = field?.allowed.length ? among : between;
      for (const control of [between, among]) control.update(control === active ? field : undefined);
      element.hidden = !field;
    },
  };
}

/**
 * @param {Host} host
 * @param {string} name
 * @param {string} unit
 * @returns {Control}
 */
function range({ form, signal }, name, unit) {
  const { element, hold, call, say } = labelled(signal, name);
  const slider = h("input", { type: "range" });
  const number = h("input", { type: "number", class: "hh-field hh-number" });
  hold(h("div", { class: "hh-row" }, slider, number, h("span", { class: "hh-quiet" }, unit)));
  const problem = () => (element.hidden ? "" : outside(number));
  const check = () => say(problem(), [number]);

  listen(slider, "input", () => form.set(name, slider.valueAsNumber), signal);
  listen(number, "input", () => {
    // What is half typed is the person's, too: no default of a model takes its place.
    form.set(name, number.value && Number.isInteger(number.valueAsNumber) ? number.valueAsNumber : form.get(name));
    check();
  }, signal);
  form.follow(name, (value) => {
    slider.value = String(value);
    if (number.valueAsNumber !== value) number.value = String(value);
    check();
  });
  return {
    name,
    element,
    problem,
    update(field) {
      element.hidden = !field;
      const label = field?.label ?? name;
      call(label, field?.help);
      setAttribute(slider, "aria-label", `${label} in seconds, slider`);
      setAttribute(number, "aria-label", `${label} in seconds`);
      for (const input of [slider, number]) bound(input, field);
      slider.value = String(form.get(name));
      check();
    },
  };
}

/** Only whole numbers are taken here, so of finer steps those. @param {HTMLInputElement} input @param {Field | undefined} field */
export function bound(input, field) {
  input.min = String(field?.minimum ?? "");
  input.max = String(field?.maximum ?? "");
  input.step = String(Number.isInteger(field?.step) ? field?.step : 1);
}

/**
 * What is wrong with a whole number that was typed, in words, or "".
 * @param {HTMLInputElement} input
 * @param {{empty?: boolean}} [options]
 */
export function outside(input, { empty = false } = {}) {
  const least = input.min || "0";
  const within = input.max ? ` from ${least} to ${Number(input.max).toLocaleString("en")}` : "";
  const steps = Number(input.step) > 1 ? ` in steps of ${input.step}${within ? "" : ` from ${least}`}` : "";
  const bounds = `a whole number${within}${steps}`;
  if (input.validity.badInput) return `Not a number: type ${bounds}${empty ? ", or nothing" : ""}.`;
  if (!input.value) return empty ? "" : `Type ${bounds}.`;
  if (input.validity.valid) return "";
  return `${input.value} is not ${bounds}.`;
}
