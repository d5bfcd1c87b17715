/**
 * Requests to the widget in the kernel, by messages only: a trait changed in the browser during an awaited cell
 * wedges ipykernel 7.4, a message does not.
 */

/** Every kind of message between a view and its widget; `rpc.py` has the same table and says what each means. */
export const KIND = Object.freeze({
  HELLO: "hello",
  CANCEL: "cancel",
  REPLY: "reply",
  ERROR: "error",
  CLIP_IMAGES: "clip-images",
  CLIP_CHUNK: "clip-chunk",
  CLIP_VERSION: "clip-version",
  CLIP_ACT: "clip-act",
  CLIP_CODE: "clip-code",
  CLIPS_FIND: "clips-find",
  CLIPS_STATES: "clips-states",
  CLIPS_POSTERS: "clips-posters",
  CLIPS_MARK: "clips-mark",
  CLIPS_DELETE: "clips-delete",
  CLIPS_CHANGED: "clips-changed",
  COMPARE_OPEN: "compare-open",
  COMPARE_EXPORT: "compare-export",
  COMPARE_CHUNK: "compare-chunk",
  SWEEP_CELLS: "sweep-cells",
  SWEEP_RUN: "sweep-run",
  SWEEP_CHANGED: "sweep-changed",
  STUDIO_EDIT: "studio-edit",
  STUDIO_GENERATE: "studio-generate",
  STUDIO_REUSE: "studio-reuse",
  STUDIO_UNDO: "studio-undo",
  STUDIO_DISMISS: "studio-dismiss",
  STUDIO_MODEL: "studio-model",
  STUDIO_CODE: "studio-code",
  STUDIO_PRESETS: "studio-presets",
  STUDIO_SAMPLE: "studio-sample",
  TILE_ADD: "tile-add",
  TILE_OFFER: "tile-offer",
  TILE_CHUNK: "tile-chunk",
  TILE_URL: "tile-url",
  TILE_FRAME: "tile-frame",
  TILE_RESTORE: "tile-restore",
  TILE_PICTURE: "tile-picture",
  PROMPT_PRICE: "prompt-price",
  PROMPT_PROPOSE: "prompt-propose",
  PROMPT_GUIDE: "prompt-guide",
  PROMPT_HISTORY: "prompt-history",
  PROMPT_TEMPLATES: "prompt-templates",
  ARENA_NEXT: "arena-next",
  ARENA_CHUNK: "arena-chunk",
  ARENA_VOTE: "arena-vote",
  ARENA_UNDO: "arena-undo",
});

/** An id that tells one press of a button from the next: one that is told twice is carried out once. */
export function newPress() {
  return `press-${crypto.getRandomValues(new Uint32Array(3)).join("-")}`;
}

const GONE = "The kernel of this output was restarted or shut down: run the cell again.";

/** Greeting again opens the way back for live messages when the first one was queued behind a running cell. */
const GREETINGS = [0, 500, 1500];

/** The kernel's answer to a request was an error; `message` is written for a person. */
export class RequestError extends Error {
  /** @param {{name: string, message: string, problems: string[]}} content */
  constructor(content) {
    super(content.message);
    this.name = content.name;
    /** One line for each thing that is wrong with the request, or none. */
    this.problems = content.problems;
  }
}

/**
 * @typedef {object} Model anywidget's proxy of a model, as far as it is used here.
 * @property {(name: string) => any} get
 * @property {(content: object, callbacks?: object, buffers?: ArrayBuffer[] | ArrayBufferView[]) => void} send
 * @property {(event: string, callback: (...args: any[]) => void) => void} on
 * @property {(event: string, callback: (...args: any[]) => void) => void} off
 *
 * @typedef {object} Answer
 * @property {Record<string, any>} content
 * @property {DataView<ArrayBuffer>[]} buffers
 *
 * @typedef {object} Rpc
 * @property {(kind: string, content?: object, options?: RequestOptions) => Promise<Answer>} request Rejects with a
 *   RequestError, or with the reason of `options.signal` or the view's own signal. No time limit: a busy kernel
 *   answers when its cell ends.
 * @property {() => number} now The kernel's clock, in epoch seconds.
 * @property {(callback: (lost: boolean) => void) => void} onLost Has `callback` told when the kernel is lost, such as
 *   by a restart, and when it is found again.
 * @property {(callback: () => void) => void} onRequest Has `callback` called before each request, so that what it still
 *   holds back goes first: messages are carried out in the order they are sent.
 *
 * @typedef {object} RequestOptions
 * @property {ArrayBuffer[] | ArrayBufferView[]} [buffers]
 * @property {AbortSignal} [signal] Cancels this request.
 */

/**
 * Connects a view to its widget until `signal` aborts.
 * @param {Model} model
 * @param {AbortSignal} signal
 * @returns {Rpc}
 */
export function connect(model, signal) {
  /** @type {Map<string, {resolve: (answer: Answer) => void, reject: (reason: any) => void}>} */
  const waiting = new Map();
  // Other views of this model, in this page or another, hear the same answers: ids must differ between views.
  const prefix = Array.from(crypto.getRandomValues(new Uint32Array(3)), (n) => n.toString(36)).join("");
  /** @type {((lost: boolean) => void)[]} */
  const losers = [];
  /** @type {(() => void)[]} */
  const earlier = [];
  let lost = false;
  let count = 0;
  let ahead = 0;

  /** @param {Record<string, any>} content @param {DataView<ArrayBuffer>[]} buffers */
  function receive(content, buffers) {
    const entry = waiting.get(content.request);
    if (!entry) return;
    waiting.delete(content.request);
    if (content.kind === KIND.ERROR) entry.reject(new RequestError(/** @type {any} */ (content)));
    else entry.resolve({ content, buffers: buffers ?? [] });
  }

  /** @type {Rpc["request"]} */
  function request(kind, content = {}, options = {}) {
    earlier.forEach((callback) => callback());
    const id = `${prefix}-${(count += 1)}`;
    return new Promise((resolve, reject) => {
      const either = options.signal ? AbortSignal.any([signal, options.signal]) : signal;
      if (either.aborted) return reject(either.reason);
      const giveUp = () => {
        waiting.delete(id);
        reject(either.reason);
        // A view that is gone, its comm perhaps too, has nothing more to say.
        if (!signal.aborted) send({ kind: KIND.CANCEL, request: id });
      };
      either.addEventListener("abort", giveUp, { once: true });
      const done = (/** @type {(value: any) => void} */ settle) => (/** @type {any} */ value) => {
        either.removeEventListener("abort", giveUp);
        settle(value);
      };
      waiting.set(id, { resolve: done(resolve), reject: done(reject) });
      if (!send({ ...content, kind, request: id }, options.buffers))
        receive({ kind: KIND.ERROR, request: id, name: "KernelGone", message: GONE, problems: [] }, []);
    });
  }

  /** Whether the message is on its way: JupyterLab throws where the kernel is gone. @type {(content: object, buffers?: any) => boolean} */
  function send(content, buffers = []) {
    try {
      model.send(content, undefined, buffers);
      return true;
    } catch {
      return false;
    }
  }

  function greet() {
    request(KIND.HELLO)
      .then(({ content }) => {
        ahead = content.now - Date.now() / 1000;
        tell(false);
      })
      .catch(() => {});
  }

  /** @param {boolean} now */
  function tell(now) {
    if (lost !== now) losers.forEach((callback) => callback(now));
    lost = now;
  }

  function doubt() {
    // Jupyter says only that the connection changed, not how: whoever answers is there.
    tell(true);
    greet();
  }

  model.on("msg:custom", receive);
  model.on("comm_live_update", doubt);
  const timers = GREETINGS.map((delay) => setTimeout(greet, delay));
  signal.addEventListener("abort", () => {
    model.off("msg:custom", receive);
    model.off("comm_live_update", doubt);
    timers.forEach(clearTimeout);
  });
  return {
    request,
    now: () => Date.now() / 1000 + ahead,
    onLost: (callback) => void losers.push(callback),
    onRequest: (callback) => void earlier.push(callback),
  };
}
