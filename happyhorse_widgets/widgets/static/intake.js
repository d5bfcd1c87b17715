/** Where images come from: files that are chosen, dropped or pasted, and images dragged from a page. */

import { listen } from "./shared/lifetime.js";
import { size } from "./shared/format.js";

export const MOST = 9;
const MOST_BYTES = 10_000_000;

/** What a file is, by how it begins. The first three are those that the model takes. @type {[string, (bytes: Uint8Array) => boolean][]} */
const KINDS = [
  ["A JPEG file", (b) => b[0] === 0xff && b[1] === 0xd8 && b[2] === 0xff],
  ["A PNG file", (b) => text(b, 1, 4) === "PNG"],
  ["A WEBP file", (b) => text(b, 0, 4) === "RIFF" && text(b, 8, 12) === "WEBP"],
  ["A PDF file", (b) => text(b, 0, 4) === "%PDF"],
  ["A GIF file", (b) => text(b, 0, 3) === "GIF"],
  ["A HEIC or AVIF photo, or a film", (b) => text(b, 4, 8) === "ftyp"],
  ["A web page", (b) => /^\s*<(!doctype html|html)/i.test(text(b, 0, 64))],
  ["An SVG file", (b) => /^\s*<(\?xml|svg|!)/.test(text(b, 0, 16))],
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
  const head = new Uint8Array(await file.slice(0, 64).arrayBuffer());
  const kind = KINDS.findIndex(([, test]) => test(head));
  if (kind >= 0 && kind < 3) return "";
  return `${KINDS[kind]?.[0] ?? "Not an image"}: use JPEG, PNG or WEBP.`;
}

/**
 * Why an image has too few pixels to be one, in words, or "". The kernel says the same.
 * @param {number} width In pixels, as shown.
 * @param {number} height
 */
export function tooSmall(width, height) {
  if (Math.min(width, height) > 200) return "";
  return `Is too small (${width} × ${height} px): the shortest side must have more than 200 px; at least 400 px is advised. Give a larger version of it.`;
}

/**
 * What is only advised against, in words, or "". The kernel says the same.
 * @param {number} width In pixels, as shown.
 * @param {number} height
 */
export function advice(width, height) {
  const [side, longer] = [Math.min(width, height), Math.max(width, height)];
  const found = [];
  if (side < 400) found.push(`The shortest side is ${side} px; at least 400 px is advised.`);
  if (longer / side > 2.5) {
    const how = width > height ? "wide as high" : "high as wide";
    found.push(`It is ${(longer / side).toFixed(1)} times as ${how}; at most 2.5 is advised.`);
  }
  return found.join(" ");
}

/**
 * The addresses in a text that holds nothing else, one on each line; or none.
 * @param {string} text
 */
export function addressesIn(text) {
  const lines = text.split(/\s*\n\s*/).map((line) => line.trim()).filter(Boolean);
  return lines.every((line) => /^(https?:\/\/|data:image\/)\S+$/i.test(line)) ? lines : [];
}

/**
 * The end of an address, by which a person knows an image.
 * @param {string} address
 */
export function nameIn(address) {
  if (!/^https?:/i.test(address)) return "image";
  const end = address.split(/[?#]/)[0].replace(/\/+$/, "").split("/").pop() ?? "";
  try {
    return decodeURIComponent(end) || "image";
  } catch {
    return end; // it is not what it looks like, but still a name
  }
}

/**
 * Listens for images and addresses that are dropped or pasted anywhere in `zone`.
 * @param {HTMLElement} zone
 * @param {object} to
 * @param {HTMLElement} to.tray Where text that is dropped is taken for an address.
 * @param {(files: File[]) => void} to.files
 * @param {(address: string) => void} to.address
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
  /** What is dragged can be read only when it is dropped; its types tell images from text. @param {any} event */
  const wanted = ({ dataTransfer, target }) => {
    const types = dataTransfer?.types ?? [];
    if (types.includes("Files")) return true;
    if (types.includes("text/uri-list")) return types.includes("text/html") || !isField(target);
    return types.includes("text/plain") && to.tray.contains(target) && !isField(target);
  };
  listen(zone, "dragenter", (event) => wanted(event) && hover(1), signal);
  listen(zone, "dragleave", (event) => wanted(event) && hover(-1), signal);
  listen(zone, "dragover", (event) => {
    if (!wanted(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  }, signal);
  listen(zone, "drop", (event) => {
    hover(0);
    if (!wanted(event)) return;
    event.preventDefault();
    event.stopPropagation();
    take(event.dataTransfer);
  }, signal);
  listen(zone, "paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    const addresses = isField(event.target) ? [] : addressesIn(event.clipboardData?.getData("text/plain") ?? "");
    if (!files.length && !addresses.length) return; // text goes where it was pasted
    event.preventDefault();
    if (files.length) to.files(files);
    else addresses.forEach(to.address);
  }, signal);

  /** @param {DataTransfer} transfer */
  function take(transfer) {
    if (transfer.files.length) return to.files([...transfer.files]);
    const image = imageIn(transfer);
    const addresses = image ? [image] : addressesIn(transfer.getData("text/plain"));
    if (addresses.length) addresses.forEach(to.address);
    else to.refused("What was dropped", "It is no image and no address of one.");
  }
}

/** Whether text is typed there. @param {any} target */
function isField(target) {
  return target instanceof Element && target.closest("input, textarea, [contenteditable]:not([contenteditable=false])") !== null;
}

/** The address of the image that is dragged: in a link, the link's own address comes first. @param {DataTransfer} transfer */
function imageIn(transfer) {
  const page = new DOMParser().parseFromString(transfer.getData("text/html"), "text/html");
  return page.querySelector("img")?.src || transfer.getData("text/uri-list").split(/\r?\n/).find((line) => line && !line.startsWith("#"));
}
