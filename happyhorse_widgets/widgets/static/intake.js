/** Where images come from: files that are chosen, dropped or pasted, and images dragged from a page. */

import { listen } from "./shared/lifetime.js";
import { size } from "./shared/format.js";

export const MOST = 9;
const MOST_BYTES = 10_000_000;

/** @type {[string, string, (bytes: Uint8Array) => boolean][]} */
const KINDS = [
  ["image/jpeg", "JPEG", (b) => b[0] === 0xff && b[1] === 0xd8 && b[2] === 0xff],
  ["image/png", "PNG", (b) => text(b, 1, 4) === "PNG"],
  ["image/webp", "WEBP", (b) => text(b, 0, 4) === "RIFF" && text(b, 8, 12) === "WEBP"],
  ["application/pdf", "PDF", (b) => text(b, 0, 4) === "%PDF"],
  ["image/gif", "GIF", (b) => text(b, 0, 3) === "GIF"],
  ["image/heic", "HEIC", (b) => text(b, 4, 8) === "ftyp"],
  ["image/svg+xml", "SVG", (b) => /^\s*<(\?xml|svg|!)/.test(text(b, 0, 16))],
];

/** @param {Uint8Array} bytes @param {number} from @param {number} to */
function text(bytes, from, to) {
  return String.fromCharCode(...bytes.slice(from, to));
}

/**
 * Why a file cannot be a reference image, in words, or "". The kernel looks again, more closely.
 * @param {File} file
 */
export async function objection(file) {
  if (file.size === 0) return "The file is empty.";
  if (file.size > MOST_BYTES) return `${size(file.size)}: at most 10 MB. Shrink it, or save it as JPEG.`;
  const head = new Uint8Array(await file.slice(0, 16).arrayBuffer());
  const kind = KINDS.find(([, , test]) => test(head));
  if (kind && KINDS.indexOf(kind) < 3) return "";
  return `${kind ? `A ${kind[1]} file` : "Not an image"}: use JPEG, PNG or WEBP.`;
}

/**
 * Listens for files that are dropped or pasted anywhere in `zone`.
 * @param {HTMLElement} zone
 * @param {object} to
 * @param {(files: File[]) => void} to.files
 * @param {(name: string, message: string) => void} to.refused
 * @param {(over: boolean) => void} to.hover
 * @param {AbortSignal} signal
 */
export function receiveImages(zone, to, signal) {
  let depth = 0;
  const hover = (/** @type {number} */ change) => {
    depth = change === 0 ? 0 : Math.max(0, depth + change);
    to.hover(depth > 0);
  };
  listen(zone, "dragenter", (event) => carriesImage(event.dataTransfer) && hover(1), signal);
  listen(zone, "dragleave", (event) => carriesImage(event.dataTransfer) && hover(-1), signal);
  listen(zone, "dragover", (event) => {
    if (!carriesImage(event.dataTransfer)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  }, signal);
  listen(zone, "drop", (event) => {
    if (!carriesImage(event.dataTransfer)) return;
    event.preventDefault();
    event.stopPropagation();
    hover(0);
    take(event.dataTransfer);
  }, signal);
  listen(zone, "paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return; // text goes where it was pasted
    event.preventDefault();
    to.files(files);
  }, signal);

  /** @param {DataTransfer} transfer */
  async function take(transfer) {
    if (transfer.files.length) return to.files([...transfer.files]);
    const source = imageIn(transfer);
    const name = decodeURIComponent(source.startsWith("http") ? (new URL(source).pathname.split("/").pop() ?? "") : "") || "image";
    try {
      const blob = await (await fetch(source, { signal })).blob();
      to.files([new File([blob], name, { type: blob.type })]);
    } catch {
      if (!signal.aborted) to.refused(name, "This page does not let its image be read: save it, then drop the file.");
    }
  }
}

/** @param {DataTransfer | null} transfer */
function carriesImage(transfer) {
  // What is dragged can be read only when it is dropped; its types tell files and images of a page from text.
  const types = transfer?.types ?? [];
  return types.includes("Files") || (types.includes("text/uri-list") && types.includes("text/html"));
}

/** The address of the image that is dragged: in a link, the link's own address comes first. @param {DataTransfer} transfer */
function imageIn(transfer) {
  const page = new DOMParser().parseFromString(transfer.getData("text/html"), "text/html");
  return page.querySelector("img")?.src || transfer.getData("text/uri-list").split(/\r?\n/)[0];
}
