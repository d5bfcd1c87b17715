/**
 * Where a view gets a clip's video from: the notebook's own server, which plays and seeks while the kernel is busy,
 * or, where that has no such file, the kernel, in chunks.
 */

import { alive, blobUrl } from "./lifetime.js";
import { KIND } from "./rpc.js";

const CHUNK = 1 << 20;
const IN_FLIGHT = 3;

/**
 * @typedef {object} File Of a clip: the video that was made, or a copy of it that more programs can play.
 * @property {string | null} served The path below the server's root, or null.
 * @property {number} size In bytes.
 * @property {string} type
 *
 * @typedef {object} Video What `card_state` gives of a finished clip.
 * @property {string | null} served
 * @property {number} size
 * @property {string} name What the file is called when it is saved.
 * @property {number | null} rate Frames per second.
 * @property {number | null} frames
 * @property {boolean} sound
 *
 * @typedef {"original" | "silent" | "webm"} Version
 */

/**
 * The notebook server's own URL of the file; null where that does not give this very file, or cannot seek in it.
 * @param {File} file
 * @param {AbortSignal} signal
 * @returns {Promise<string | null>}
 */
export async function servedUrl(file, signal) {
  const url = address(file.served);
  return url && (await alive(plays(url, file, signal), signal)) ? url : null;
}

/**
 * The file from the kernel, as a URL that is there until `signal` aborts.
 * @param {{id: string, version: Version, file: File}} what
 * @param {import("./rpc.js").Rpc} rpc
 * @param {AbortSignal} signal
 * @param {(share: number) => void} onProgress Called with 0–1 as it arrives.
 * @returns {Promise<string>}
 */
export function fetchedUrl({ id, version, file }, rpc, signal, onProgress) {
  return blobOf({ kind: KIND.CLIP_CHUNK, clip: id, version }, file, rpc, signal, onProgress);
}

/**
 * Any file that the kernel gives in chunks, as a URL that is there until `signal` aborts.
 * @param {{kind: string} & Record<string, string>} what The request for a chunk, without its range.
 * @param {{size: number, type: string}} file
 * @param {import("./rpc.js").Rpc} rpc
 * @param {AbortSignal} signal
 * @param {(share: number) => void} onProgress Called with 0–1 as it arrives.
 * @returns {Promise<string>}
 */
export async function blobOf(what, file, rpc, signal, onProgress) {
  const parts = await alive(chunks(what, file.size, rpc, signal, onProgress), signal);
  return blobUrl(new Blob(parts, { type: file.type }), signal);
}

/**
 * @param {string | null} path
 * @returns {string | null}
 */
function address(path) {
  const config = document.getElementById("jupyter-config-data")?.textContent;
  if (!config || path === null) return null;
  const base = new URL(JSON.parse(config).baseUrl ?? "/", location.origin);
  return new URL(`files/${path.split("/").map(encodeURIComponent).join("/")}`, base).href;
}

/**
 * Whether `url` is this very video, and can be seeked in. A wrong address may well answer 200 with a page of HTML.
 * @param {string} url
 * @param {File} file
 * @param {AbortSignal} signal
 */
async function plays(url, { size, type }, signal) {
  try {
    const answer = await fetch(url, { headers: { Range: "bytes=0-0" }, cache: "no-store", signal });
    await answer.body?.cancel();
    const given = answer.headers.get("Content-Type") ?? "";
    const range = answer.headers.get("Content-Range") ?? "";
    return answer.status === 206 && given.startsWith(type) && range.endsWith(`/${size}`);
  } catch {
    return false;
  }
}

/**
 * @param {{kind: string} & Record<string, string>} what
 * @param {number} size
 * @param {import("./rpc.js").Rpc} rpc
 * @param {AbortSignal} signal
 * @param {(share: number) => void} onProgress
 * @returns {Promise<DataView<ArrayBuffer>[]>}
 */
async function chunks({ kind, ...what }, size, rpc, signal, onProgress) {
  /** @type {DataView<ArrayBuffer>[]} */
  const parts = [];
  const count = Math.ceil(size / CHUNK);
  let next = 0;
  let arrived = 0;
  async function worker() {
    while (next < count) {
      const index = next++;
      const range = { ...what, offset: index * CHUNK, length: Math.min(CHUNK, size - index * CHUNK) };
      const { buffers } = await rpc.request(kind, range, { signal });
      parts[index] = buffers[0];
      arrived += buffers[0].byteLength;
      onProgress(arrived / size);
    }
  }
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, count) }, worker));
  return parts;
}
