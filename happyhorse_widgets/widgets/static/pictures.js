/** The stills of clips, asked for a few at a time and kept a while: who scrolls back sees them at once. */

import { KIND } from "./shared/rpc.js";

/** A poster has at most 40 KB, so an answer stays under 1 MB. */
const BATCH = 20;
const POSTERS = 300;
const CARDS = 60;

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 */
export function createPictures({ rpc, signal }) {
  /** @type {Map<string, string>} */
  const urls = new Map();
  /** @type {Map<string, Promise<import("./shared/rpc.js").Answer>>} */
  const cards = new Map();
  /** @type {Map<string, {own: AbortSignal, resolve: (url: string | null) => void}>} */
  const wanted = new Map();
  let timer = 0;
  signal.addEventListener("abort", () => {
    clearTimeout(timer);
    for (const url of urls.values()) URL.revokeObjectURL(url);
  });

  async function ask() {
    timer = 0;
    for (const [id, { own }] of wanted) if (own.aborted) wanted.delete(id);
    const batch = [...wanted].slice(0, BATCH);
    if (!batch.length) return;
    for (const [id] of batch) wanted.delete(id);
    try {
      const { buffers } = await rpc.request(KIND.CLIPS_POSTERS, { clips: batch.map(([id]) => id) }, { signal });
      batch.forEach(([id, { resolve }], index) => resolve(keep(id, buffers[index])));
    } catch {
      // Without posters the tiles still say what they are.
    }
    if (wanted.size && !timer) timer = window.setTimeout(ask);
  }

  /** @param {string} id @param {DataView<ArrayBuffer>} bytes */
  function keep(id, bytes) {
    if (!bytes?.byteLength || signal.aborted) return null;
    const url = URL.createObjectURL(new Blob([bytes], { type: "image/jpeg" }));
    urls.set(id, url);
    limit(urls, POSTERS, (old) => URL.revokeObjectURL(old));
    return url;
  }

  return {
    /** A URL of the poster, or null. @param {string} id @param {AbortSignal} own @returns {Promise<string | null>} */
    poster(id, own) {
      const known = urls.get(id);
      if (known) return Promise.resolve(known);
      return new Promise((resolve) => {
        wanted.set(id, { own, resolve });
        timer ||= window.setTimeout(ask, 30);
      });
    },
    /** The same requests, with what was answered before for the pictures of a finished clip. */
    rpc: /** @type {import("./shared/rpc.js").Rpc} */ ({
      ...rpc,
      request(kind, content = {}, options = {}) {
        if (kind !== KIND.CLIP_IMAGES) return rpc.request(kind, content, options);
        const { clip } = /** @type {{clip: string}} */ (content);
        const known = cards.get(clip);
        if (known) return known;
        const asked = rpc.request(kind, content, options);
        asked.then(({ buffers }) => {
          if (!buffers.at(-1)?.byteLength) return; // its poster is still to come
          cards.set(clip, asked);
          limit(cards, CARDS, () => {});
        }, () => {});
        return asked;
      },
    }),
  };
}

/** Lets the oldest go. @template T @param {Map<string, T>} map @param {number} most @param {(value: T) => void} freed */
function limit(map, most, freed) {
  for (const [key, value] of map) {
    if (map.size <= most) return;
    map.delete(key);
    freed(value);
  }
}
