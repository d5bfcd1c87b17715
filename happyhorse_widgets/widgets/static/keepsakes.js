/** Prompts to go back to: templates that were saved under a name, and what was asked before. */

import { ownNames } from "./arrange.js";
import { button, h, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";
import { marked } from "./shared/mentions.js";
import { KIND } from "./shared/rpc.js";

/** How long nothing must be typed before it is searched for, in milliseconds. */
const PAUSE = 200;

/**
 * @typedef {import("./assist.js").Desk & {close: () => void}} Host
 * @param {Host} host
 * @returns {import("./assist.js").Panel}
 */
export function createTemplates(host) {
  const { rpc, signal, text, announce } = host;
  const name = h("input", { type: "text", class: "hh-input", maxlength: 80, "aria-label": "Name of the template", placeholder: "Name for this prompt" });
  const save = button("Save this prompt", { icon: "save" });
  const said = h("p", { class: "hh-quiet", role: "status" });
  const list = h("ul", { class: "hh-keepsakes", "aria-label": "Templates" });
  let shown = "";

  /** @param {object} [change] @param {string} [done] */
  async function refresh(change = {}, done = "") {
    try {
      const { content } = await rpc.request(KIND.PROMPT_TEMPLATES, change, { signal });
      const templates = /** @type {{name: string, text: string}[]} */ (content.templates);
      // What is shown already stays: a press that has begun on a row must find it at its end.
      const now = JSON.stringify(templates);
      if (shown !== now) list.replaceChildren(...templates.map((each) => keepsake(host, each.text, each.name, remove)));
      shown = now;
      setText(said, done || (templates.length ? "" : "No template yet: save the prompt under a name."));
      return true;
    } catch (error) {
      if (!signal.aborted) setText(said, /** @type {Error} */ (error).message);
      return false;
    }
  }

  /** @param {string} which */
  async function remove(which) {
    if (await refresh({ delete: which }, `${which} was deleted.`)) name.focus();
  }

  async function keep() {
    const called = name.value.trim();
    if (!called) {
      setText(said, "Give it a name first.");
      return name.focus();
    }
    if (await refresh({ save: { name: called, text: text() } }, `${called} was saved.`)) {
      name.value = "";
      announce(`${called} was saved.`);
    }
  }

  listen(save, "click", keep, signal);
  listen(name, "keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    keep();
  }, signal);
  refresh();
  return { element: h("div", { class: "hh-keeping" }, h("div", { class: "hh-row" }, name, save), said, list), focus: () => name.focus({ preventScroll: true }) };
}

/**
 * @param {Host} host
 * @returns {import("./assist.js").Panel}
 */
export function createHistory(host) {
  const { rpc, signal } = host;
  const search = h("input", { type: "search", class: "hh-input", "aria-label": "Search in prompts", placeholder: "Search in prompts" });
  const said = h("p", { class: "hh-quiet", role: "status" }, "Looking …");
  const list = h("ul", { class: "hh-keepsakes", "aria-label": "Prompts that were asked" });
  let timer = 0;

  async function find() {
    const wanted = search.value;
    try {
      const { content } = await rpc.request(KIND.PROMPT_HISTORY, { text: wanted }, { signal });
      if (wanted !== search.value) return;
      list.replaceChildren(...content.prompts.map((/** @type {string} */ each) => keepsake(host, each)));
      setText(said, content.prompts.length ? "" : wanted.trim() ? "No prompt has these words." : "No clip was asked for yet.");
    } catch (error) {
      if (!signal.aborted) setText(said, /** @type {Error} */ (error).message);
    }
  }

  listen(search, "input", () => {
    clearTimeout(timer);
    timer = window.setTimeout(find, PAUSE);
  }, signal);
  signal.addEventListener("abort", () => clearTimeout(timer));
  find();
  return { element: h("div", { class: "hh-keeping" }, search, said, list), focus: () => search.focus({ preventScroll: true }) };
}

/**
 * One prompt with what can be done with it.
 * @param {Host} host
 * @param {string} text
 * @param {string} [name]
 * @param {(name: string) => void} [remove]
 */
function keepsake({ form, signal, write, close, announce }, text, name = "", remove) {
  const use = button("Use");
  use.setAttribute("aria-label", `Use ${name || text}`);
  listen(use, "click", () => {
    close();
    write(text);
    announce("The prompt was replaced. Undo brings the former one back.");
  }, signal);
  const away = remove && button(`Delete ${name}`, { icon: "trash", quiet: true });
  if (away) listen(away, "click", () => remove?.(name), signal);
  const names = ownNames({ tiles: form.get("tiles"), aliases: form.get("aliases") ?? {} });
  const shown = h("span", { class: "hh-keepsake-text", dir: "auto" }, ...marked(text, names));
  return h("li", { class: "hh-keepsake" }, h("div", {}, name && h("strong", { dir: "auto" }, name), shown), use, away);
}
