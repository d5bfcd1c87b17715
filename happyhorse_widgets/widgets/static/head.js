/** The top line: the name, whether this is the sandbox, what runs and waits, and the money. */

import { h, setText } from "./shared/dom.js";
import { units } from "./shared/format.js";
import { follow } from "./shared/lifetime.js";

/** @param {{model: import("./shared/rpc.js").Model, signal: AbortSignal}} host */
export function createHead({ model, signal }) {
  const badge = h("span", { class: "hh-badge", title: "Clips are simulated on this computer: free, and nothing is sent to Scenario" }, "Sandbox");
  const queue = h("span", { class: "hh-queue hh-number hh-quiet", role: "status" });
  const money = h("span", { class: "hh-money hh-number hh-quiet" });
  follow(model, "_session", ({ sandbox, spent, budget, left, running, waiting, limit }) => {
    badge.hidden = !sandbox;
    const remaining = budget === null ? "" : ` · ${units(left).replace(" CU", "")} of ${units(budget)} left`;
    setText(money, `${units(spent)} ${sandbox ? "simulated" : "spent"} in this session${remaining}`);
    setText(queue, queued(running, waiting, limit));
  }, signal);
  return h("header", { class: "hh-head" }, h("span", { class: "hh-title" }, "Happy Horse Studio"), badge, queue, money);
}

/**
 * @param {number} running
 * @param {number} waiting
 * @param {number | null} limit
 */
function queued(running, waiting, limit) {
  if (!running && !waiting) return "";
  const parts = [`${running} running`];
  if (waiting) parts.push(`${waiting} waiting for a place`);
  const plan = waiting && limit !== null ? ` (the plan runs ${limit} at once)` : "";
  return parts.join(", ") + plan;
}
