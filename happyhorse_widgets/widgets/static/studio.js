/** The Studio: the tray, the prompt, the parameters and the button above the clips that they made. */

import { createArrangement } from "./arrange.js";
import { createClips } from "./clips.js";
import { createFilled } from "./filled.js";
import { createForm } from "./form.js";
import { createHead } from "./head.js";
import { createParameters } from "./parameters.js";
import { createPresets } from "./presets.js";
import { createPress, createProblems } from "./press.js";
import { vary } from "./pressing.js";
import { createPrice } from "./price.js";
import { createPrompt } from "./prompt.js";
import { h, setText } from "./shared/dom.js";
import { keepFocus } from "./shared/focus.js";
import { suppressShortcuts } from "./shared/keys.js";
import { child, follow } from "./shared/lifetime.js";
import { KIND, connect } from "./shared/rpc.js";
import { hideTwin, isExport } from "./shared/twin.js";
import { createTray } from "./tray.js";
import { createWelcome } from "./welcome.js";

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
  const { element: problems, complain } = createProblems();
  const form = createForm(model, rpc, signal, (message) => complain([{ message }]));
  const live = h("div", { class: "hh-unseen", role: "status" });
  const announce = (/** @type {string} */ text) => setText(live, text);
  const arrangement = createArrangement({ form, announce, nameOf: (id) => model.get("_tiles")[id]?.name ?? "an image" });
  const host = { model, rpc, form, signal, announce, arrangement, arrange: arrangement.arrange, undo: arrangement.undo };

  const prompt = createPrompt({
    ...host,
    submit: () => press.generate(),
    characters: () => tray.characters(),
    limit: () => chosenModel()?.fields.prompt?.max_length ?? 2500,
  });
  const tray = createTray({ ...host, zone: root, mention: prompt.mention });
  Object.assign(host, { take: tray.take, reuse });
  const parameters = createParameters(host);
  parameters.element.prepend(createPresets(host));
  const clips = createClips(host);
  const price = createPrice(host, chosenModel);
  const filled = createFilled(host);
  const press = createPress(host, { tray, prompt, parameters, clips, price }, complain, chosenModel);

  root.append(
    createHead(host),
    filled,
    h(
      "div",
      { class: "hh-desk" },
      section("References", tray.element, createWelcome(host)),
      section("Prompt", prompt.element),
      section("Parameters", parameters.element),
      problems,
      press.element,
    ),
    section("Clips", clips.element),
    live,
  );
  suppressShortcuts(root, signal);
  keepFocus(root, signal);
  follow(model, "_schema", prompt.draw, signal);
  form.follow("model", prompt.draw);
  for (const name of Object.keys(form.values())) form.follow(name, () => complain([]));
  el.append(root);
  hideTwin(twin, signal);

  function chosenModel() {
    return model.get("_schema").models.find((/** @type {any} */ each) => each.id === form.get("model"));
  }

  /**
   * Makes a clip's like once more with another seed, or sets up what it was made of. Rejects with what is in the way.
   * @param {import("./shared/card.js").State} state
   * @param {{seed: "vary" | "keep"}} how
   */
  async function reuse(state, { seed }) {
    if (seed === "vary") return vary(clips.press, state);
    await rpc.request(KIND.STUDIO_REUSE, { clip: state.id }, { signal });
    if (signal.aborted) return;
    // What was set up is said above the prompt, with the way back.
    filled.scrollIntoView({ block: "nearest" });
    prompt.focus();
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

export default { render };
