/**
 * Where a view gets a clip's video from: the notebook's own server, which plays and seeks while the kernel is busy,
 * or, where that has no such file, the kernel, in chunks.
 */

import { alive, blobUrl } from "./lifetime.js";
import { KIND } from "./rpc.js";

const CHUNK = 1 << 20;
const IN_FLIGHT = 3;
const TYPE = "video/mp4";

/**
 * @typedef {object} Video
 * @property {string | null} served The path below the server's root, or null.
 * @property {number} size In bytes.
 */

/**
 * A URL that plays until `signal` aborts.
 * @param {string} clip
 * @param {Video} video
 * @param {import("./rpc.js").Rpc} rpc
 * @param {AbortSignal} signal
 * @param {(share: number) => void} onProgress Called with 0–1 while chunks arrive from the kernel.
 * @returns {Promise<string>}
 */
export async function videoUrl(clip, video, rpc, signal, onProgress) {
  const url = servedUrl(video.served);
  if (url && (await alive(plays(url, video.size, signal), signal))) return url;
  const parts = await alive(chunks(clip, video.size, rpc, signal, onProgress), signal);
  return blobUrl(new Blob(parts, { type: TYPE }), signal);
}

/**
 * @param {string | null} path
 * @returns {string | null}
 */
function servedUrl(path) {
  const config = document.getElementById("jupyter-config-data")?.textContent;
  if (!config || path === null) return null;
  const base = new URL(JSON.parse(config).baseUrl ?? "/", location.origin);
  return new URL(`files/${path.split("/").map(encodeURIComponent).join("/")}`, base).href;
}

/**
 * Whether `url` is this very video, and can be seeked in. A wrong address may well answer 200 with a page of HTML.
 * @param {string} url
 * @param {number} size
 * @param {AbortSignal} signal
 */
async function plays(url, size, signal) {
  try {
    const answer = await fetch(url, { headers: { Range: "bytes=0-0" }, cache: "no-store", signal });
    await answer.body?.cancel();
    const type = answer.headers.get("Content-Type") ?? "";
    const range = answer.headers.get("Content-Range") ?? "";
    return answer.status === 206 && type.startsWith(TYPE) && range.endsWith(`/${size}`);
  } catch {
    return false;
  }
}

/**
 * @param {string} clip
 * @param {number} size
 * @param {import("./rpc.js").Rpc} rpc
 * @param {AbortSignal} signal
 * @param {(share: number) => void} onProgress
 * @returns {Promise<DataView<ArrayBuffer>[]>}
 */
async function chunks(clip, size, rpc, signal, onProgress) {
  /** @type {DataView<ArrayBuffer>[]} */
  const parts = [];
  const count = Math.ceil(size / CHUNK);
  let next = 0;
  let arrived = 0;
  async function worker() {
    while (next < count) {
      const index = next++;
      const range = { clip, offset: index * CHUNK, length: Math.min(CHUNK, size - index * CHUNK) };
      const { buffers } = await rpc.request(KIND.CLIP_CHUNK, range, { signal });
      parts[index] = buffers[0];
      arrived += buffers[0].byteLength;
      onProgress(arrived / size);
    }
  }
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count) }, worker));
  return parts;
}
