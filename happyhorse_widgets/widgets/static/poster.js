/** A clip in the grid: its poster, the first words of its prompt, and how far it is. */

import { h, icon, setAttribute, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";

/**
 * @param {object} host
 * @param {AbortSignal} host.signal
 * @param {(id: string, own: AbortSignal) => Promise<string | null>} host.poster
 * @param {() => void} host.open Shows the whole card.
 */
export function createPoster({ signal, poster, open }) {
  let [shown, drawn] = ["", ""];
  const image = h("img", { class: "hh-poster-image", alt: "", hidden: true });
  const heading = h("span", { class: "hh-poster-heading" });
  const stage = h("div", { class: "hh-poster-stage" }, image, heading);
  const words = h("span", { class: "hh-poster-words", dir: "auto" });
  const star = icon("star");
  star.classList.add("hh-poster-star");
  const facts = h("span", { class: "hh-poster-facts hh-quiet hh-number" });
  const opener = h("button", { type: "button", class: "hh-poster-open", "aria-expanded": "false" }, stage, words, facts);
  const el = h("article", { class: "hh-poster" }, opener, star);
  listen(opener, "click", (event) => event.shiftKey || event.ctrlKey || event.metaKey || open(), signal);

  /** @param {import("./shared/card.js").State} state */
  async function draw(state) {
    const url = await poster(state.id, signal);
    if (signal.aborted || !url) return;
    image.src = url;
    image.hidden = false;
  }

  return {
    el,
    stage,
    /** @param {import("./shared/card.js").State} state */
    update(state) {
      shown = state.id;
      setAttribute(el, "aria-label", `Clip: ${state.prompt.slice(0, 80)}`);
      setAttribute(el, "data-clip", state.id);
      setAttribute(el, "data-phase", state.phase);
      setText(words, state.prompt);
      setText(heading, state.phase === "ready" ? "" : state.heading);
      setText(facts, state.parameters.slice(0, 3).join(" · "));
      star.classList.toggle("hh-poster-starred", state.favourite);
      const [width, height] = state.ratio.split(":").map(Number);
      image.style.aspectRatio = String(width / height);
      if (state.phase !== "ready" || drawn === shown) return;
      drawn = shown;
      void draw(state);
    },
    /** @param {boolean} now */
    opened: (now) => setAttribute(opener, "aria-expanded", now ? "true" : "false"),
  };
}
