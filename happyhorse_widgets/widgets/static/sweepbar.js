/** What stands above a sweep's cells: how far it is, what it costs, the buttons that spend, and how the cells are laid out. */

import { button, h, setAttribute, setText } from "./shared/dom.js";
import { units } from "./shared/format.js";
import { alive, listen } from "./shared/lifetime.js";
import { KIND, newPress } from "./shared/rpc.js";

/** In the order in which they are told. @type {[string, string][]} */
const PHASES = [["ready", "ready"], ["busy", "on the way"], ["halted", "not followed"], ["asking", "to be looked at"], ["failed", "failed"], ["stopped", "withdrawn"], ["planned", "planned"]];

/**
 * @typedef {{clips: number, expected: number | null}} Order
 *
 * @typedef {object} Summary What `SweepGrid._summed` gives.
 * @property {string} name
 * @property {number} cells
 * @property {Record<string, number>} phases Distinct clips by their phase.
 * @property {number} attempts How many clips were asked for so far, with those that failed.
 * @property {Order} run
 * @property {Order} retry
 * @property {string} unpriced Why the price is not known, or "".
 * @property {number} spent
 * @property {number | null} left
 * @property {boolean} sandbox
 */

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {(text: string) => void} host.announce
 * @param {(columns: number, rows: number) => void} host.arrange
 * @param {() => void} host.leave Takes the focus from a button that goes away.
 */
export function createSweepBar({ rpc, signal, announce, arrange, leave }) {
  /** @type {Summary | undefined} */
  let summary;
  let [asking, lost] = [false, false];
  /** Whether something was on its way when it was last looked, and how many attempts had come to rest by then. */
  let [restless, rested] = [false, 0];
  const title = h("span", { class: "hh-sweep-name", dir: "auto" });
  const badge = h("span", { class: "hh-sweep-badge", title: "Simulated: nothing is sent to Scenario", hidden: true }, "SANDBOX");
  const counts = h("span", { class: "hh-quiet hh-number" });
  const run = button("Run", { primary: true });
  const retry = button("Retry", { icon: "replay" });
  const money = h("span", { class: "hh-quiet hh-number" });
  const said = h("p", { class: "hh-sweep-said hh-quiet", "aria-hidden": "true" });
  const fill = h("div", { class: "hh-sweep-fill" });
  const columns = choice("Columns");
  const rows = choice("Rows");
  const layout = h("span", { class: "hh-sweep-layout", hidden: true }, columns.el, rows.el);
  const el = h(
    "div",
    { class: "hh-sweep-bar" },
    h("div", { class: "hh-sweep-line" }, title, badge, counts),
    h("div", { class: "hh-sweep-track", "aria-hidden": "true" }, fill),
    h("div", { class: "hh-sweep-line" }, run, retry, money, layout),
    said,
  );

  /** @param {string} name */
  function choice(name) {
    const select = h("select", { class: "hh-sweep-choice" });
    listen(select, "change", () => {
      apart();
      arrange(Number(columns.select.value), Number(rows.select.value));
    }, signal);
    return { select, el: h("label", { class: "hh-quiet" }, `${name} `, select) };
  }

  /** A factor that stands across does not stand down, too. */
  function apart() {
    for (const option of rows.select.options) option.disabled = option.value === columns.select.value;
    if (rows.select.selectedOptions[0]?.disabled) rows.select.value = [...rows.select.options].find((each) => !each.disabled)?.value ?? "0";
  }

  /** @param {string} text */
  function say(text) {
    setText(said, text);
    announce(text);
  }

  /** @param {boolean} retrying */
  async function order(retrying) {
    if (asking || !summary) return;
    const { clips, expected } = retrying ? summary.retry : summary.run;
    asking = true;
    draw();
    try {
      const message = { retry: retrying, clips, expected, press: newPress() };
      const { content } = await alive(rpc.request(KIND.SWEEP_RUN, message, { signal }), signal);
      say(content.said);
    } catch (error) {
      if (!signal.aborted) say(/** @type {Error} */ (error).message);
    } finally {
      asking = false;
      draw();
      settle();
    }
  }

  /** Says once what came of it, when all is at rest that was asked for, here or elsewhere. */
  function settle() {
    if (!summary || asking) return;
    const { phases, attempts } = summary;
    if (phases.busy) restless = true;
    if (phases.busy || !(restless || attempts > rested)) return;
    [restless, rested] = [false, attempts];
    const { ready = 0, failed = 0, asking: doubtful = 0 } = phases;
    say(`${several(ready)} ready, ${failed} failed${doubtful ? `, ${doubtful} to be looked at` : ""}.`);
  }

  function draw() {
    if (!summary) return;
    const { phases, run: first, retry: again, sandbox } = summary;
    offer(run, first, `Run ${several(first.clips)}`, sandbox);
    offer(retry, again, `Retry ${again.clips} failed`, sandbox);
    const unknown = summary.unpriced && `What they cost is not known: ${summary.unpriced}`;
    run.title = unknown || "Ask for every clip that was not asked for yet";
    retry.title = unknown || "Ask anew for every clip that has come to rest without a video";
    const left = summary.left === null ? "" : ` · ${units(summary.left)} left of the budget`;
    setText(money, `${units(summary.spent)}${sandbox ? " simulated" : ""} spent${left}`);
    const told = PHASES.filter(([phase]) => phases[phase]).map(([phase, words]) => `${phases[phase]} ${words}`);
    const all = Object.values(phases).reduce((sum, each) => sum + each, 0);
    setText(counts, [`${summary.cells} cells`, ...(all === summary.cells ? [] : [several(all)]), ...told].join(" · "));
    fill.style.inlineSize = `${all ? (100 * (phases.ready ?? 0)) / all : 0}%`;
  }

  /** @param {HTMLButtonElement} one @param {Order} what @param {string} words @param {boolean} sandbox */
  function offer(one, { clips, expected }, words, sandbox) {
    // The other button would cost as well: who pressed Enter once must not pay again by pressing it twice.
    if (clips === 0 && one === one.ownerDocument.activeElement) leave();
    one.hidden = clips === 0;
    one.disabled = lost;
    setAttribute(one, "aria-disabled", asking ? "true" : null);
    const price = expected === null ? "" : ` ≈ ${units(expected)}${sandbox ? " simulated" : ""}`;
    setText(/** @type {Element} */ (one.lastElementChild), words + price);
  }

  listen(run, "click", () => order(false), signal);
  listen(retry, "click", () => order(true), signal);

  return {
    el,
    /** @param {Summary} next */
    update(next) {
      const before = summary;
      summary = next;
      setText(title, next.name);
      badge.hidden = !next.sandbox;
      draw();
      if (!before) rested = next.attempts;
      settle();
    },
    /** @param {import("./sweep.js").Factor[]} factors */
    choices(factors) {
      const varied = factors.map(({ name }, index) => ({ name, index })).filter(({ index }) => factors[index].levels.length > 1);
      layout.hidden = varied.length < 2;
      for (const { select } of [columns, rows]) select.replaceChildren(...varied.map(({ name, index }) => h("option", { value: index }, name)));
      columns.select.value = String(varied.at(-1)?.index);
      rows.select.value = String(varied[0]?.index);
      apart();
    },
    /** @param {boolean} now */
    lose(now) {
      lost = now;
      draw();
    },
  };
}

/** @param {number} clips */
function several(clips) {
  return clips === 1 ? "1 clip" : `${clips} clips`;
}
