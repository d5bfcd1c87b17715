/** The static twin: what a saved notebook shows of a widget when there is no kernel. */

import { h } from "./dom.js";

/**
 * Whether this page was written by nbconvert and has the twin: then that is better than a widget without a kernel.
 * @param {string} twin
 */
export function isExport(twin) {
  const exported = document.querySelector('script[type="application/vnd.jupyter.widget-state+json"]');
  return Boolean(exported && twin && document.querySelector(`.hh-twin-${CSS.escape(twin)}`));
}

/**
 * Hides the twin as long as this view is there. A style rule also holds for what the output is replaced with later.
 * @param {string} twin
 * @param {AbortSignal} signal
 */
export function hideTwin(twin, signal) {
  if (!twin) return;
  const name = `.hh-twin-${CSS.escape(twin)}`;
  const rule = `${name}, .jp-OutputArea-child:has(> .jp-OutputArea-output ${name}) { display: none !important; }`;
  const style = h("style", {}, rule);
  document.head.append(style);
  signal.addEventListener("abort", () => style.remove());
}
