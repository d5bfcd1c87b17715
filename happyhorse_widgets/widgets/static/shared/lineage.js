/** Where a clip comes from, and what was made from it: links where the other clip can be shown, else words. */

import { h, setText } from "./dom.js";
import { listen } from "./lifetime.js";

/**
 * @typedef {{relation: string, id: string, words: string, presence: string}} Relative Another clip, the first words of its prompt,
 *   and whether it is "here", "deleted", "missing", or "" where that is not known.
 */

const SAID = /** @type {Record<string, string>} */ ({ reused: "changed from", varied: "varied from", continued: "continued from" });
const MADE = /** @type {Record<string, string>} */ ({ reused: "changed", varied: "varied", continued: "continued" });
const AWAY = /** @type {Record<string, string>} */ ({ deleted: " (deleted)", missing: " (not in this library)" });

/**
 * @param {AbortSignal} signal
 * @param {((id: string) => void) | undefined} show Brings the clip into view.
 */
export function createLineage(signal, show) {
  let drawn = "";
  const from = h("ul", { class: "hh-lineage-from" });
  const count = h("summary");
  const made = h("ul");
  const children = h("details", { class: "hh-lineage-made" }, count, made);
  const el = h("div", { class: "hh-lineage hh-quiet" }, from, children);

  /** @param {Relative} relative @param {Record<string, string>} names */
  function item({ relation, id, words, presence }, names) {
    const text = words ? `“${words}”` : id;
    const link = show && presence === "here" && h("button", { type: "button", class: "hh-link", title: "Show that clip", dir: "auto" }, text);
    if (link) listen(link, "click", () => show(id), signal);
    return h("li", {}, `${names[relation] ?? relation} `, link || h("span", { dir: "auto" }, text), AWAY[presence] ?? "");
  }

  return {
    el,
    /** @param {{lineage: Relative[], made: Relative[], made_count: number}} state */
    update({ lineage, made: descendants, made_count: total }) {
      el.hidden = !lineage.length && !total;
      const look = JSON.stringify([lineage, descendants, total]);
      if (drawn === look) return;
      drawn = look;
      from.replaceChildren(...lineage.map((each) => item(each, SAID)));
      children.hidden = !total;
      setText(count, `${total} made from this`);
      const more = total - descendants.length;
      made.replaceChildren(...descendants.map((each) => item(each, MADE)), ...(more > 0 ? [h("li", {}, `and ${more} more`)] : []));
    },
  };
}
