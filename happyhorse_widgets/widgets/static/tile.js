/** One reference image in the tray: its picture, its number and names, what is wrong with it, and what can be done with it. */

import { drawPicture } from "./picture.js";
import { button, h, icon, setText } from "./shared/dom.js";
import { child, listen } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";

/** What is dragged where a tile is. */
export const DRAGGED = "application/x-happyhorse-tile";

const ELSEWHERE = "On its way from another page. If that page is closed, remove this and add it again.";

/**
 * @typedef {object} Host
 * @property {import("./shared/rpc.js").Rpc} rpc
 * @property {AbortSignal} signal
 * @property {(character: number) => void} mention
 * @property {(id: string, to: number) => void} move
 * @property {(id: string) => void} remove
 * @property {(id: string) => void} replace
 * @property {(id: string, typed: string) => string} rename Returns what is wrong with the name, or "".
 *
 * @typedef {object} Shown What a tile shows beside what the kernel says of it.
 * @property {number} at Its place, from 0.
 * @property {number} count How many tiles there are.
 * @property {string} alias
 * @property {string} beyond What of it the chosen model does not take, in words, or "".
 * @property {import("./tray.js").Local | undefined} local
 */

/**
 * @param {string} id
 * @param {Host} host
 */
export function createTile(id, { rpc, signal: parent, mention, move, remove, replace, rename }) {
  const [signal, end] = child(parent);
  let index = 0;
  let alias = "";
  /** What is wrong with the name that is being typed. */
  let objection = "";
  /** Which picture is shown, as the kernel tells them apart. */
  let shown = "";
  /** @type {HTMLCanvasElement | null} */
  let canvas = null;
  let redraw = () => {};

  const picture = h("div", { class: "hh-tile-picture", draggable: "true", title: "Drag to move" }, icon("image"));
  const label = h("button", { type: "button", class: "hh-tile-label" });
  const own = h("input", { type: "text", class: "hh-tile-own", placeholder: "Name", maxlength: 80, dir: "auto", autocomplete: "off", spellcheck: "false" });
  const name = h("span", { class: "hh-tile-name", dir: "auto" });
  const facts = h("span", { class: "hh-tile-facts hh-quiet hh-number" });
  const progress = h("progress", { class: "hh-progress", max: 1, hidden: true });
  const note = h("p", { class: "hh-note", id: `hh-${id}-${Math.random().toString(36).slice(2)}`, hidden: true });
  const left = button("Move left", { icon: "left", quiet: true });
  const right = button("Move right", { icon: "right", quiet: true });
  const other = button("Replace", { icon: "swap", quiet: true });
  const away = button("Remove", { icon: "cross", quiet: true });
  const element = h(
    "li",
    { class: "hh-tile" },
    picture,
    h("div", { class: "hh-tile-names" }, label, own),
    name, facts, progress, note,
    h("div", { class: "hh-tile-actions" }, left, right, other, away),
  );

  /** @param {number} to @param {HTMLElement} focused */
  function step(to, focused) {
    move(id, to);
    const usable = /** @type {HTMLButtonElement} */ (focused).disabled ? (focused === left ? right : left) : focused;
    usable.focus();
  }
  listen(label, "click", () => mention(index + 1), signal);
  listen(left, "click", () => step(index - 1, left), signal);
  listen(right, "click", () => step(index + 1, right), signal);
  listen(other, "click", () => replace(id), signal);
  listen(away, "click", () => remove(id), signal);
  listen(label, "keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[/** @type {string} */ (event.key)];
    if (event.altKey && by) {
      event.preventDefault(); // Alt + left is "back" in many browsers
      if (element.parentElement?.children[index + by]?.classList.contains("hh-tile")) step(index + by, label);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      remove(id);
    }
  }, signal);

  function commit() {
    objection = rename(id, own.value);
    if (objection) own.setAttribute("aria-invalid", "true");
    else own.removeAttribute("aria-invalid");
    redraw();
  }
  own.setAttribute("aria-describedby", note.id);
  listen(own, "change", commit, signal);
  listen(own, "keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "Enter") {
      event.preventDefault();
      commit();
      if (!objection) label.focus();
    } else if (event.key === "Escape") {
      own.value = alias;
      commit();
      label.focus();
    }
  }, signal);
  listenToDrags(id, element, picture, (dragged) => move(dragged, index), signal);

  /** An image that came from Python, an address, a clip or another view: its thumbnail is asked for. @param {string} image */
  async function fetchPicture(image) {
    shown = image;
    const { buffers } = await rpc.request(KIND.TILE_PICTURE, { tile: id }, { signal });
    if (buffers.length && shown === image) show((await drawPicture(new Blob(/** @type {any} */ (buffers)))).picture);
  }
  /** @param {HTMLCanvasElement | null} drawn */
  function show(drawn) {
    if (signal.aborted || drawn === canvas) return;
    canvas = drawn;
    picture.replaceChildren(drawn ?? icon("image"));
  }

  return {
    element,
    picture: () => canvas,
    focus: () => label.focus(),
    remove() {
      end();
      element.remove();
    },
    /** @param {any} detail What the kernel says of it, if it knows it. @param {Shown} more */
    update(detail, more) {
      redraw = () => this.update(detail, more);
      const { at, count, local } = more;
      index = at;
      // One that comes back after a removal is still there, though the kernel has not said so yet.
      const state = local && local.stage !== "arrived" ? "sending" : (detail?.state ?? (local ? "ready" : "sending"));
      element.dataset.character = String(at + 1);
      setText(label, `character${at + 1}`);
      label.title = `Put character${at + 1} into the prompt (Alt + arrows move it, Delete removes it)`;
      own.setAttribute("aria-label", `Own name of character${at + 1}`);
      if (!objection && document.activeElement !== own) own.value = more.alias;
      alias = more.alias;
      setText(name, (local?.stage === "arrived" ? detail?.name : local?.title) ?? detail?.name ?? local?.title ?? "");
      name.title = name.textContent ?? "";
      setText(facts, detail?.width && state === "ready" ? `${detail.width} × ${detail.height}` : "");
      left.disabled = at === 0;
      right.disabled = at === count - 1;
      for (const [action, words] of /** @type {const} */ ([[left, "Move left"], [right, "Move right"], [other, "Replace"], [away, "Remove"]]))
        action.setAttribute("aria-label", `${words}: image ${at + 1}`);
      showState(state, detail, more);
      if (local?.picture) [(shown = detail?.image ?? ""), show(local.picture)];
      else if (state === "ready" && detail && detail.image !== shown) fetchPicture(detail.image).catch(() => {});
      else if (state !== "ready" && local) [(shown = ""), show(null)];
    },
  };

  /** @param {string} state @param {any} detail @param {Shown} more */
  function showState(state, detail, { local, beyond }) {
    const error = local?.error || (local && local.stage !== "arrived" ? "" : detail?.error) || "";
    const elsewhere = state === "sending" && detail && !local && detail.share !== null ? ELSEWHERE : "";
    const warning = (local?.stage !== "arrived" && local?.warning) || detail?.warning || elsewhere;
    const text = objection || error || beyond || warning;
    setText(note, text);
    note.hidden = !text;
    note.className = `hh-note hh-note-${objection || error || beyond ? "error" : "warning"}`;
    element.classList.toggle("hh-tile-failed", Boolean(error || beyond));
    // First to the kernel, then on to Scenario, while the prompt is being written.
    const uploading = state === "ready" ? (detail?.uploaded ?? null) : null;
    progress.hidden = Boolean(error) || (state !== "sending" && uploading === null);
    const share = uploading ?? (local ? local.share : detail?.share) ?? null;
    if (share === null) progress.removeAttribute("value");
    else progress.value = share;
    const title = uploading !== null ? "Uploaded to Scenario" : share === null ? "Being fetched" : "Sent to the kernel";
    progress.setAttribute("aria-label", title);
    progress.title = title;
  }
}

/**
 * Lets a tile be dragged by its picture, and another be dropped on it.
 * @param {string} id
 * @param {HTMLElement} element
 * @param {HTMLElement} handle
 * @param {(dragged: string) => void} dropped
 * @param {AbortSignal} signal
 */
function listenToDrags(id, element, handle, dropped, signal) {
  listen(handle, "dragstart", (event) => {
    event.dataTransfer.setData(DRAGGED, id);
    event.dataTransfer.effectAllowed = "move";
    const { left, top } = element.getBoundingClientRect();
    event.dataTransfer.setDragImage(element, event.clientX - left, event.clientY - top);
    element.classList.add("hh-dragged");
  }, signal);
  listen(handle, "dragend", () => element.classList.remove("hh-dragged"), signal);
  receiveTile(element, (given) => given !== id && dropped(given), signal);
}

/**
 * Lets a tile be dropped on `element`.
 * @param {HTMLElement} element
 * @param {(dragged: string) => void} dropped
 * @param {AbortSignal} signal
 */
export function receiveTile(element, dropped, signal) {
  const over = (/** @type {boolean} */ is) => element.classList.toggle("hh-drop-here", is);
  listen(element, "dragover", (event) => {
    if (!event.dataTransfer.types.includes(DRAGGED)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "move";
    over(true);
  }, signal);
  // From one part of the element to another is no leaving.
  listen(element, "dragleave", (event) => element.contains(event.relatedTarget) || over(false), signal);
  listen(element, "drop", (event) => {
    over(false);
    const dragged = event.dataTransfer.getData(DRAGGED);
    if (!dragged) return;
    event.preventDefault();
    event.stopPropagation();
    dropped(dragged);
  }, signal);
}
