/** Numbers and times as a person reads them. */

/**
 * `m:ss`, or `h:mm:ss` from an hour on.
 * @param {number} seconds
 * @returns {string}
 */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}:${two(whole % 60)}`;
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/**
 * A place in a clip, to a hundredth of a second: `m:ss.cc`.
 * @param {number} seconds
 * @returns {string}
 */
export function timecode(seconds) {
  const hundredths = Math.floor(seconds * 100 + 1e-6);
  return `${clock(hundredths / 100)}.${String(hundredths % 100).padStart(2, "0")}`;
}

/**
 * A length of time that is only known roughly: "about 40 s", "about 2 min".
 * @param {number} seconds
 * @returns {string}
 */
export function roughly(seconds) {
  if (seconds < 55) return `about ${Math.max(5, Math.round(seconds / 5) * 5)} s`;
  return `about ${Math.max(1, Math.round(seconds / 60))} min`;
}

/**
 * Creative units, Scenario's money: "500 CU".
 * @param {number} units
 * @returns {string}
 */
export function units(units) {
  return `${Number(units.toFixed(2)).toLocaleString("en")} CU`;
}

/**
 * A file's size: "840 kB", "3.4 MB".
 * @param {number} bytes
 * @returns {string}
 */
export function size(bytes) {
  if (bytes < 1e6) return `${Math.max(1, Math.round(bytes / 1e3))} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
