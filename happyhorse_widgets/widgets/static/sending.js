/** Carries the bytes of an image to the kernel: in chunks, four on their way at a time, each acknowledged. */

import { KIND } from "./shared/rpc.js";

/** A message of 10 MiB closes Jupyter's websocket; Colab's limit is lower than what is quick elsewhere. */
const CHUNK = /** @type {any} */ (globalThis).google?.colab ? 512 * 1024 : 1024 * 1024;
const WINDOW = 4;

/**
 * One image after the other, so that nine of them leave room for other messages.
 * @param {import("./shared/rpc.js").Rpc} rpc
 */
export function createSender(rpc) {
  /** @type {Promise<void>} */
  let last = Promise.resolve();

  /**
   * @param {string} tile
   * @param {File} file
   * @param {(share: number) => void} progress 0 to 1, by what the kernel has confirmed.
   * @param {AbortSignal} signal
   */
  async function transfer(tile, file, progress, signal) {
    const data = await file.arrayBuffer();
    const { content } = await rpc.request(KIND.TILE_OFFER, { tile, sha256: await sha256(data) }, { signal });
    if (content.known) return progress(1);
    let next = 0;
    let confirmed = 0;
    const worker = async () => {
      while (next < data.byteLength) {
        signal.throwIfAborted();
        const offset = next;
        // A copy: of a view into a larger buffer JupyterLab would send the whole buffer.
        const chunk = data.slice(offset, offset + CHUNK);
        next += chunk.byteLength;
        // There is no time limit: a kernel that is busy confirms when its cell ends.
        await rpc.request(KIND.TILE_CHUNK, { tile, offset }, { buffers: [chunk], signal });
        confirmed += chunk.byteLength;
        progress(confirmed / data.byteLength);
      }
    };
    await Promise.all(Array.from({ length: WINDOW }, worker));
  }

  return {
    /** @type {typeof transfer} Rejects with what the kernel found wrong, or with the reason of `signal`. */
    async send(tile, file, progress, signal) {
      // The place in the tray is asked for at once, so that it comes before any edit that names the tile.
      const added = rpc.request(KIND.TILE_ADD, { tile, name: file.name, size: file.size }, { signal });
      const turn = Promise.all([added, last]).then(() => transfer(tile, file, progress, signal));
      last = turn.catch(() => {});
      return turn;
    },
  };
}

/**
 * The hash by which the kernel knows an image that it has already; null where the page may not compute one (plain HTTP).
 * @param {ArrayBuffer} data
 */
async function sha256(data) {
  if (!globalThis.crypto?.subtle) return null;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
