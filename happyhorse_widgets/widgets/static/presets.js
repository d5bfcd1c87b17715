/** Presets: the parameters under a name, to load again in any notebook of this folder. */

import { button, h, setAttribute, setText } from "./shared/dom.js";
import { alive, listen } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";

/** @param {{rpc: import("./shared/rpc.js").Rpc, form: import("./form.js").Form, signal: AbortSignal}} host */
export function createPresets({ rpc, form, signal }) {
  const opener = button("Presets", { icon: "list", title: "Parameters that were saved under a name" });
  const list = h("ul", { class: "hh-presets-list", "aria-label": "Presets" });
  const name = h("input", { type: "text", class: "hh-field", maxlength: 60, placeholder: "Name", "aria-label": "Name of the preset", autocomplete: "off" });
  const save = button("Save these parameters", { icon: "save" });
  const said = h("p", { class: "hh-quiet", role: "status" });
  const panel = h("div", { class: "hh-presets-panel", id: `hh-${Math.random().toString(36).slice(2)}`, hidden: true }, list, h("div", { class: "hh-row" }, name, save), said);
  const element = h("div", { class: "hh-presets" }, opener, panel);
  setAttribute(opener, "aria-expanded", "false");
  setAttribute(opener, "aria-controls", panel.id);
  let shown = "";

  /** @param {{name: string, summary: string}} preset */
  function row(preset) {
    const load = h("button", { type: "button", class: "hh-button hh-preset" }, h("span", {}, preset.name), h("span", { class: "hh-quiet hh-number" }, preset.summary));
    const remove = button(`Delete ${preset.name}`, { icon: "trash", quiet: true });
    listen(load, "click", () => ask({ load: preset.name }, "").then((done) => done && close()), signal);
    listen(remove, "click", () => ask({ delete: preset.name }, `${preset.name} was deleted.`).then(() => name.focus()), signal);
    return h("li", { class: "hh-row" }, load, remove);
  }

  /** @param {object} what @param {string} done */
  async function ask(what, done) {
    setText(said, "");
    try {
      const { content } = await alive(rpc.request(KIND.STUDIO_PRESETS, what, { signal }), signal);
      // What is shown already stays: a press that has begun on a row must find it at its end.
      const now = JSON.stringify(content.presets);
      if (shown !== now) list.replaceChildren(...content.presets.map(row));
      shown = now;
      setText(said, done || (content.presets.length ? "" : "None yet: give these parameters a name."));
      return true;
    } catch (error) {
      if (!signal.aborted) setText(said, /** @type {Error} */ (error).message);
      return false;
    }
  }

  function close() {
    panel.hidden = true;
    setAttribute(opener, "aria-expanded", "false");
    opener.focus();
  }

  async function keep() {
    const wanted = name.value.trim();
    if (!wanted) return name.focus();
    if (await ask({ save: wanted, values: form.values() }, `Saved as ${wanted}.`)) name.value = "";
  }

  listen(opener, "click", () => {
    if (!panel.hidden) return close();
    panel.hidden = false;
    setAttribute(opener, "aria-expanded", "true");
    ask({}, "");
  }, signal);
  listen(save, "click", keep, signal);
  listen(name, "keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    keep();
  }, signal);
  listen(panel, "keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  }, signal);
  return element;
}
