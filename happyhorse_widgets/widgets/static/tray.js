/** The tray of reference images: character1 … character9, in order, each with what is known and what is wrong with it. */

import { button, h, icon, setText } from "./shared/dom.js";
import { alive, child, follow, listen } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";
import { MOST, objection, receiveImages } from "./intake.js";
import { createSender } from "./sending.js";

const DRAGGED = "application/x-happyhorse-tile";
/** Twice the size of a tile's picture, for screens with two device pixels to one of CSS. */
const SIDE = 192;

const ELSEWHERE = "On its way from another page. If that page is closed, remove this and add it again.";

/**
 * @typedef {object} Local What only this view knows of a tile: an image on its way to the kernel.
 * @property {File} file
 * @property {number} share
 * @property {string} error
 * @property {string} warning
 * @property {Promise<void>} arrived
 * @property {() => void} abort
 */

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Model} host.model
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {import("./form.js").Form} host.form
 * @param {AbortSignal} host.signal
 * @param {HTMLElement} host.zone Where images may be dropped and pasted.
 * @param {(character: number) => void} host.mention
 * @param {(text: string) => void} host.announce
 */
export function createTray(host) {
  const { model, rpc, form, signal, announce } = host;
  const sender = createSender(rpc);
  /** @type {Map<string, Local>} */
  const local = new Map();
  /** @type {Map<string, ReturnType<typeof createTile>>} */
  const tiles = new Map();

  const chooser = h("input", { type: "file", accept: "image/jpeg,image/png,image/webp", multiple: true, class: "hh-unseen", tabindex: -1, "aria-hidden": "true" });
  const add = h("button", { type: "button", class: "hh-add" }, icon("plus"), h("span", {}, "Drop, paste or choose images"));
  const place = h("li", { class: "hh-add-place" }, add);
  const list = h("ol", { class: "hh-tiles", "aria-label": "Reference images" }, place);
  const refused = h("ul", { class: "hh-refused", "aria-label": "Files that were not added", role: "status" });
  const element = h("div", { class: "hh-tray" }, list, chooser, refused);

  const order = () => /** @type {string[]} */ (form.get("tiles"));

  function draw() {
    const details = model.get("_tiles");
    for (const [id, tile] of tiles) if (!order().includes(id)) [tile.remove(), tiles.delete(id)];
    for (const [id, entry] of local) if (!order().includes(id)) [entry.abort(), local.delete(id)];
    order().forEach((id, index) => {
      if (!tiles.has(id)) tiles.set(id, createTile(id, { ...host, move, remove }));
      const tile = /** @type {ReturnType<typeof createTile>} */ (tiles.get(id));
      tile.update(index, order().length, details[id], local.get(id));
      // Moving an element takes the focus from it, so only what is out of place is moved.
      if (list.children[index] !== tile.element) list.insertBefore(tile.element, list.children[index]);
    });
    place.hidden = order().length >= MOST;
  }

  /** @param {File[]} files */
  async function addFiles(files) {
    for (const file of files) {
      const reason = await alive(objection(file), signal);
      if (reason) refuse(file.name, reason);
      else if (order().length >= MOST) refuse(file.name, `Nine images are the most: this one was left out.`);
      else addFile(file);
    }
  }

  /** @param {File} file */
  function addFile(file) {
    const id = `t${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
    const [sending, abort] = child(signal);
    /** @type {Local} */
    const entry = { file, share: 0, error: "", warning: "", abort, arrived: Promise.resolve() };
    const progress = (/** @type {number} */ share) => {
      entry.share = share;
      draw();
    };
    entry.arrived = sender.send(id, file, progress, sending);
    entry.arrived.catch((error) => {
      if (sending.aborted) return;
      entry.error = error.message;
      announce(`${file.name}: ${error.message}`);
      draw();
    });
    local.set(id, entry);
    form.set("tiles", [...order(), id]);
    announce(`character${order().length} added: ${file.name}`);
    const tile = tiles.get(id);
    drawPicture(file).then(
      ({ picture, width, height }) => {
        const side = Math.min(width, height);
        if (side < 400) entry.warning = `The shortest side is ${side} px; at least 400 px is advised.`;
        tile?.show(picture);
        draw();
      },
      () => {
        entry.error ||= "The image cannot be decoded: save it again.";
        draw();
      },
    );
  }

  /** @param {string} name @param {string} message */
  function refuse(name, message) {
    const dismiss = button(`Dismiss the message about ${name}`, { icon: "cross", quiet: true });
    const item = h("li", { class: "hh-tile hh-tile-refused" }, icon("warning"), h("strong", { class: "hh-tile-name" }, name), h("span", { class: "hh-note-error" }, message), dismiss);
    listen(dismiss, "click", () => item.remove(), signal);
    refused.append(item);
  }

  /** @param {string} id @param {number} to */
  function move(id, to) {
    const rest = order().filter((each) => each !== id);
    form.set("tiles", [...rest.slice(0, to), id, ...rest.slice(to)]);
    announce(`Now character${order().indexOf(id) + 1}`);
  }

  /** @param {string} id */
  function remove(id) {
    const index = order().indexOf(id);
    form.set("tiles", order().filter((each) => each !== id));
    announce(`character${index + 1} removed`);
    const next = tiles.get(order()[Math.min(index, order().length - 1)]);
    (next ? next.focus : () => add.focus())();
  }

  listen(add, "click", () => chooser.click(), signal);
  listen(chooser, "change", () => {
    addFiles([...(chooser.files ?? [])]);
    chooser.value = ""; // the same file can be chosen again
  }, signal);
  receiveImages(host.zone, { files: addFiles, refused: refuse, hover: (over) => element.classList.toggle("hh-drop", over) }, signal);
  form.follow("tiles", draw);
  follow(model, "_tiles", draw, signal);

  return {
    element,
    focus: () => add.focus(),
    /** When every image that is shown has arrived in the kernel; rejects where one cannot. */
    arrived: () => Promise.all(order().map((id) => local.get(id)?.arrived)),
    /** What keeps the images from being sent, one line each. */
    problems() {
      const details = model.get("_tiles");
      return order().flatMap((id, index) => {
        const message = local.get(id)?.error || details[id]?.error;
        return message ? [{ field: "references", message: `character${index + 1} cannot be used: ${message}` }] : [];
      });
    },
  };
}

/**
 * @param {string} id
 * @param {Parameters<typeof createTray>[0] & {move: (id: string, to: number) => void, remove: (id: string) => void}} host
 */
function createTile(id, { rpc, signal: parent, mention, move, remove }) {
  const [signal, end] = child(parent);
  let index = 0;
  let asked = false;

  const picture = h("div", { class: "hh-tile-picture" }, icon("image"));
  const label = h("button", { type: "button", class: "hh-tile-label" });
  const name = h("span", { class: "hh-tile-name" });
  const facts = h("span", { class: "hh-tile-facts hh-quiet hh-number" });
  const progress = h("progress", { class: "hh-progress", max: 1, hidden: true });
  const note = h("p", { class: "hh-note", role: "status", hidden: true });
  const left = button("Move left", { icon: "left", quiet: true });
  const right = button("Move right", { icon: "right", quiet: true });
  const away = button("Remove", { icon: "cross", quiet: true });
  const element = h(
    "li",
    { class: "hh-tile", draggable: "true" },
    picture, label, name, facts, progress, note,
    h("div", { class: "hh-tile-actions" }, left, right, away),
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
  listen(away, "click", () => remove(id), signal);
  listen(label, "keydown", (event) => {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[/** @type {string} */ (event.key)];
    if (event.altKey && by && element.parentElement?.children[index + by]) {
      event.preventDefault();
      step(index + by, label);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      event.preventDefault();
      remove(id);
    }
  }, signal);

  listen(element, "dragstart", (event) => {
    event.dataTransfer.setData(DRAGGED, id);
    event.dataTransfer.effectAllowed = "move";
    element.classList.add("hh-dragged");
  }, signal);
  listen(element, "dragend", () => element.classList.remove("hh-dragged"), signal);
  listen(element, "dragover", (event) => {
    if (!event.dataTransfer.types.includes(DRAGGED)) return;
    event.preventDefault();
    element.classList.add("hh-drop-here");
  }, signal);
  for (const type of ["dragleave", "drop"]) listen(element, type, () => element.classList.remove("hh-drop-here"), signal);
  listen(element, "drop", (event) => {
    const dragged = event.dataTransfer.getData(DRAGGED);
    if (!dragged) return;
    event.preventDefault();
    event.stopPropagation();
    if (dragged !== id) move(dragged, index);
  }, signal);

  /** An image that came from Python or another view: its thumbnail is asked for. */
  async function fetchPicture() {
    asked = true;
    const { buffers } = await rpc.request(KIND.TILE_PICTURE, { tile: id }, { signal });
    if (buffers.length) show((await drawPicture(new Blob(/** @type {any} */ (buffers)))).picture);
  }
  /** @param {HTMLCanvasElement} canvas */
  function show(canvas) {
    if (!signal.aborted) picture.replaceChildren(canvas);
  }

  return {
    element,
    show,
    focus: () => label.focus(),
    remove() {
      end();
      element.remove();
    },
    /** @param {number} at @param {number} count @param {any} detail @param {Local | undefined} sending */
    update(at, count, detail, sending) {
      index = at;
      const state = detail?.state ?? "sending";
      element.dataset.character = String(at + 1);
      setText(label, `character${at + 1}`);
      label.title = `Put character${at + 1} into the prompt (Alt + arrows move it, Delete removes it)`;
      setText(name, detail?.name ?? sending?.file.name ?? "");
      name.title = name.textContent ?? "";
      setText(facts, detail?.width ? `${detail.width} × ${detail.height}` : "");
      left.disabled = at === 0;
      right.disabled = at === count - 1;
      const error = sending?.error || detail?.error || "";
      const elsewhere = state === "sending" && detail && !sending ? ELSEWHERE : "";
      const warning = detail?.warning || sending?.warning || elsewhere;
      setText(note, error || warning);
      note.hidden = !note.textContent;
      note.className = `hh-note hh-note-${error ? "error" : "warning"}`;
      element.classList.toggle("hh-tile-failed", Boolean(error));
      // First to the kernel, then on to Scenario, while the prompt is being written.
      const uploading = state === "ready" ? (detail.uploaded ?? null) : null;
      progress.hidden = Boolean(error) || (state === "ready" && uploading === null);
      progress.value = uploading ?? sending?.share ?? detail?.share ?? 0;
      progress.setAttribute("aria-label", uploading === null ? "Sent to the kernel" : "Uploaded to Scenario");
      if (!sending && state === "ready" && !asked) fetchPicture().catch(() => {});
    },
  };
}

/**
 * The image drawn small, upright as its EXIF says.
 * @param {Blob} blob
 */
async function drawPicture(blob) {
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
