/** One place in the list: a box of the right shape until its clip's state is known, then its card, or its poster. */

import { createPoster } from "./poster.js";
import { createCard } from "./shared/card.js";
import { h, setAttribute } from "./shared/dom.js";
import { hoverPlay } from "./shared/hover.js";
import { child, listen } from "./shared/lifetime.js";

const refuse = () => Promise.reject(new Error("The kernel has not answered yet."));

/**
 * @typedef {ReturnType<typeof createEntry>} Entry
 *
 * @typedef {object} Place
 * @property {string} id
 * @property {boolean} small Whether it is a poster.
 * @property {string} ratio
 * @property {ReturnType<typeof import("./pictures.js").createPictures>} pictures
 * @property {Omit<import("./shared/card.js").Host, "signal">} host What the card can do.
 * @property {AbortSignal} signal
 * @property {(id: string, event: MouseEvent) => void} pick Told of a click on the box that chooses it.
 * @property {(id: string) => void} open Shows the whole card of a poster.
 */

/** @param {Place} place */
export function createEntry({ id, small, ratio, pictures, host, signal, pick, open }) {
  const [whole, endAll] = child(signal);
  /** Ends what is shown, when another clip takes its place. */
  let end = () => {};
  let now = id;
  /** @type {import("./shared/card.js").State | undefined} */
  let state;
  /** @type {{el: HTMLElement, update: (state: any) => void, lose?: (lost: boolean) => void, opened?: (now: boolean) => void} | null} */
  let shown = null;
  const box = h("input", { type: "checkbox", class: "hh-pick-box", "aria-label": "Choose this clip", tabindex: -1 });
  const label = h("label", { class: "hh-pick" }, box);
  const el = h("div", { class: small ? "hh-clips-item hh-clips-small" : "hh-clips-item", role: "listitem" }, waiting(), label);
  label.hidden = true;
  listen(box, "click", (event) => pick(now, event), whole);

  function waiting() {
    const [width, height] = ratio.split(":").map(Number);
    const stage = h("div", { class: small ? "hh-poster-stage" : "hh-stage" });
    stage.style.setProperty("--hh-ratio", String(width / height));
    if (small) return h("article", { class: "hh-poster hh-waiting", "aria-busy": "true" }, stage, h("span", { class: "hh-poster-words" }), h("span", { class: "hh-poster-facts" }));
    return h("article", { class: "hh-card hh-waiting", "aria-busy": "true" }, stage, h("div", { class: "hh-card-side" }, h("p", { class: "hh-card-prompt" }, "…")));
  }

  function make() {
    end();
    const [own, ended] = child(whole);
    end = ended;
    if (small) {
      const poster = createPoster({ signal: own, poster: pictures.poster, open: () => open(now) });
      hoverPlay(poster.el, { stage: poster.stage, video: () => state?.video ?? null, signal: own });
      return poster;
    }
    // A press that the kernel has not answered has no pictures there to ask for.
    const rpc = state?.kept ? pictures.rpc : { ...host.rpc, request: refuse };
    return createCard({ ...host, rpc, signal: own });
  }

  return {
    el,
    /** @param {import("./shared/card.js").State} next */
    update(next) {
      const fresh = !shown || state?.id !== next.id;
      state = next;
      now = next.id;
      if (fresh) shown = make();
      shown?.update(next);
      if (fresh && shown) el.replaceChildren(shown.el, label);
      label.hidden = !next.kept;
    },
    /** The same place has another clip now. @param {string} next */
    become: (next) => void (now = next),
    /** What of it has the focus when it is walked to. */
    get focusable() {
      return /** @type {HTMLElement} */ (el.querySelector(".hh-poster-open") ?? el.querySelector("article"));
    },
    lose: (/** @type {boolean} */ lost) => shown?.lose?.(lost),
    opened: (/** @type {boolean} */ open) => shown?.opened?.(open),
    /** @param {boolean} on @param {number} at @param {number} count @param {boolean} current */
    mark(on, at, count, current) {
      box.checked = on;
      el.classList.toggle("hh-picked", on);
      setAttribute(el, "aria-posinset", at + 1);
      setAttribute(el, "aria-setsize", count);
      const focusable = this.focusable;
      if (focusable) focusable.tabIndex = current ? 0 : -1;
    },
    end: endAll,
  };
}
