/** The Studio: the tray, the prompt, the parameters and the button above the clips that they made. */

import { createClips } from "./clips.js";
import { createForm } from "./form.js";
import { createParameters } from "./parameters.js";
import { createPrompt } from "./prompt.js";
import { button, h, icon, setText } from "./shared/dom.js";
import { roughly, units } from "./shared/format.js";
import { suppressShortcuts } from "./shared/keys.js";
import { child, follow, listen } from "./shared/lifetime.js";
import { KIND, connect } from "./shared/rpc.js";
import { hideTwin, isExport } from "./shared/twin.js";
import { createTray } from "./tray.js";

/**
 * @param {{model: import("./shared/rpc.js").Model, el: HTMLElement, signal?: AbortSignal}} view
 * @returns {(() => void) | undefined}
 */
function render({ model, el, signal: given }) {
  const twin = model.get("_twin");
  if (isExport(twin)) return undefined;
  const [signal, end] = child(given);
  const root = h("div", { class: "hh-root hh-studio" });
  const rpc = connect(model, signal);
  const form = createForm(model, rpc, signal, (message) => complain([{ field: "", message }]));
  const live = h("div", { class: "hh-unseen", role: "status" });
  const announce = (/** @type {string} */ text) => setText(live, text);
  const host = { model, rpc, form, signal, announce, arrange: (/** @type {string[]} */ order) => form.set("tiles", order) };

  const prompt = createPrompt({
    ...host,
    submit: generate,
    limit: () => chosenModel()?.fields.prompt?.max_length ?? 2500,
  });
  const tray = createTray({ ...host, zone: root, mention: prompt.mention });
  const parameters = createParameters(host);
  const clips = createClips(host);
  const welcome = createWelcome(host);
  const problems = h("ul", { class: "hh-notes hh-problems", role: "alert" });
  const press = button("Generate", { primary: true, title: "Make a clip (Ctrl + Enter in the prompt); press again for more" });

  root.append(
    createHead(host),
    h(
      "div",
      { class: "hh-desk" },
      section("References", tray.element, welcome),
      section("Prompt", prompt.element),
      section("Parameters", parameters.element),
      problems,
      h("div", { class: "hh-act" }, createPrice(host, chosenModel), press),
    ),
    section("Clips", clips.element),
    live,
  );
  suppressShortcuts(root, signal);
  follow(model, "_schema", prompt.draw, signal);
  form.follow("model", prompt.draw);
  listen(press, "click", generate, signal);
  for (const name of Object.keys(form.values())) form.follow(name, () => complain([]));
  el.append(root);
  hideTwin(twin, signal);

  function chosenModel() {
    return model.get("_schema").models.find((/** @type {any} */ each) => each.id === form.get("model"));
  }

  /** @param {{field: string, message: string}[]} found */
  function complain(found) {
    problems.replaceChildren(
      ...found.map(({ message }) => h("li", { class: "hh-note hh-note-error" }, icon("warning"), h("span", {}, message))),
    );
  }

  async function generate() {
    const found = [
      ...(form.get("tiles").length ? [] : [{ field: "references", message: "Add at least one reference image." }]),
      ...tray.problems(),
      ...prompt.problems().filter((problem) => problem.severity === "error"),
      ...parameters.problems(),
    ];
    complain(found);
    if (found.length) return turnTo(found[0].field);
    const { tiles, ...values } = form.values();
    try {
      // The images' journey is part of the press: their bytes may still be on the way.
      const refused = await clips.press({ values, tiles }, preview(values, tiles), tray.arrived());
      if (signal.aborted) return;
      complain(refused);
      if (refused.length) turnTo(refused[0].field);
    } catch (error) {
      const { problems: lines, message } = /** @type {any} */ (error);
      if (!signal.aborted) complain((lines?.length ? lines : [message]).map((/** @type {string} */ line) => ({ message: line })));
    }
  }

  /** @param {string} field */
  function turnTo(field) {
    if (field === "references") tray.focus();
    else if (field === "prompt") prompt.focus();
    else parameters.focus(field);
  }

  /** What the card of a new press shows until the kernel has answered. @param {any} values @param {string[]} tiles */
  function preview(values, tiles) {
    const details = model.get("_tiles");
    const seed = values.seed === null ? [] : [`seed ${values.seed}`];
    return {
      prompt: values.prompt,
      ratio: values.aspect_ratio,
      sandbox: model.get("_session").sandbox,
      references: tiles.map((id) => details[id]?.name ?? ""),
      parameters: [values.aspect_ratio, values.resolution, `${values.duration} s`, ...seed, chosenModel()?.label],
    };
  }

  return () => {
    end();
    root.remove();
  };
}

/** @param {string} title @param {...Node} children */
function section(title, ...children) {
  const id = `hh-${Math.random().toString(36).slice(2)}`;
  return h("section", { class: "hh-section", "aria-labelledby": id }, h("h3", { class: "hh-section-title", id }, title), ...children);
}

/**
 * The name, whether this is the sandbox, and the money.
 * @param {{model: import("./shared/rpc.js").Model, signal: AbortSignal}} host
 */
function createHead({ model, signal }) {
  const badge = h("span", { class: "hh-badge", title: "Clips are simulated on this computer: free, and nothing is sent to Scenario" }, "Sandbox");
  const money = h("span", { class: "hh-money hh-number hh-quiet" });
  follow(model, "_session", ({ sandbox, spent, budget }) => {
    badge.hidden = !sandbox;
    const left = budget === null ? "" : ` · ${units(Math.max(0, budget - spent))} of ${units(budget)} left`;
    setText(money, `${units(spent)} ${sandbox ? "simulated" : "spent"}${left}`);
  }, signal);
  return h("header", { class: "hh-head" }, h("span", { class: "hh-title" }, "Happy Horse Studio"), badge, money);
}

/**
 * What the clip would cost, and how long it would take.
 * @param {{model: import("./shared/rpc.js").Model, form: import("./form.js").Form, signal: AbortSignal}} host
 * @param {() => any} chosenModel
 */
function createPrice({ model, form, signal }, chosenModel) {
  const text = h("p", { class: "hh-price hh-number", role: "status" });
  const draw = () => {
    const { status, units: cost, seconds, reason } = model.get("_estimate");
    const usual = chosenModel()?.usual_units;
    const simulated = model.get("_session").sandbox ? " simulated" : "";
    const known = cost === null ? "" : [`≈ ${units(cost)}${simulated}`, seconds && roughly(seconds)].filter(Boolean).join(" · ");
    text.classList.toggle("hh-quiet", status !== "known");
    text.title = reason;
    if (known) setText(text, known);
    else if (status === "asking") setText(text, "Asking what it costs …");
    else if (status === "unavailable") setText(text, `The cost is not known at the moment: ${reason}`);
    else setText(text, usual ? `Usually ≈ ${units(usual)}` : "Add an image to see what a clip costs.");
  };
  for (const trait of ["_estimate", "_schema", "_session"]) follow(model, trait, draw, signal);
  form.follow("model", draw);
  return text;
}

/**
 * What to do, as long as nothing was done.
 * @param {{model: import("./shared/rpc.js").Model, rpc: import("./shared/rpc.js").Rpc, form: import("./form.js").Form, signal: AbortSignal}} host
 */
function createWelcome({ rpc, form, signal }) {
  const sample = button("Try a sample");
  const said = h("span", { class: "hh-quiet", role: "status" });
  const element = h(
    "div",
    { class: "hh-welcome" },
    h("p", {}, "Each image is a character: character1, character2 … Say in the prompt what they do, then press Generate."),
    h("div", { class: "hh-row" }, sample, said),
  );
  listen(sample, "click", async () => {
    sample.disabled = true;
    const waiting = setTimeout(() => setText(said, "Waiting for the kernel: it is busy."), 1500);
    try {
      await rpc.request(KIND.STUDIO_SAMPLE, {}, { signal });
    } catch (error) {
      if (!signal.aborted) setText(said, /** @type {Error} */ (error).message);
    } finally {
      clearTimeout(waiting);
      sample.disabled = false;
    }
  }, signal);
  const show = () => {
    element.hidden = form.get("tiles").length > 0 || form.get("prompt") !== "";
    if (element.hidden) setText(said, "");
  };
  form.follow("tiles", show);
  form.follow("prompt", show);
  return element;
}

export default { render };
