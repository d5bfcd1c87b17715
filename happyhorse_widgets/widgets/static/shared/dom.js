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
  check: "M3 8.5 6.5 12 13 4.5",
  warning: "M8 2.5 14.5 13.5h-13zM8 6.8v3M8 11.6v.2",
  left: "M10 3.5 5.5 8l4.5 4.5",
  right: "M6 3.5 10.5 8 6 12.5",
  up: "M3.5 10 8 5.5l4.5 4.5",
  down: "M3.5 6 8 10.5 12.5 6",
  image: "M2.5 3.5h11v9h-11zM2.5 10.5l3-3 3 3 2-2 3 3M10.5 6.2v.1",
  dice: "M3 3h10v10H3zM5.8 5.8v.1M10.2 10.2v.1M10.2 5.8v.1M5.8 10.2v.1M8 8v.1",
  copy: "M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3",
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
