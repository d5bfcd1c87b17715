/** The picture that a video shows, as a PNG: into the clipboard, or as a file where the page may not use that. */

import { h } from "./dom.js";

/**
 * @param {HTMLVideoElement} video
 * @param {string} name The file's name.
 * @returns {Promise<"copied" | "saved">}
 */
export async function copyFrame(video, name) {
  const png = picture(video);
  try {
    // The promise itself: some browsers allow it only within the click.
    await navigator.clipboard.write([new ClipboardItem({ "image/png": png })]);
    return "copied";
  } catch {
    download(await png, name);
    return "saved";
  }
}

/** @param {Blob} blob @param {string} name */
function download(blob, name) {
  const url = URL.createObjectURL(blob);
  h("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // when the browser has read it
}

/** @param {HTMLVideoElement} video @returns {Promise<Blob>} */
function picture(video) {
  const canvas = h("canvas", { width: video.videoWidth, height: video.videoHeight });
  canvas.getContext("2d")?.drawImage(video, 0, 0);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("There is no frame to copy yet."))), "image/png");
  });
}
