/** Small pictures of image files, made in the page. */

import { h } from "./shared/dom.js";

/** Twice the size of a tile's picture, for screens with two device pixels to one of CSS. */
const SIDE = 192;

/** A photo of 10 MB may fill 200 MB when decoded, so they are decoded one after the other. @type {Promise<unknown>} */
let last = Promise.resolve();

/**
 * The image drawn small, upright as its EXIF says; `width` and `height` are the file's own. Rejects where it cannot be decoded.
 * @param {Blob} blob
 * @returns {Promise<{picture: HTMLCanvasElement, width: number, height: number}>}
 */
export function drawPicture(blob) {
  const drawn = last.then(() => draw(blob));
  last = drawn.catch(() => {});
  return drawn;
}

/** @param {Blob} blob */
async function draw(blob) {
  const bitmap = await createImageBitmap(blob);
  const { width, height } = bitmap;
  const scale = Math.min(1, SIDE / Math.max(width, height));
  const picture = h("canvas", { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) });
  const context = picture.getContext("2d");
  if (context) {
    context.imageSmoothingQuality = "high";
    context.drawImage(bitmap, 0, 0, picture.width, picture.height);
  }
  bitmap.close();
  return { picture, width, height };
}

/** Another canvas with the same picture. @param {HTMLCanvasElement} picture */
export function copied(picture) {
  const copy = h("canvas", { width: picture.width, height: picture.height });
  copy.getContext("2d")?.drawImage(picture, 0, 0);
  return copy;
}
