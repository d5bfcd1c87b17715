/** Builds elements. Text is always text: nothing here, and nothing in this package, parses data as HTML. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element with attributes and children.
 *
 *     h("button", { class: "hh-button", type: "button", "aria-label": "Play" }, icon("play"), "Play")
 *
 * An attribute that is null, undefined or false is left out; true gives the bare attribute.
 * A child that is null, undefined or false is left out; a string becomes a text node.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string | number | boolean | null | undefined>} [attributes]
 * @param {...(Node | string | null | undefined | false)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) setAttribute(element, name, value);
  element.append(...children.filter((child) => child != null && child !== false).map((child) => child || ""));
  return element;
}

/**
 * Sets, or for null, undefined and false takes away, an attribute.
 * @param {Element} element
 * @param {string} name
 * @param {string | number | boolean | null | undefined} value
 */
export function setAttribute(element, name, value) {
  if (name.startsWith("on")) throw new Error(`${name}: listeners are added by listen(), never by attribute.`);
  if (value == null || value === false) element.removeAttribute(name);
  else element.setAttribute(name, value === true ? "" : String(value));
}

/**
 * Writes text only where it differs, so that a live region does not announce what it said already. The text node is
 * kept: in Chromium a node that is removed anywhere ends the typing that Undo takes back as one.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent === text) return;
  const { firstChild } = element;
  if (firstChild instanceof Text && element.childNodes.length === 1) firstChild.data = text;
  else element.textContent = text;
}

/** Outlines on a 16 × 16 grid, drawn with `currentColor`. */
const ICONS = {
  play: "M5 3.2v9.6l8-4.8z",
  pause: "M5.5 3.5v9M10.5 3.5v9",
  replay: "M3.5 8a4.5 4.5 0 1 0 1.6-3.4M5.4 2v2.8h2.8",
  save: "M8 2.5v7.5M4.8 7 8 10.2 11.2 7M3 13h10",
  stop: "M4.5 4.5h7v7h-7z",
  eye: "M1.8 8S4 3.8 8 3.8 14.2 8 14.2 8 12 12.2 8 12.2 1.8 8 1.8 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z",
  cross: "M4 4l8 8M12 4l-8 8",
  plus: "M8 3v10M3 8h10",
  minus: "M3 8h10",
  help: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM6.3 6.3a1.75 1.75 0 1 1 2.5 1.6c-.6.3-.8.6-.8 1.1M8 11.3v.1",
  info: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM8 7.3v4M8 4.8v.1",
  check: "M3 8.5 6.5 12 13 4.5",
  warning: "M8 2.5 14.5 13.5h-13zM8 6.8v3M8 11.6v.2",
  left: "M10 3.5 5.5 8l4.5 4.5",
  right: "M6 3.5 10.5 8 6 12.5",
  up: "M3.5 10 8 5.5l4.5 4.5",
  down: "M3.5 6 8 10.5 12.5 6",
  image: "M2.5 3.5h11v9h-11zM2.5 10.5l3-3 3 3 2-2 3 3M10.5 6.2v.1",
  dice: "M3 3h10v10H3zM5.8 5.8v.1M10.2 10.2v.1M10.2 5.8v.1M5.8 10.2v.1M8 8v.1",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
  more: "M3.5 7.8v.4M8 7.8v.4M12.5 7.8v.4",
  star: "M8 2.2 9.8 6l4.1.5-3 2.8.8 4.1L8 11.4l-3.7 2 .8-4.1-3-2.8L6.2 6z",
  tag: "M8.5 2.5h5v5l-6 6-5-5zM11 5v.1",
  note: "M3.5 2.5h9v8l-3 3h-6zM6 6h4M6 9h2.5",
  code: "M5.5 4.5 2 8l3.5 3.5M10.5 4.5 14 8l-3.5 3.5",
  trash: "M3 4.5h10M6.5 4.5v-2h3v2M4.5 4.5l.5 9h6l.5-9M7 7v4M9 7v4",
  search: "M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9zM10.3 10.3 13.5 13.5",
  list: "M2.5 3h4v4h-4zM2.5 9h4v4h-4zM9 4h4.5M9 10h4.5",
  grid: "M2.5 2.5h4.5v4.5h-4.5zM9 2.5h4.5v4.5H9zM2.5 9h4.5v4.5h-4.5zM9 9h4.5v4.5H9z",
  compare: "M2.5 3.5h5v9h-5zM8.5 3.5h5v9h-5z",
  reuse: "M3 6.5h8.5M9 4l2.5 2.5L9 9M13 10.5H4.5M7 8l-2.5 2.5L7 13",
  swap: "M3 5.5h9M9.5 3 12 5.5 9.5 8M13 10.5H4M6.5 8 4 10.5 6.5 13",
  undo: "M5.5 3 2.5 6l3 3M2.5 6h7a3.5 3.5 0 0 1 0 7H6",
  link: "M6.8 9.2a2.5 2.5 0 0 0 3.6.2l2-2a2.5 2.5 0 0 0-3.6-3.6l-1 1M9.2 6.8a2.5 2.5 0 0 0-3.6-.2l-2 2a2.5 2.5 0 0 0 3.6 3.6l1-1",
  frame: "M2.5 3.5h11v9h-11zM5 3.5v9M11 3.5v9",
  wand: "M8 2v3M8 11v3M2 8h3M11 8h3M4 4l1.5 1.5M10.5 10.5 12 12M12 4l-1.5 1.5M4 12l1.5-1.5",
  translate: "M2.5 4h7M6 2.5V4M8.2 4c-.6 3-2.6 5-5 6M4 6.5c.8 1.6 2.2 2.8 4 3.5M8 13.5l2.8-6.5 2.7 6.5M9 11.3h3.6",
  book: "M2.5 3.5h4L8 4.7l1.5-1.2h4v9h-4L8 13.5l-1.5-1h-4zM8 4.7v8.8",
  clock: "M8 2.5a5.5 5.5 0 1 0 0 11 5.5 5.5 0 0 0 0-11zM8 5v3.2l2.2 1.4",
  back: "M11.5 3.5 6 8l5.5 4.5zM4 3.5v9",
  on: "M4.5 3.5 10 8l-5.5 4.5zM12 3.5v9",
  sound: "M2.5 6h2.5l3.5-3v10L5 10H2.5zM11 5.8a3 3 0 0 1 0 4.4M12.7 3.8a6 6 0 0 1 0 8.4",
  silent: "M2.5 6h2.5l3.5-3v10L5 10H2.5zM11 6.2l3.6 3.6M14.6 6.2 11 9.8",
  full: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  shrink: "M6 2.5V6H2.5M13.5 6H10V2.5M10 13.5V10h3.5M2.5 10H6v3.5",
  loop: "M3 7.5v-1a2 2 0 0 1 2-2h7.5M10.5 2.5l2 2-2 2M13 8.5v1a2 2 0 0 1-2 2H3.5M5.5 9.5l-2 2 2 2",
  wipe: "M2.5 3.5h11v9h-11zM8 1.5v13",
  flicker: "M2.5 2.5h8v8h-8zM12.5 5.5h1v8h-8v-1",
  align: "M3 2.5v11M5.5 4.5h8M5.5 8h5M5.5 11.5h6.5",
  from: "M9.5 3H6v10h3.5",
  to: "M6.5 3H10v10H6.5",
};

/**
 * An icon that says nothing by itself: its button carries the name.
 * @param {keyof typeof ICONS} name
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  svg.setAttribute("class", "hh-icon");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("focusable", "false");
  return svg;
}

/**
 * A button. Its text is its name; with `quiet` only the icon is drawn and the text is for screen readers and tooltip.
 * @param {string} text
 * @param {{icon?: keyof typeof ICONS, quiet?: boolean, primary?: boolean, title?: string}} [look]
 * @returns {HTMLButtonElement}
 */
export function button(text, look = {}) {
  const kinds = ["hh-button", look.primary && "hh-button-primary", look.quiet && "hh-button-quiet"];
  return h(
    "button",
    {
      type: "button",
      class: kinds.filter(Boolean).join(" "),
      title: look.title ?? (look.quiet ? text : null),
      "aria-label": look.quiet ? text : null,
    },
    look.icon && icon(look.icon),
    !look.quiet && h("span", {}, text),
  );
}
