/** The button, what keeps it from making anything, and what it would do as code. */

import { createCode } from "./shared/code.js";
import { button, h, icon, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";

/**
 * @typedef {{field: string, message: string}} Problem
 *
 * @typedef {object} Parts The Studio's parts that a press is about.
 * @property {{problems: () => Problem[], focus: () => void, arrived: () => Promise<unknown>}} tray
 * @property {{problems: () => (Problem & {severity: string})[], focus: () => void}} prompt
 * @property {{problems: () => Problem[], focus: (name: string) => void}} parameters
 * @property {{press: (request: object, look: object, ready: Promise<unknown>) => Promise<Problem[]>}} clips
 * @property {HTMLElement} price
 *
 * @typedef {object} Host
 * @property {import("./shared/rpc.js").Model} model
 * @property {import("./shared/rpc.js").Rpc} rpc
 * @property {import("./form.js").Form} form
 * @property {AbortSignal} signal
 */

/** The button's place on the page, before there is anything for it to press. */
export function createProblems() {
  const element = h("ul", { class: "hh-notes hh-problems", "aria-live": "assertive" });
  return {
    element,
    /** Shows these and no others. @param {{message: string}[]} found */
    complain: (found) =>
      element.replaceChildren(
        ...found.map(({ message }) => h("li", { class: "hh-note hh-note-error" }, icon("warning"), h("span", {}, message))),
      ),
  };
}

/**
 * @param {Host} host
 * @param {Parts} parts
 * @param {(found: {message: string}[]) => void} complain
 * @param {() => any} chosenModel
 */
export function createPress({ model, rpc, form, signal }, { tray, prompt, parameters, clips, price }, complain, chosenModel) {
  const press = button("Generate", { primary: true });
  const asCode = button("Copy as code", { icon: "code", title: "The Python, cURL and JavaScript that would do the same" });
  const panel = h("div", { class: "hh-act-code", hidden: true });
  const element = h("div", {}, h("div", { class: "hh-act" }, price, asCode, press), panel);

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
    const restore = goOn(values);
    try {
      // The images' journey is part of the press: their bytes may still be on the way.
      const refused = await clips.press({ values, tiles }, look(values, tiles), tray.arrived());
      if (signal.aborted || !refused.length) return;
      restore();
      complain(refused);
      turnTo(refused[0].field);
    } catch (error) {
      if (signal.aborted) return;
      restore();
      const { problems: lines, message } = /** @type {any} */ (error);
      complain((lines?.length ? lines : [message]).map((/** @type {string} */ line) => ({ message: line })));
    }
  }

  /** What one press changes for the next one; gives what takes that back. @param {Record<string, any>} values */
  function goOn({ seed, seed_mode: mode, variations, parent }) {
    const next = mode === "next" && seed !== null ? seed + variations : seed;
    form.set("seed", next);
    form.set("parent", null);
    return () => {
      if (form.get("seed") === next) form.set("seed", seed);
      if (form.get("parent") === null) form.set("parent", parent);
    };
  }

  /** @param {string} field */
  function turnTo(field) {
    if (field === "references") tray.focus();
    else if (field === "prompt") prompt.focus();
    else parameters.focus(field);
  }

  /** What the card of a new press shows until the kernel has answered. @param {any} values @param {string[]} tiles */
  function look(values, tiles) {
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

  listen(press, "click", generate, signal);
  listen(asCode, "click", () => {
    panel.hidden = !panel.hidden;
    asCode.setAttribute("aria-expanded", String(!panel.hidden));
    if (panel.hidden) return panel.replaceChildren();
    const ask = async () => {
      const { tiles, ...values } = form.values();
      return /** @type {any} */ ((await rpc.request(KIND.STUDIO_CODE, { values, tiles }, { signal })).content).code;
    };
    const closed = () => {
      panel.hidden = true;
      asCode.setAttribute("aria-expanded", "false");
      asCode.focus();
    };
    panel.replaceChildren(createCode({ ask, signal, closed }));
  }, signal);
  asCode.setAttribute("aria-expanded", "false");
  form.follow("variations", (count) => {
    setText(/** @type {Element} */ (press.lastElementChild), count > 1 ? `Generate ${count}` : "Generate");
    press.title = `Make ${count > 1 ? `${count} clips` : "a clip"} (Ctrl + Enter in the prompt); press again for more`;
  });
  return { element, generate };
}
