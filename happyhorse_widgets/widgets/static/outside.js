/** What a card does where no Studio is around it: what needs one is handed to the Studio that was opened last. */

import { KIND } from "./shared/rpc.js";

/**
 * @param {object} host
 * @param {import("./shared/rpc.js").Rpc} host.rpc
 * @param {AbortSignal} host.signal
 * @param {(state: import("./shared/card.js").State) => Promise<string>} host.vary Makes a clip once more with another seed; says
 *   where it is.
 * @returns {Required<Pick<import("./shared/card.js").Host, "reuse" | "take">>}
 */
export function createOutside({ rpc, signal, vary }) {
  return {
    async reuse(state, { seed }) {
      if (seed === "vary") return vary(state);
      await rpc.request(KIND.STUDIO_REUSE, { clip: state.id }, { signal });
      return "Set up in the Studio that was opened last.";
    },
    async take(clip, at) {
      const { content } = await rpc.request(KIND.TILE_FRAME, { clip, at }, { signal });
      return content.character;
    },
  };
}
