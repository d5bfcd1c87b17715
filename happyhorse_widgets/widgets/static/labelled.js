/**
 * The frame of a control: its name, its help, and what is wrong with it. The help is a sentence that a mouse over the
 * question mark, the keyboard's focus on it and a click show, and that a screen reader reads with the control.
 */

import { button, h, setAttribute, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";

/**
 * @param {AbortSignal} signal
 * @param {string} name The class that the parameter gets.
 * @param {"group" | "radiogroup"} [role]
 */
export function labelled(signal, name, role = "group") {
  const id = `hh-${Math.random().toString(36).slice(2)}`;
  const label = h("span", { id: `${id}-label` });
  const help = createHelp(signal, `${id}-help`);
  const note = h("p", { class: "hh-note hh-note-error", role: "status", hidden: true, id: `${id}-note` });
  const element = h(
    "div",
    { class: `hh-parameter hh-${name}`, role, "aria-labelledby": label.id, "aria-describedby": `${id}-help ${id}-note` },
    h("div", { class: "hh-parameter-head" }, label, help.opener, help.bubble),
  );
  return {
    element,
    /** Puts the control below its name. @param {...HTMLElement} parts */
    hold: (...parts) => element.append(...parts, note),
    /** @param {string} text @param {string} [sentence] */
    call(text, sentence = "") {
      setText(label, text);
      help.tell(text, sentence);
    },
    /** Says what is wrong, or that nothing is. @param {string} message @param {HTMLElement[]} [controls] */
    say(message, controls = []) {
      setText(note, message);
      note.hidden = !message;
      for (const control of controls) {
        setAttribute(control, "aria-invalid", message ? "true" : null);
        setAttribute(control, "aria-describedby", message ? note.id : null);
      }
    },
  };
}

/** @param {AbortSignal} signal @param {string} id */
function createHelp(signal, id) {
  const opener = button("Help", { icon: "help", quiet: true });
  const bubble = h("span", { class: "hh-help", role: "tooltip", id, popover: "manual" });
  opener.classList.add("hh-help-opener");
  opener.removeAttribute("title"); // the bubble is what it would say
  opener.hidden = true;
  let pinned = false;

  function show() {
    if (bubble.matches(":popover-open")) return;
    bubble.showPopover();
    const [at, own] = [opener.getBoundingClientRect(), bubble.getBoundingClientRect()];
    const below = at.bottom + 4 + own.height <= window.innerHeight;
    bubble.style.left = `${Math.max(4, Math.min(at.left - 8, window.innerWidth - own.width - 4))}px`;
    bubble.style.top = `${below ? at.bottom + 4 : at.top - own.height - 4}px`;
    setAttribute(opener, "aria-expanded", "true");
  }
  function hide() {
    pinned = false;
    if (bubble.matches(":popover-open")) bubble.hidePopover();
    setAttribute(opener, "aria-expanded", "false");
  }

  setAttribute(opener, "aria-expanded", "false");
  setAttribute(opener, "aria-controls", id);
  listen(opener, "mouseenter", show, signal);
  listen(opener, "mouseleave", () => pinned || hide(), signal);
  listen(opener, "focus", () => opener.matches(":focus-visible") && show(), signal);
  listen(opener, "blur", hide, signal);
  listen(opener, "click", () => {
    pinned = !pinned;
    if (pinned) show();
    else hide();
  }, signal);
  listen(opener, "keydown", (event) => {
    if (event.key !== "Escape" || !bubble.matches(":popover-open")) return;
    event.stopPropagation();
    hide();
  }, signal);
  listen(document, "scroll", hide, signal, { capture: true, passive: true });
  return {
    opener,
    bubble,
    /** @param {string} name @param {string} sentence */
    tell(name, sentence) {
      setText(bubble, sentence);
      setAttribute(opener, "aria-label", `About ${name.toLowerCase()}`);
      opener.hidden = !sentence;
    },
  };
}
