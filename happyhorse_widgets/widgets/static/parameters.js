/** The parameters of a clip, as the model's own schema allows them. */

import { button, h, setText } from "./shared/dom.js";
import { follow, listen } from "./shared/lifetime.js";

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
 *
 * @typedef {object} Host
 * @property {import("./shared/rpc.js").Model} model
 * @property {import("./form.js").Form} form
 * @property {AbortSignal} signal
 *
 * @typedef {{name: string, element: HTMLElement, problem: () => string, update: (field: Field) => void}} Control
 */

/**
 * @param {Host} host
 */
export function createParameters(host) {
  const { model, form, signal } = host;
  const controls = [
    choice(host, "aspect_ratio", shape),
    choice(host, "resolution"),
    duration(host),
    seed(host),
    models(host),
  ];
  const element = h("div", { class: "hh-parameters" }, ...controls.map((control) => control.element));

  const update = () => {
    const { models: known } = model.get("_schema");
    const fields = known.find((/** @type {any} */ item) => item.id === form.get("model"))?.fields ?? known[0].fields;
    for (const control of controls) control.update(fields[control.name] ?? {});
  };
  follow(model, "_schema", update, signal);
  form.follow("model", update);

  return {
    element,
    /** What cannot be sent as it is, by parameter. */
    problems: () =>
      controls
        .map((control) => ({ field: control.name, message: control.problem() }))
        .filter((problem) => problem.message),
    /** @param {string} name */
    focus(name) {
      const control = controls.find((item) => item.name === name);
      /** @type {HTMLElement | null | undefined} */
      (control?.element.querySelector("input:checked, input, select"))?.focus();
    },
  };
}

/**
 * A row of radio buttons: the browser's own, so arrows, Tab and screen readers work as everywhere.
 * @param {Host} host
 * @param {string} name
 * @param {(value: any) => Node} [picture]
 * @returns {Control}
 */
function choice({ form, signal }, name, picture) {
  const group = `hh-${Math.random().toString(36).slice(2)}`;
  const legend = h("legend", {});
  const options = h("div", { class: "hh-options" });
  const { note, say } = notes();
  const element = h("fieldset", { class: `hh-parameter hh-choice hh-${name}` }, legend, options, note);
  /** @type {any[]} */
  let allowed = [];

  function draw() {
    const value = form.get(name);
    // A value that this model does not allow is shown and said, never changed behind the person's back.
    const values = value == null || allowed.includes(value) ? allowed : [...allowed, value];
    const had = element.contains(document.activeElement);
    options.replaceChildren(
      ...values.map((each) => {
        const input = h("input", { type: "radio", class: "hh-unseen", name: group, value: each });
        input.checked = each === value;
        const text = h("span", { class: "hh-number" }, String(each));
        return h("label", { class: "hh-option" }, input, picture?.(each), text);
      }),
    );
    if (had) /** @type {HTMLElement | null} */ (options.querySelector("input:checked, input"))?.focus();
    say(problem());
  }
  function problem() {
    const value = form.get(name);
    if (!allowed.length || allowed.includes(value)) return "";
    return `This model has no ${value}: choose ${allowed.slice(0, -1).join(", ")} or ${allowed.at(-1)}.`;
  }
  listen(options, "change", (event) => form.set(name, event.target.value), signal);
  form.follow(name, (value) => {
    const input = [...options.querySelectorAll("input")].find((each) => each.value === value);
    if (!input || options.childElementCount !== allowed.length) return draw();
    input.checked = true;
    say(problem());
  });
  return {
    name,
    element,
    problem,
    update(field) {
      setText(legend, field.label ?? name);
      legend.title = field.help ?? "";
      if (JSON.stringify(field.allowed) === JSON.stringify(allowed)) return;
      allowed = field.allowed ?? [];
      draw();
    },
  };
}

/**
 * A frame of the aspect ratio, to scale.
 * @param {string} ratio
 */
function shape(ratio) {
  const [width, height] = ratio.split(":").map(Number);
  const scale = SHAPE / Math.max(width, height);
  const frame = h("span", { class: "hh-shape", "aria-hidden": "true" });
  frame.style.width = `${width * scale}px`;
  frame.style.height = `${height * scale}px`;
  return h("span", { class: "hh-shape-box" }, frame);
}

/**
 * @param {Host} host
 * @returns {Control}
 */
function duration({ form, signal }) {
  const slider = h("input", { type: "range", step: 1, "aria-label": "Duration in seconds, slider" });
  const number = h("input", { type: "number", step: 1, class: "hh-field hh-number", "aria-label": "Duration in seconds" });
  const legend = h("legend", {});
  const { note, say } = notes(number);
  const row = h("div", { class: "hh-row" }, slider, number, h("span", { class: "hh-quiet" }, "s"));
  const element = h("fieldset", { class: "hh-parameter hh-duration" }, legend, row, note);
  const problem = () => outside(number);

  listen(slider, "input", () => form.set("duration", slider.valueAsNumber), signal);
  listen(number, "input", () => {
    if (number.value && Number.isInteger(number.valueAsNumber)) form.set("duration", number.valueAsNumber);
    say(problem());
  }, signal);
  form.follow("duration", (value) => {
    slider.value = String(value);
    if (number.valueAsNumber !== value) number.value = String(value);
    say(problem());
  });
  return {
    name: "duration",
    element,
    problem,
    update(field) {
      setText(legend, field.label ?? "Duration");
      legend.title = field.help ?? "";
      for (const input of [slider, number]) bound(input, field);
      slider.value = String(form.get("duration"));
      say(problem());
    },
  };
}

/**
 * An empty seed leaves the choice to the model.
 * @param {Host} host
 * @returns {Control}
 */
function seed({ form, signal }) {
  const number = h("input", {
    type: "number",
    step: 1,
    class: "hh-field hh-number",
    placeholder: "random",
    "aria-label": "Seed; empty for a random one",
  });
  const dice = button("Draw a seed", { icon: "dice", quiet: true });
  const clear = button("Leave the seed to chance", { icon: "cross", quiet: true });
  const legend = h("legend", {});
  const { note, say } = notes(number);
  const row = h("div", { class: "hh-row" }, number, dice, clear);
  const element = h("fieldset", { class: "hh-parameter hh-seed" }, legend, row, note);
  const problem = () => outside(number, { empty: true });

  listen(number, "input", () => {
    if (!number.validity.badInput && (!number.value || Number.isInteger(number.valueAsNumber)))
      form.set("seed", number.value ? number.valueAsNumber : null);
    say(problem());
  }, signal);
  listen(dice, "click", () => {
    // Short enough to read out and to type again; any whole number up to the bound can be typed.
    form.set("seed", crypto.getRandomValues(new Uint32Array(1))[0] % (Math.min(Number(number.max || 999_999), 999_999) + 1));
  }, signal);
  listen(clear, "click", () => {
    number.value = "";
    form.set("seed", null);
    say("");
    number.focus();
  }, signal);
  form.follow("seed", (value) => {
    if (value === null ? number.value && !number.validity.badInput : number.valueAsNumber !== value)
      number.value = value === null ? "" : String(value);
    clear.hidden = value === null && !number.value;
    say(problem());
  });
  return {
    name: "seed",
    element,
    problem,
    update(field) {
      setText(legend, field.label ?? "Seed");
      legend.title = field.help ?? "";
      bound(number, field);
      say(problem());
    },
  };
}

/**
 * @param {Host} host
 * @returns {Control}
 */
function models({ model, form, signal }) {
  const select = h("select", { class: "hh-field", "aria-label": "Model" });
  const { note, say } = notes(select);
  const element = h("fieldset", { class: "hh-parameter hh-model" }, h("legend", {}, "Model"), select, note);

  const draw = () => {
    const value = form.get("model");
    const known = model.get("_schema").models;
    if ([...select.options].map((each) => each.value).join() !== known.map((/** @type {any} */ each) => each.id).join())
      select.replaceChildren(
        ...known.map((/** @type {any} */ each) => h("option", { value: each.id, title: each.id }, each.label)),
      );
    select.value = value;
    const chosen = known.find((/** @type {any} */ each) => each.id === value);
    const successor = known.find((/** @type {any} */ each) => each.id === chosen?.deprecated_by);
    say(chosen?.deprecated_by ? `Scenario retires this model: ${successor?.label ?? chosen.deprecated_by} replaces it.` : "");
  };
  listen(select, "change", () => form.set("model", select.value), signal);
  form.follow("model", draw);
  return { name: "model", element, problem: () => "", update: draw };
}

/** @param {HTMLInputElement} input @param {Field} field */
function bound(input, field) {
  input.min = String(field.minimum ?? "");
  input.max = String(field.maximum ?? "");
}

/**
 * What is wrong with a whole number that was typed, in words, or "".
 * @param {HTMLInputElement} input
 * @param {{empty?: boolean}} [options]
 */
function outside(input, { empty = false } = {}) {
  const bounds = `a whole number from ${input.min} to ${input.max}`;
  if (input.validity.badInput) return `Not a number: type ${bounds}${empty ? ", or nothing" : ""}.`;
  if (!input.value) return empty ? "" : `Type ${bounds}.`;
  if (input.validity.valid) return "";
  return `${input.value} is not ${bounds}.`;
}

/**
 * The line under a control that says what is wrong with it.
 * @param {HTMLElement} [control]
 */
function notes(control) {
  const note = h("p", { class: "hh-note hh-note-error", role: "status", hidden: true, id: `hh-${Math.random().toString(36).slice(2)}` });
  control?.setAttribute("aria-describedby", note.id);
  return {
    note,
    say(/** @type {string} */ message) {
      setText(note, message);
      note.hidden = !message;
      if (message) control?.setAttribute("aria-invalid", "true");
      else control?.removeAttribute("aria-invalid");
    },
  };
}
