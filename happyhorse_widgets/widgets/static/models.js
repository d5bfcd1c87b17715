/** The choice of the model: the Happy Horse ones, those that were used before, and any other one by its id. */

import { labelled } from "./labelled.js";
import { button, h, icon, setText } from "./shared/dom.js";
import { alive, follow, listen } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";

const ANOTHER = "another";

/**
 * @param {import("./choices.js").Host} host
 * @returns {import("./choices.js").Control}
 */
export function createModels({ model, rpc, form, signal }) {
  const { element, hold, call, say } = labelled(signal, "model");
  const select = h("select", { class: "hh-field", "aria-label": "Model" });
  const id = h("input", { type: "text", class: "hh-field hh-model-id", placeholder: "model_…", "aria-label": "Id of another model", spellcheck: "false", autocomplete: "off" });
  const use = button("Use it");
  const other = h("div", { class: "hh-row", hidden: true }, id, use);
  const told = h("p", { class: "hh-quiet hh-model-told", role: "status" });
  const retired = h("span", {});
  const change = button("Switch");
  const notice = h("p", { class: "hh-note hh-note-warning hh-retired", role: "status", hidden: true }, icon("warning"), retired, change);
  hold(select, other, notice, told);
  call("Model", "Any model of Scenario that takes a prompt and a list of reference images can be used: choose “Another model …” and give its id.");

  const known = () => /** @type {any[]} */ (model.get("_schema").models);
  const chosen = () => known().find((each) => each.id === form.get("model"));

  /** What else this model takes, which the Studio leaves alone. @param {any} entry */
  function others(entry) {
    if (!entry?.others?.length) return "";
    const list = entry.others.map((/** @type {any} */ { label, default: usual }) => (usual == null ? label : `${label} (${usual})`));
    return `Its other inputs keep their defaults: ${list.join(", ")}.`;
  }

  function draw() {
    const wanted = known().map((each) => [each.id, each.label]);
    const shown = [...select.options].slice(0, -1).map((each) => [each.value, each.text]);
    if (JSON.stringify(wanted) !== JSON.stringify(shown))
      select.replaceChildren(...wanted.map(([value, text]) => h("option", { value, title: value }, text)), h("option", { value: ANOTHER }, "Another model …"));
    if (other.hidden) select.value = form.get("model");
    const entry = chosen();
    const successor = entry?.deprecated_by;
    notice.hidden = successor == null;
    const name = known().find((each) => each.id === successor)?.label ?? successor;
    setText(retired, successor ? `Scenario retires this model: ${name} replaces it.` : "Scenario retires this model, and names no other one.");
    change.hidden = !successor;
    setText(/** @type {Element} */ (change.lastElementChild), `Switch to ${name}`);
    setText(told, others(entry));
  }

  /** @param {string} wanted */
  async function ask(wanted) {
    say("");
    setText(told, "Asking Scenario what this model takes …");
    use.disabled = true;
    try {
      await alive(rpc.request(KIND.STUDIO_MODEL, { model: wanted }, { signal }), signal);
      other.hidden = true;
      draw();
      select.focus();
    } catch (error) {
      if (signal.aborted) return;
      draw();
      say(/** @type {Error} */ (error).message, [other.hidden ? select : id]);
    } finally {
      use.disabled = false;
    }
  }

  /** @param {string} wanted */
  function choose(wanted) {
    say("", [select, id]);
    const entry = known().find((each) => each.id === wanted);
    if (entry?.known) form.choose(wanted, entry.fields);
    else ask(wanted);
  }

  listen(select, "change", () => {
    other.hidden = select.value !== ANOTHER;
    say("", [select, id]);
    if (other.hidden) choose(select.value);
    else id.focus();
  }, signal);
  listen(use, "click", () => ask(id.value), signal);
  listen(id, "keydown", (event) => {
    if (event.key === "Enter" && !event.isComposing) ask(id.value);
    else if (event.key === "Escape") {
      other.hidden = true;
      draw();
      select.focus();
    } else return;
    event.preventDefault();
  }, signal);
  listen(change, "click", () => choose(chosen()?.deprecated_by), signal);
  follow(model, "_schema", draw, signal);
  form.follow("model", draw);
  return { name: "model", element, problem: () => "", update: () => {} };
}
