/** What is done with the clips that are chosen: favourite, tag, compare, save, delete. */

import { button, h, setAttribute, setText } from "./shared/dom.js";
import { listen } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";
import { createComparison } from "./shared/together.js";
import { fetchedUrl, servedUrl } from "./shared/video.js";

/** The most that fit side by side. */
const COMPARED = 9;

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {ReturnType<typeof import("./bars.js").createBars>} host.bars
 * @param {HTMLElement} host.panel Where a comparison goes.
 * @param {ReturnType<typeof import("./selection.js").createSelection>} host.selection
 * @param {import("./browse.js").Browse} host.browse
 * @param {(ids: string[]) => unknown} host.remove
 * @param {ReturnType<typeof import("./bars.js").createNotice>} host.notice
 * @param {(id: string) => void} host.closed Told, when a comparison is closed, of its first clip.
 */
export function createChosen({ rpc, signal, bars, panel, selection, browse, remove, notice, closed }) {
  const count = h("span", { class: "hh-number", role: "status" });
  const star = button("Favourite", { icon: "star" });
  const tag = h("input", { type: "text", maxlength: 100, placeholder: "Add a tag", "aria-label": "Add a tag to the chosen clips", dir: "auto" });
  const together = button("Compare", { icon: "compare" });
  const save = button("Save", { icon: "save", title: "Save their files, one after the other" });
  const away = button("Delete", { icon: "trash" });
  const none = button("Choose none", { icon: "cross", quiet: true });
  const bar = bars.bar("Chosen clips", count, star, tag, together, save, away, none);

  const known = () => selection.ids().flatMap((id) => browse.state(id) ?? []);

  function update() {
    const size = selection.size;
    if (size) {
      setText(count, `${size} chosen`);
      const starred = known().length === size && known().every((state) => state.favourite);
      setText(/** @type {Element} */ (star.lastElementChild), starred ? "No favourite" : "Favourite");
      together.disabled = size < 2 || size > COMPARED;
      setAttribute(together, "title", size > COMPARED ? `${COMPARED} clips are the most that are compared` : null);
    }
    bar.show(size > 0);
  }

  /** @param {object} change */
  async function mark(change) {
    try {
      const { content } = await rpc.request(KIND.CLIPS_MARK, { clips: selection.ids(), ...change }, { signal });
      content.clips.forEach(browse.adopt);
      browse.tagged(content.tags);
    } catch (error) {
      complain(error);
    }
  }

  /** @param {unknown} error */
  function complain(error) {
    if (!signal.aborted) setText(count, /** @type {Error} */ (error).message);
  }

  /** @param {string[]} ids */
  async function compare(ids) {
    try {
      const states = (await browse.states(ids)).filter((state) => state.phase === "ready");
      if (states.length < 2) return setText(count, "Two clips that are ready can be compared.");
      const comparison = createComparison({ states, rpc, signal });
      listen(comparison.el, "close", () => closed(states[0].id), signal);
      panel.replaceChildren(comparison.el);
      panel.scrollIntoView({ block: "nearest" });
      comparison.el.focus({ preventScroll: true });
      selection.clear();
    } catch (error) {
      complain(error);
    }
  }

  async function saveAll() {
    try {
      const ready = (await browse.states(selection.ids())).filter((state) => state.video);
      for (const [index, state] of ready.entries()) {
        setText(count, `Saving ${index + 1} of ${ready.length} …`);
        const video = /** @type {NonNullable<typeof state.video>} */ (state.video);
        const file = { ...video, type: "video/mp4" };
        const url = (await servedUrl(file, signal)) ?? (await fetchedUrl({ id: state.id, version: "original", file }, rpc, signal, () => {}));
        const link = h("a", { href: url, download: video.name });
        panel.append(link); // a link outside of the page saves nothing in some browsers
        link.click();
        link.remove();
      }
      setText(count, `${ready.length} ${ready.length === 1 ? "file" : "files"} saved.`);
    } catch (error) {
      complain(error);
    }
  }

  listen(star, "click", () => mark({ favourite: !known().every((state) => state.favourite) }), signal);
  listen(tag, "keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing || !tag.value.trim()) return;
    event.preventDefault();
    void mark({ add: [tag.value.trim()] });
    tag.value = "";
  }, signal);
  listen(together, "click", () => compare(selection.ids()), signal);
  listen(save, "click", saveAll, signal);
  listen(away, "click", () => remove(selection.ids()), signal);
  listen(none, "click", () => selection.clear(), signal);
  listen(bar.el, "keydown", (event) => {
    if (event.key !== "Escape") return;
    event.stopPropagation();
    selection.clear();
  }, signal);

  return {
    update,
    /** Compares with what is chosen; with nothing chosen yet, this is the first. @param {string} id */
    compare(id) {
      notice.hide();
      const ids = [...new Set([...selection.ids(), id])];
      if (ids.length > 1) return void compare(ids);
      selection.toggle(id, true);
      notice.say("Choose another clip, then Compare.");
    },
  };
}
