/** Saves what is compared as a file: a strip of frames, or a video of all beside each other. The kernel makes it. */

import { button, h, setAttribute, setText } from "./dom.js";
import { listen } from "./lifetime.js";
import { KIND } from "./rpc.js";
import { blobOf, servedUrl } from "./video.js";

const WAYS = /** @type {["strip" | "video", string, "frame" | "save", string][]} */ ([
  ["strip", "Frame strip", "frame", "Save a picture: a row of frames for each clip"],
  ["video", "Video", "save", "Save a video of the clips beside each other"],
]);

/**
 * @typedef {object} Export What the file is to show.
 * @property {string[]} clips Their ids, in order.
 * @property {string[]} labels
 * @property {number[]} begins The frame that each begins at.
 * @property {number | null} columns
 */

/**
 * @param {object} host
 * @param {import("./rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {() => Export} host.what
 */
export function createExports({ rpc, signal, what }) {
  const said = h("span", { class: "hh-together-progress hh-quiet", role: "status" });
  const buttons = WAYS.map(([way, text, picture, title]) => {
    const one = button(text, { icon: picture, title });
    setAttribute(one, "aria-label", text); // where it is narrow, only its icon shows
    listen(one, "click", () => save(way), signal);
    return one;
  });
  const el = h("div", { class: "hh-together-exports" }, said, ...buttons);

  /** @param {boolean} now */
  function busy(now) {
    for (const one of buttons) one.disabled = now;
  }

  /** @param {"strip" | "video"} way */
  async function save(way) {
    busy(true);
    try {
      const file = await made(way);
      setText(said, "");
      const loading = (/** @type {number} */ share) => setText(said, share < 1 ? `Loading ${Math.round(share * 100)} %` : "");
      const url = (await servedUrl(file, signal)) ?? (await blobOf({ kind: KIND.COMPARE_CHUNK, file: file.name }, file, rpc, signal, loading));
      const link = h("a", { href: url, download: file.name });
      el.append(link); // a link outside of the page saves nothing in some browsers
      link.click();
      link.remove();
      setText(said, "Saved");
    } catch (error) {
      if (!signal.aborted) setText(said, /** @type {Error} */ (error).message);
    }
    busy(false);
  }

  /** @param {"strip" | "video"} way @returns {Promise<import("./video.js").File & {name: string}>} */
  async function made(way) {
    const asked = what();
    if (!asked.clips.length) throw new Error("No clip is ready yet.");
    for (;;) {
      const { content } = await rpc.request(KIND.COMPARE_EXPORT, { way, ...asked }, { signal });
      if (content.file) return content.file;
      setText(said, `Making the ${way}: ${Math.round(content.progress * 100)} %`);
    }
  }

  return { el };
}
