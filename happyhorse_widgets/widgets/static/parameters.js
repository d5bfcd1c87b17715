/** The parameters of a clip, as the model's own schema allows them. */

import { amount, choice, shape } from "./choices.js";
import { createModels } from "./models.js";
import { createSeed, createVariations } from "./seed.js";
import { h } from "./shared/dom.js";
import { follow } from "./shared/lifetime.js";

/**
 * @param {import("./choices.js").Host} host
 */
export function createParameters(host) {
  const { model, form, signal } = host;
  const controls = [
    choice(host, "aspect_ratio", { picture: shape }),
    choice(host, "resolution"),
    amount(host, "duration", "s"),
    createSeed(host),
    createVariations(host),
    createModels(host),
  ];
  const element = h("div", { class: "hh-parameters" }, ...controls.map((control) => control.element));

  const update = () => {
    const { models: known } = model.get("_schema");
    const fields = known.find((/** @type {any} */ item) => item.id === form.get("model"))?.fields ?? {};
    for (const control of controls) control.update(fields[control.name]);
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
      (control?.element.querySelector("input:checked, input[type=number], input, select"))?.focus();
    },
  };
}
