/** What is wrong with a prompt, and what is only advised against. */

import { nameProblem } from "./shared/mentions.js";

/**
 * @typedef {object} Problem
 * @property {string} field
 * @property {"error" | "warning"} severity
 * @property {string} message
 */

/**
 * @param {string} text
 * @param {import("./shared/mentions.js").Mention[]} found The mentions in it.
 * @param {readonly string[]} names The images' own names, "" where there is none.
 * @param {number} limit The longest prompt that the model takes.
 * @returns {Problem[]}
 */
export function lint(text, found, names, limit) {
  /** @type {Problem[]} */
  const problems = [];
  const add = (/** @type {Problem["severity"]} */ severity, /** @type {string} */ message) =>
    problems.push({ field: "prompt", severity, message });
  const length = wireLength(text, found);
  if (!text.trim()) add("error", "Write what happens in the clip.");
  if (length > limit) add("error", `${figure(length - limit)} characters too long: the model takes ${figure(limit)}.`);
  for (const label of new Set(found.map(({ removed }) => removed).filter(Boolean)))
    add("error", `The image ${label} was removed, but the prompt still mentions it: take that back with Undo, or write another mention.`);
  const named = new Set(found.filter(({ removed }) => !removed).map(({ character }) => character));
  const images = names.length;
  for (const character of [...named].sort((a, b) => a - b))
    if (character > images || character < 1)
      add("error", `character${character} has no image: ${images === 1 ? "there is 1" : `there are ${images || "none"}`}.`);
  names.forEach((name, index) => {
    const problem = name && nameProblem(name, names.slice(0, index));
    if (problem) add("error", `character${index + 1}: ${problem}`);
  });
  const missing = names.flatMap((name, index) => (named.has(index + 1) ? [] : `character${index + 1}${name ? ` (${name})` : ""}`));
  if (text.trim() && missing.length === 1) add("warning", `${missing[0]} is never mentioned, so its image may not appear.`);
  else if (text.trim() && missing.length)
    add("warning", `${missing.slice(0, -1).join(", ")} and ${missing.at(-1)} are never mentioned, so their images may not appear.`);
  return problems;
}

/**
 * How long the prompt is as the model gets it, with characterN for each own name; in characters, not in units of UTF-16.
 * @param {string} text
 * @param {import("./shared/mentions.js").Mention[]} found
 */
export function wireLength(text, found) {
  const more = found.map(({ name, character }) => (name ? `character${character}`.length - [...name].length : 0));
  return more.reduce((sum, each) => sum + each, [...text].length);
}

// Made once: this is asked at every key.
const FIGURES = new Intl.NumberFormat("en");

/** @param {number} number */
export function figure(number) {
  return FIGURES.format(number);
}
