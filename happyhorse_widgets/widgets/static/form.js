/**
 * The Studio's settings as one view knows them: what it shows, and which of it the kernel has not confirmed yet.
 *
 * An edit goes to the kernel by a message: at once, but at most four times a second, and always before whatever else is asked of
 * the kernel. Until the kernel has answered the latest edit of a setting, whatever arrives for it is older than what the person
 * typed, and is not shown. What nobody has set follows the model's defaults, and waits with an edit of the model.
 */

import { follow } from "./shared/lifetime.js";
import { KIND } from "./shared/rpc.js";

const PAUSE = 250;

/**
 * @typedef {object} Form
 * @property {(name: string) => any} get What is shown.
 * @property {() => Record<string, any>} values All of it, for a request.
 * @property {(name: string, value: any) => void} set An edit by the person; to the same value, too, it ends that it follows the model.
 * @property {(model: string, fields: Record<string, {default: any}>) => void} choose An edit of the model, which has these fields.
 * @property {(name: string, callback: (value: any) => void) => void} follow Called now and at each change, by the person,
 *   by Python or by another view.
 */

/**
 * @param {import("./shared/rpc.js").Model} model
 * @param {import("./shared/rpc.js").Rpc} rpc
 * @param {AbortSignal} signal
 * @param {(message: string) => void} tell Told why the kernel did not take an edit.
 * @returns {Form}
 */
export function createForm(model, rpc, signal, tell) {
  const shown = new Map(Object.entries(model.get("_form")));
  /** @type {Map<string, ((value: any) => void)[]>} */
  const followers = new Map();
  /** @type {Map<string, number>} the latest edit of each setting that the kernel has not confirmed */
  const unconfirmed = new Map();
  const unsent = new Set();
  let edits = 0;
  let timer = 0;
  let last = 0;

  /** @param {string} name @param {any} value */
  function show(name, value) {
    if (same(shown.get(name), value)) return;
    shown.set(name, value);
    for (const callback of followers.get(name) ?? []) callback(value);
  }

  const follows = (/** @type {string} */ name) => !unconfirmed.has(name) && Boolean(shown.get("following")?.includes(name));

  /** @param {Record<string, any>} settings */
  function adopt(settings) {
    for (const [name, value] of Object.entries(settings))
      if (!unconfirmed.has(name) && !(unconfirmed.has("model") && follows(name))) show(name, value);
  }

  /** @param {string} name @param {any} value */
  function edit(name, value) {
    if (same(shown.get(name), value) && !follows(name)) return;
    unconfirmed.set(name, (edits += 1));
    unsent.add(name);
    timer ||= window.setTimeout(send, last + PAUSE - Date.now());
    show(name, value);
  }

  async function send() {
    clearTimeout(timer);
    timer = 0;
    last = Date.now();
    const sent = [...unsent].map((name) => /** @type {const} */ ([name, unconfirmed.get(name)]));
    const values = Object.fromEntries(sent.map(([name]) => [name, shown.get(name)]));
    unsent.clear();
    const settle = () => {
      for (const [name, edit] of sent) if (unconfirmed.get(name) === edit) unconfirmed.delete(name);
    };
    try {
      await rpc.request(KIND.STUDIO_EDIT, { values });
      settle();
      adopt(model.get("_form"));
    } catch (error) {
      if (signal.aborted) return;
      // What the kernel refuses stays as it was typed, until it is set anew on either side.
      settle();
      tell(/** @type {Error} */ (error).message);
    }
  }

  follow(model, "_form", adopt, signal);
  rpc.onRequest(() => void (timer && send()));
  signal.addEventListener("abort", () => clearTimeout(timer));

  return {
    get: (name) => shown.get(name),
    values: () => Object.fromEntries(shown),
    set: edit,
    choose(wanted, fields) {
      edit("model", wanted);
      // As the kernel will say a moment later.
      for (const [name, field] of Object.entries(fields)) if (follows(name) && field.default !== null) show(name, field.default);
    },
    follow(name, callback) {
      followers.set(name, [...(followers.get(name) ?? []), callback]);
      callback(shown.get(name));
    },
  };
}

/** @param {any} a @param {any} b */
function same(a, b) {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
