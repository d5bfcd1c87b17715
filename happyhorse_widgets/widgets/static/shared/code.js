/** A small panel with the code that would make a clip again, and a button that copies it. */

import { button, h, setAttribute, setText } from "./dom.js";
import { alive, child, listen } from "./lifetime.js";

const LANGUAGES = { python: "Python", curl: "cURL", javascript: "JavaScript" };

/**
 * @param {object} host
 * @param {() => Promise<Record<string, string>>} host.ask Gives the code by language; it holds no credential.
 * @param {AbortSignal} host.signal
 * @param {() => void} host.closed Told when a person has closed it.
 * @returns {HTMLElement}
 */
export function createCode({ ask, signal: parent, closed }) {
  const [signal, end] = child(parent);
  /** @type {Record<string, string>} */
  let texts = {};
  let chosen = "python";
  const code = h("code");
  const pre = h("pre", { class: "hh-code-text", tabindex: 0, "aria-label": "Code", dir: "ltr" }, code);
  const copy = button("Copy", { icon: "copy" });
  const shut = button("Close the code", { icon: "cross", quiet: true });
  const said = h("span", { class: "hh-quiet", role: "status" });
  const choices = Object.entries(LANGUAGES).map(([language, name]) => {
    const one = h("button", { type: "button", class: "hh-button hh-code-language" }, name);
    listen(one, "click", () => choose(language), signal);
    return { language, one };
  });
  const languages = h("div", { class: "hh-code-languages", role: "group", "aria-label": "Language" }, ...choices.map(({ one }) => one));
  const el = h("section", { class: "hh-code", "aria-label": "Copy as code" }, h("div", { class: "hh-code-head" }, languages, copy, said, shut), pre);

  /** @param {string} language */
  function choose(language) {
    chosen = language;
    for (const { language: each, one } of choices) setAttribute(one, "aria-pressed", each === language ? "true" : "false");
    setText(code, texts[language] ?? "");
    setText(said, "");
  }

  function close() {
    end();
    el.remove();
    closed();
  }

  listen(copy, "click", async () => {
    try {
      await navigator.clipboard.writeText(texts[chosen]);
      setText(said, "Copied.");
    } catch {
      // Not allowed here, as in a frame of another site: select it, so that Ctrl + C does it.
      window.getSelection()?.selectAllChildren(code);
      setText(said, "Selected: copy it with Ctrl + C.");
    }
  }, signal);
  listen(shut, "click", close, signal);
  listen(el, "keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    close();
  }, signal);
  choose(chosen);
  alive(ask(), signal).then(
    (answer) => {
      texts = answer;
      choose(chosen);
    },
    (error) => signal.aborted || setText(said, error.message),
  );
  return el;
}
