/**
 * Videos without their sound. A player keeps time by the sound where there is one, even when it is muted, and the sounds of
 * several players drift apart by tens of milliseconds; videos alone keep the page's own time.
 */

import { blobUrl } from "./lifetime.js";

const [HEAD, LONG_HEAD] = [8, 16];

/**
 * The same video without its sound, as a URL that is there until `signal` aborts; `url` itself where that is no MP4 that can be
 * read.
 * @param {string} url
 * @param {AbortSignal} signal
 * @returns {Promise<string>}
 */
export async function silenced(url, signal) {
  try {
    const bytes = await (await fetch(url, { signal })).arrayBuffer();
    silence(new DataView(bytes));
    return blobUrl(new Blob([bytes], { type: "video/mp4" }), signal);
  } catch (error) {
    if (signal.aborted) throw error;
    return url;
  }
}

/** Turns the tracks of sound into free space: no byte moves. @param {DataView} file */
function silence(file) {
  for (const track of inside(file, 0, file.byteLength, ["moov", "trak"])) {
    const [handler] = inside(file, track.body, track.end, ["mdia", "hdlr"]);
    // After the handler's version and a field that is not used.
    if (handler && text(file, handler.body + 8) === "soun") for (const [at, letter] of [..."free"].entries()) file.setUint8(track.start + 4 + at, letter.charCodeAt(0));
  }
}

/**
 * The boxes that are reached by way of others, each by its kind.
 * @param {DataView} file @param {number} from @param {number} to @param {string[]} path
 * @returns {{start: number, body: number, end: number}[]}
 */
function inside(file, from, to, [kind, ...rest]) {
  const found = [];
  for (let start = from; start + HEAD <= to; ) {
    const short = file.getUint32(start);
    const size = short === 0 ? to - start : short === 1 ? Number(file.getBigUint64(start + HEAD)) : short;
    const body = start + (short === 1 ? LONG_HEAD : HEAD);
    const end = start + size;
    if (end < body || end > to) throw new RangeError("A box reaches beyond what it is in.");
    if (text(file, start + 4) === kind) found.push({ start, body, end });
    start = end;
  }
  return rest.length ? found.flatMap((box) => inside(file, box.body, box.end, rest)) : found;
}

/** @param {DataView} file @param {number} at */
function text(file, at) {
  return String.fromCharCode(...Array.from({ length: 4 }, (_, index) => file.getUint8(at + index)));
}
