/**
 * The images that this view brings to the kernel: each with how far it is, and able to begin again when it was stopped by a
 * removal that is then taken back.
 */

import { advice, tooSmall } from "./intake.js";
import { drawPicture } from "./picture.js";
import { createSender } from "./sending.js";
import { child } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";

/** Images whose tiles were removed stay at hand for a while, as in the kernel. */
const REMEMBERED = 9;

/**
 * @typedef {object} Local What only this view knows of a tile: an image that it brings to the kernel.
 * @property {string} title
 * @property {(progress: (share: number) => void, signal: AbortSignal) => Promise<unknown>} bring
 * @property {"going" | "arrived" | "failed" | "stopped"} stage
 * @property {number | null} share 0 to 1; null where it is not known.
 * @property {string} error
 * @property {string} warning
 * @property {HTMLCanvasElement | null} picture
 * @property {string} image Which picture it is, once it has arrived, as the kernel tells them apart.
 * @property {Promise<unknown>} arrived
 * @property {() => void} stop
 */

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {(text: string) => void} host.announce
 * @param {(text: string) => void} host.complain Says what belongs to no tile.
 * @param {() => void} host.changed
 */
export function createArrivals({ rpc, signal, announce, complain, changed }) {
  const sender = createSender(rpc);
  /** @type {Map<string, Local>} */
  const entries = new Map();

  /** @param {string} id @param {string} title @param {Local["bring"]} bring @param {number | null} share */
  function add(id, title, bring, share) {
    entries.get(id)?.stop();
    /** @type {Local} */
    const entry = { title, bring, stage: "stopped", share, error: "", warning: "", picture: null, image: "", arrived: Promise.resolve(), stop: () => {} };
    entries.set(id, entry);
    begin(entry);
    return entry;
  }

  /** @param {Local} entry */
  function begin(entry) {
    const [sending, abort] = child(signal);
    entry.stage = "going";
    entry.error = "";
    entry.stop = () => {
      if (entry.stage !== "going") return;
      entry.stage = "stopped";
      abort();
    };
    const progress = (/** @type {number} */ share) => {
      entry.share = share;
      changed();
    };
    entry.arrived = entry.bring(progress, sending);
    entry.arrived.then(
      () => {
        if (!sending.aborted) [(entry.stage = "arrived"), changed()];
      },
      (error) => {
        if (sending.aborted) return;
        entry.stage = "failed";
        refuse(entry, withoutName(error.problems?.join(" ") || error.message, entry.title));
        changed();
      },
    );
  }

  /** Says once what is wrong, which the page and the kernel may both find. @param {Local} entry @param {string} problem */
  function refuse(entry, problem) {
    if (entry.error !== problem) announce(`${entry.title}: ${problem}`);
    entry.error = problem;
  }

  return {
    get: (/** @type {string} */ id) => entries.get(id),

    /** A file of this computer. @param {string} id @param {File} file */
    file(id, file) {
      const entry = add(id, file.name, (progress, sending) => sender.send(id, file, progress, sending), 0);
      drawPicture(file).then(
        ({ picture, width, height }) => {
          Object.assign(entry, { picture, warning: advice(width, height) });
          if (signal.aborted) return;
          const problem = tooSmall(width, height);
          if (problem) refuse(entry, problem);
          else if (entry.warning) announce(`${entry.title}: ${entry.warning}`);
          changed();
        },
        () => {
          // Where the kernel can read it all the same, it has a picture of it.
          if (entry.stage === "going") entry.warning = "This browser cannot show the image; the kernel looks whether it is good.";
          if (!signal.aborted) changed();
        },
      );
    },

    /** An image that the kernel makes itself. @param {string} id @param {string} title @param {string} kind @param {object} content */
    made(id, title, kind, content) {
      add(id, title, (_, sending) => rpc.request(kind, { tile: id, ...content }, { signal: sending }), null);
    },

    /** Has what another image was replaced by go, and that one come back, where it had not arrived. @param {string} id @param {Local | undefined} former */
    putBack(id, former) {
      entries.get(id)?.stop();
      if (former) entries.set(id, former);
      else entries.delete(id);
      if (former && former.stage !== "arrived") return begin(former);
      rpc.request(KIND.TILE_RESTORE, { tile: id }, { signal }).catch((error) => signal.aborted || complain(error.message));
    },

    /**
     * Stops what is shown no more, goes on with what is shown again, and forgets what another view has replaced.
     * @param {string[]} order
     * @param {Record<string, any>} details
     */
    settle(order, details) {
      const gone = [...entries.keys()].filter((id) => !order.includes(id));
      for (const id of gone) entries.get(id)?.stop();
      for (const id of gone.slice(0, -REMEMBERED)) entries.delete(id);
      for (const id of order) {
        const entry = entries.get(id);
        if (entry?.stage === "stopped") begin(entry);
        if (entry?.stage !== "arrived" || details[id]?.state !== "ready") continue;
        entry.image ||= details[id].image;
        if (entry.image !== details[id].image) entries.delete(id);
      }
    },
  };
}

/** What is wrong, for a tile that carries the image's name already. @param {string} message @param {string} name */
function withoutName(message, name) {
  const words = message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message.startsWith(`${name} `) ? message.slice(name.length + 1) : message;
  return words.charAt(0).toUpperCase() + words.slice(1);
}
