/**
 * A view lives as long as its AbortSignal: listeners, timers and observers hang on it, and what was started for a
 * view that is gone never writes into it.
 */

/**
 * @param {EventTarget} target
 * @param {string} type
 * @param {(event: any) => void} listener
 * @param {AbortSignal} signal
 * @param {AddEventListenerOptions} [options]
 */
export function listen(target, type, listener, signal, options = {}) {
  target.addEventListener(type, listener, { ...options, signal });
}

/**
 * Calls `callback` whenever the trait `name` changes, and once at the start.
 * @param {import("./rpc.js").Model} model
 * @param {string} name
 * @param {(value: any) => void} callback
 * @param {AbortSignal} signal
 */
export function follow(model, name, callback, signal) {
  const changed = () => callback(model.get(name));
  model.on(`change:${name}`, changed);
  signal.addEventListener("abort", () => model.off(`change:${name}`, changed));
  changed();
}

/**
 * Calls `callback` every `milliseconds` until `signal` aborts.
 * @param {number} milliseconds
 * @param {() => void} callback
 * @param {AbortSignal} signal
 */
export function every(milliseconds, callback, signal) {
  if (signal.aborted) return;
  const timer = setInterval(callback, milliseconds);
  signal.addEventListener("abort", () => clearInterval(timer));
}

/**
 * The value of `promise`, unless `signal` has aborted by then: then the promise is rejected with its reason.
 * @template T
 * @param {Promise<T>} promise
 * @param {AbortSignal} signal
 * @returns {Promise<T>}
 */
export async function alive(promise, signal) {
  const value = await promise;
  signal.throwIfAborted();
  return value;
}

/**
 * A signal that aborts with `parent`, or earlier by the function that comes with it.
 * @param {AbortSignal} [parent]
 * @returns {[AbortSignal, () => void]}
 */
export function child(parent) {
  const controller = new AbortController();
  const signal = parent ? AbortSignal.any([parent, controller.signal]) : controller.signal;
  return [signal, () => controller.abort()];
}

/**
 * Resolves when `element` first comes within a screen's height of what can be seen.
 * @param {Element} element
 * @param {AbortSignal} signal
 * @returns {Promise<void>}
 */
export function seen(element, signal) {
  return new Promise((resolve, reject) => {
    const observer = new IntersectionObserver(
      (entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        observer.disconnect();
        resolve();
      },
      // Notebooks scroll within the page: the margin around the page itself does not count there.
      /** @type {IntersectionObserverInit} */ ({ rootMargin: "100%", scrollMargin: "100%" }),
    );
    observer.observe(element);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      reject(signal.reason);
    });
  });
}

/**
 * A Blob URL that is revoked when `signal` aborts.
 * @param {Blob} blob
 * @param {AbortSignal} signal
 * @returns {string}
 */
export function blobUrl(blob, signal) {
  const url = URL.createObjectURL(blob);
  if (signal.aborted) URL.revokeObjectURL(url);
  else signal.addEventListener("abort", () => URL.revokeObjectURL(url));
  return url;
}
