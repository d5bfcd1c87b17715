/** The clip of the cell that is open: its whole card, below the table. */

import { button, h, setText } from "./shared/dom.js";
import { createCard } from "./shared/card.js";
import { child, listen } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {(key: string) => void} host.opened Told which cell's clip is shown; "" for none.
 * @param {(key: string) => void} host.closed Told which cell was left.
 */
export function createOpened({ rpc, signal, opened, closed }) {
  /** @type {import("./sweep.js").Cell | undefined} */
  let cell;
  let [shown, wanted, busy] = ["", "", false];
  /** @type {ReturnType<typeof createCard> | undefined} */
  let card;
  let end = () => {};
  const name = h("span", { class: "hh-sweep-opened-name", dir: "auto" });
  const close = button("Close", { icon: "cross", quiet: true });
  const place = h("div");
  const el = h("div", { class: "hh-sweep-opened", hidden: true }, h("div", { class: "hh-sweep-line" }, name, close), place);

  function leave() {
    if (!cell) return;
    const { key } = cell;
    end();
    place.replaceChildren();
    [cell, card, shown] = [undefined, undefined, ""];
    el.hidden = true;
    opened("");
    closed(key);
  }

  /** Shows the clip as it is now; of several wishes at once the last one counts. */
  async function draw() {
    wanted = cell?.state.clip ?? "";
    if (busy) return;
    busy = true;
    try {
      while (cell && wanted) {
        const id = wanted;
        wanted = "";
        try {
          const { content } = await rpc.request(KIND.CLIPS_STATES, { clips: [id] }, { signal });
          if (cell?.state.clip === id && content.clips.length) show(content.clips[0]);
        } catch (error) {
          if (signal.aborted) return;
          if (cell?.state.clip === id && shown !== id) place.replaceChildren(h("p", { class: "hh-quiet" }, /** @type {Error} */ (error).message));
        }
      }
    } finally {
      busy = false;
    }
  }

  /** @param {import("./shared/card.js").State} state */
  function show(state) {
    if (shown !== state.id) {
      end();
      const [own, stop] = child(signal);
      end = stop;
      card = createCard({ rpc, signal: own });
      shown = state.id;
      place.replaceChildren(card.el);
    }
    card?.update(state);
  }

  listen(close, "click", leave, signal);
  listen(el, "keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    event.preventDefault();
    leave();
  }, signal);

  return {
    el,
    /** @param {import("./sweep.js").Cell} next @param {string} words */
    toggle(next, words) {
      if (cell?.key === next.key) return leave();
      cell = next;
      opened(next.key);
      setText(name, words);
      el.hidden = false;
      if (shown !== next.state.clip) {
        // The clip of the cell before does not stand under this one's name while the kernel is busy.
        end();
        [card, shown] = [undefined, ""];
        place.replaceChildren(h("p", { class: "hh-quiet" }, next.state.clip ? "Loading …" : "This cell's clip was not asked for yet."));
      }
      void draw();
      close.focus();
    },
    /** @param {import("./sweep.js").Cell} changed */
    update: (changed) => void (changed.key === cell?.key && draw()),
    /** @param {boolean} lost */
    lose: (lost) => card?.lose(lost),
  };
}
