/** The tray of reference images: character1 … character9, in order, each with what is known and what is wrong with it. */

import { createAddress } from "./address.js";
import { createArrivals } from "./arrivals.js";
import { addressesIn, MOST, nameIn, objection, receiveImages } from "./intake.js";
import { copied } from "./picture.js";
import { button, h, icon, setText } from "./shared/dom.js";
import { size } from "./shared/format.js";
import { alive, follow, listen } from "./shared/lifetime.js";
import { nameProblem, tidyName } from "./shared/mentions.js";
import { KIND } from "./shared/rpc.js";
import { createTile, receiveTile } from "./tile.js";

const KINDS = "image/jpeg,image/png,image/webp";
/** Steps that can be taken back here. */
const DEPTH = 20;

/**
 * @typedef {import("./arrivals.js").Local} Local
 *
 * @param {object} host
 * @param {import("./shared/rpc.js").Model} host.model
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {import("./form.js").Form} host.form
 * @param {AbortSignal} host.signal
 * @param {HTMLElement} host.zone Where images may be dropped and pasted.
 * @param {(character: number) => void} host.mention
 * @param {(text: string) => void} host.announce
 * @param {(order: string[], said: string) => void} host.arrange Moves and removes tiles, and keeps the prompt true.
 * @param {() => string} host.undo Takes the last `arrange` or name back; says why it cannot, or "".
 * @param {ReturnType<typeof import("./arrange.js").createArrangement>} host.arrangement
 */
export function createTray(host) {
  const { model, rpc, form, signal, announce } = host;
  const arrivals = createArrivals({ rpc, signal, announce, complain, changed: () => draw() });
  /** @type {Map<string, ReturnType<typeof createTile>>} */
  const tiles = new Map();
  /** @type {{said: string, back: () => string | void, exchanged?: string}[]} */
  let steps = [];
  /** Why the last step was not taken back. */
  let fault = "";

  const chooser = createChooser({ multiple: true }, (files) => addFiles(files), signal);
  const exchanger = createChooser({}, ([file]) => exchange(file), signal);
  let exchanged = "";
  const add = h("button", { type: "button", class: "hh-add" }, icon("plus"), h("span", {}, "Drop, paste or choose images"));
  const place = h("li", { class: "hh-add-place" }, add);
  const list = h("ol", { class: "hh-tiles", "aria-label": "Reference images" }, place);
  const refused = h("ul", { class: "hh-refused", "aria-label": "Files that were not added" });
  const done = h("span", { class: "hh-quiet hh-tray-done" });
  const back = button("Undo", { icon: "undo" });
  const address = createAddress({ take: (given) => takeAddress(given), signal });
  const foot = h("div", { class: "hh-tray-foot" }, done, back, h("div", { class: "hh-tray-more" }, createKeep(host), address.opener));
  const element = h("div", { class: "hh-tray" }, list, chooser, exchanger, refused, address.element, foot);

  const order = () => /** @type {string[]} */ (form.get("tiles"));
  const aliases = () => /** @type {Record<string, string>} */ (form.get("aliases") ?? {});

  /** What the chosen model does not take of an image, in words, or "": it stays, for another model may. @param {number} at @param {any} detail */
  function beyond(at, detail) {
    const { max_length: most, max_size: largest } = model.get("_schema").models.find((/** @type {any} */ each) => each.id === form.get("model"))?.fields.references ?? {};
    if (most && at >= most) return `This model takes ${most === 1 ? "one image" : `${most} images`} at most: remove this one, or choose another model.`;
    if (largest && detail?.bytes > largest) return `${size(detail.bytes)}: this model takes at most ${size(largest)} for each image. Shrink it, or save it as JPEG.`;
    return "";
  }

  function draw() {
    const details = model.get("_tiles");
    const [shown, names] = [order(), aliases()];
    for (const [id, tile] of tiles) if (!shown.includes(id)) [tile.remove(), tiles.delete(id)];
    arrivals.settle(shown, details);
    shown.forEach((id, at) => {
      if (!tiles.has(id)) tiles.set(id, createTile(id, { ...host, move, remove, replace, rename }));
      const tile = /** @type {ReturnType<typeof createTile>} */ (tiles.get(id));
      tile.update(details[id], { at, count: shown.length, alias: names[id] ?? "", beyond: beyond(at, details[id]), local: arrivals.get(id) });
      // Moving an element takes the focus from it, so only what is out of place is moved.
      if (list.children[at] !== tile.element) list.insertBefore(tile.element, list.children[at]);
    });
    place.hidden = shown.length >= MOST;
    drawStep();
  }

  function drawStep() {
    const step = steps.at(-1);
    setText(done, fault || (step?.said ?? ""));
    done.className = `hh-tray-done ${fault ? "hh-note-error" : "hh-quiet"}`;
    back.hidden = !step;
  }

  /** @param {typeof steps[number]} step */
  function remember(step) {
    steps = [...steps, step].slice(-DEPTH);
    fault = "";
    drawStep();
  }

  /** @param {string} message */
  function complain(message) {
    fault = message;
    announce(message);
    drawStep();
  }

  function undo() {
    const step = steps.pop();
    if (!step) return;
    const inside = element.contains(document.activeElement);
    fault = "";
    const reason = step.back();
    if (reason) [steps.push(step), complain(reason)];
    drawStep();
    // What had the focus may be gone with the step.
    if (inside && !element.contains(document.activeElement)) (steps.length ? back : add).focus();
  }

  /** @param {string[]} next @param {string} said */
  function arrange(next, said) {
    host.arrange(next, said);
    remember({ said, back: host.undo });
  }

  // -- what comes in ---------------------------------------------------------------------------------------------------

  /** A new place at the end; null where there is none. @param {string} title @returns {string | null} */
  function newPlace(title) {
    if (order().length >= MOST) {
      refuse(title, "Nine images are the most: this one was left out.");
      return null;
    }
    return `t${crypto.getRandomValues(new Uint32Array(2)).join("")}`;
  }

  /** @param {string} id @param {string} title */
  function placed(id, title) {
    form.set("tiles", [...order(), id]);
    announce(`character${order().length} added: ${title}`);
  }

  /** @param {File[]} files */
  async function addFiles(files) {
    for (const file of files) {
      const reason = await alive(objection(file), signal);
      const id = reason ? refuse(file.name, reason) : newPlace(file.name);
      if (!id) continue;
      arrivals.file(id, file);
      placed(id, file.name);
    }
  }

  /** @param {string} kind @param {string} title @param {object} content */
  function addMade(kind, title, content) {
    const id = newPlace(title);
    if (!id) return 0;
    arrivals.made(id, title, kind, content);
    placed(id, title);
    return order().length;
  }

  /** @param {string} given */
  async function takeAddress(given) {
    if (!addressesIn(given).length && !given.startsWith("blob:")) return refuse(given.slice(0, 80), "This is no address of an image: it begins with https:// or http://.");
    const here = !/^https?:/i.test(given) || (URL.canParse(given) && new URL(given).origin === location.origin);
    if (!here) return addMade(KIND.TILE_URL, nameIn(given), { url: given });
    // What belongs to this page, the kernel may not or cannot fetch.
    try {
      const answer = await fetch(given, { signal });
      if (!answer.ok) throw new Error(String(answer.status));
      const blob = await answer.blob();
      addFiles([new File([blob], nameIn(given), { type: blob.type })]);
    } catch {
      if (!signal.aborted) refuse(nameIn(given), "This page does not let its image be read: save it, then drop the file.");
    }
  }

  /** @param {string} id */
  function replace(id) {
    exchanged = id;
    exchanger.click();
  }

  /** @param {File} file */
  async function exchange(file) {
    const id = exchanged;
    const reason = await alive(objection(file), signal);
    if (reason) return refuse(file.name, reason);
    const index = order().indexOf(id);
    if (index < 0) return;
    const former = arrivals.get(id);
    arrivals.file(id, file);
    const said = `character${index + 1} replaced`;
    announce(`${said}: ${file.name}`);
    // The kernel keeps one image for each place: only the last exchange there can be taken back.
    steps = steps.filter((step) => step.exchanged !== id);
    remember({
      said,
      exchanged: id,
      back() {
        arrivals.putBack(id, former);
        announce(`Undone: ${said}`);
        draw();
      },
    });
    draw();
  }

  /** @param {string} name @param {string} message @returns {null} */
  function refuse(name, message) {
    const dismiss = button(`Dismiss the message about ${name}`, { icon: "cross", quiet: true });
    const item = h("li", { class: "hh-tile hh-tile-refused" }, icon("warning"), h("strong", { class: "hh-tile-name" }, name), h("span", { class: "hh-note-error" }, message), dismiss);
    listen(dismiss, "click", () => [item.remove(), add.focus()], signal);
    refused.append(item);
    announce(`${name} was not added. ${message}`);
    return null;
  }

  // -- what is there ---------------------------------------------------------------------------------------------------

  /** @param {string} id @param {number} to */
  function move(id, to) {
    const rest = order().filter((each) => each !== id);
    const from = order().indexOf(id);
    if (from < 0 || from === to) return;
    arrange([...rest.slice(0, to), id, ...rest.slice(to)], `character${from + 1} is now character${to + 1}`);
  }

  /** @param {string} id */
  function remove(id) {
    const index = order().indexOf(id);
    arrange(order().filter((each) => each !== id), `character${index + 1} removed`);
    const next = tiles.get(order()[Math.min(index, order().length - 1)]);
    (next ? next.focus : () => add.focus())();
  }

  /** Gives a tile its own name, also where the prompt says the one before. @param {string} id @param {string} typed */
  function rename(id, typed) {
    const [shown, names, name] = [order(), aliases(), tidyName(typed)];
    if (name === (names[id] ?? "")) return "";
    const problem = name && nameProblem(name, shown.filter((each) => each !== id).map((each) => names[each] ?? ""));
    if (problem) {
      announce(problem);
      return problem;
    }
    const { [id]: _, ...others } = names;
    const next = name ? { ...others, [id]: name } : others;
    const character = `character${shown.indexOf(id) + 1}`;
    const said = name ? `${character} is called ${name}` : `${character} has no own name`;
    host.arrangement.call(next, said);
    remember({ said, back: host.undo });
    return "";
  }

  listen(add, "click", () => chooser.click(), signal);
  listen(back, "click", undo, signal);
  listen(element, "keydown", (event) => {
    if (event.key.toLowerCase() !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    if (event.target instanceof HTMLInputElement && event.target.type !== "checkbox") return; // what is typed has its own
    event.preventDefault();
    undo();
  }, signal);
  receiveTile(place, (id) => move(id, order().length - 1), signal);
  receiveImages(host.zone, { tray: element, files: addFiles, address: takeAddress, refused: refuse, hover: (over) => element.classList.toggle("hh-drop", over) }, signal);
  // Where Python or another view has changed the tiles, there is nothing to go back to.
  host.arrangement.follow(() => {
    if (!host.arrangement.canUndo()) steps = steps.filter((step) => step.exchanged);
    drawStep();
  });
  form.follow("tiles", () => {
    fault = "";
    draw();
  });
  form.follow("aliases", draw);
  form.follow("model", draw);
  follow(model, "_schema", draw, signal);
  follow(model, "_tiles", draw, signal);

  return {
    element,
    focus: () => add.focus(),
    /** When every image that is shown has arrived in the kernel; rejects where one cannot. */
    arrived: () => Promise.all(order().map((id) => arrivals.get(id)?.arrived)),
    /** What keeps the images from being sent, one line each. */
    problems() {
      const details = model.get("_tiles");
      return order().flatMap((id, index) => {
        const local = arrivals.get(id);
        const message = local?.error || (local && local.stage !== "arrived" ? "" : details[id]?.error) || beyond(index, details[id]);
        return message ? [{ field: "references", message: `character${index + 1} cannot be used: ${message}` }] : [];
      });
    },
    /**
     * Adds a frame of a clip: the one shown `at` so many seconds, or the "last". Returns the number of its character, or 0 where
     * there is no place.
     * @param {string} clip
     * @param {number | "last"} at
     */
    take: (clip, at) => addMade(KIND.TILE_FRAME, at === "last" ? "Last frame" : `Frame at ${at.toFixed(2)} s`, { clip, at }),
    /** The images by their characters; `picture` gives a small canvas of one's own, or null. */
    characters: () => order().map((id, index) => ({
      id,
      number: index + 1,
      alias: aliases()[id] ?? "",
      name: model.get("_tiles")[id]?.name ?? arrivals.get(id)?.title ?? "",
      picture() {
        const drawn = tiles.get(id)?.picture();
        return drawn ? copied(drawn) : null;
      },
    })),
  };
}

/**
 * The browser's own dialog for files.
 * @param {{multiple?: boolean}} options
 * @param {(files: File[]) => void} chosen
 * @param {AbortSignal} signal
 */
function createChooser(options, chosen, signal) {
  const input = h("input", { type: "file", accept: KINDS, class: "hh-unseen", tabindex: -1, "aria-hidden": "true", ...options });
  listen(input, "change", () => {
    if (input.files?.length) chosen([...input.files]);
    input.value = ""; // the same file can be chosen again
  }, signal);
  return input;
}

/**
 * Whether photos go with what they say beside their picture.
 * @param {{form: import("./form.js").Form, signal: AbortSignal}} host
 */
function createKeep({ form, signal }) {
  const box = h("input", { type: "checkbox" });
  listen(box, "change", () => form.set("keep_metadata", box.checked), signal);
  form.follow("keep_metadata", (keep) => (box.checked = Boolean(keep)));
  const title = "Off: place, time, camera and comments are taken out of each image before it leaves this computer; the picture stays as it is";
  return h("label", { class: "hh-keep", title }, box, h("span", {}, "Keep photo metadata"));
}
