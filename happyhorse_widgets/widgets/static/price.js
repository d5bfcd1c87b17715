/** What a press would cost and how long it would take, said before it is made; and whether the budget is enough. */

import { h, icon, setText } from "./shared/dom.js";
import { roughly, units } from "./shared/format.js";
import { follow } from "./shared/lifetime.js";

/**
 * @param {{model: import("./shared/rpc.js").Model, form: import("./form.js").Form, signal: AbortSignal}} host
 * @param {() => any} chosenModel
 */
export function createPrice({ model, form, signal }, chosenModel) {
  const text = h("p", { class: "hh-price-text hh-number", role: "status" });
  const beyond = h("span", {});
  const warning = h("p", { class: "hh-note hh-note-error", role: "status", hidden: true }, icon("warning"), beyond);

  function draw() {
    const { status, units: one, seconds, reason } = model.get("_estimate");
    const { sandbox, left, limit } = model.get("_session");
    const count = form.get("variations");
    const usual = chosenModel()?.usual_units;
    text.classList.toggle("hh-quiet", status !== "known");
    if (one !== null) setText(text, [price(one, count, sandbox), seconds && roughly(seconds * rounds(count, limit))].filter(Boolean).join(" · "));
    else if (status === "asking") setText(text, "Asking what it costs …");
    else if (status === "unavailable") setText(text, `The cost is not known at the moment: ${reason}`);
    else setText(text, usual ? `Usually ≈ ${units(usual)}` : "Add an image to see what a clip costs.");
    warning.hidden = !(one !== null && left !== null && one * count > left);
    if (!warning.hidden) setText(beyond, `More than the ${units(left)} that are left of the budget: nothing would be sent.`);
  }
  for (const trait of ["_estimate", "_schema", "_session"]) follow(model, trait, draw, signal);
  for (const name of ["model", "variations"]) form.follow(name, draw);
  return h("div", { class: "hh-price" }, text, warning);
}

/** @param {number} one @param {number} count @param {boolean} sandbox */
function price(one, count, sandbox) {
  const simulated = sandbox ? " simulated" : "";
  if (count === 1) return `≈ ${units(one)}${simulated}`;
  return `≈ ${units(one)} each, ${units(one * count)}${simulated} for ${count}`;
}

/** How often as many clips as the plan lets run at once have to be made. @param {number} count @param {number | null} limit */
function rounds(count, limit) {
  return limit ? Math.ceil(count / limit) : 1;
}
