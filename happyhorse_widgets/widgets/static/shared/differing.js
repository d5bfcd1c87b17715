/** What tells clips from each other, in a few words each: what they have in common is not said again. */

/**
 * @param {import("./card.js").State[]} states
 * @returns {string[][]} For each clip what only it, or only some, have: parameters, images, the words of the prompt.
 */
export function differing(states) {
  const parameters = states.map((state) => state.parameters);
  const images = states.map((state) => state.references.join(", "));
  const prompts = middles(states.map((state) => state.prompt.split(/\s+/).filter(Boolean)));
  const same = (/** @type {string[]} */ texts) => texts.every((text) => text === texts[0]);
  const found = states.map((_state, index) => [
    ...parameters[index].filter((word) => !parameters.every((words) => words.includes(word))),
    ...(same(images) ? [] : [images[index]]),
    ...(same(prompts) ? [] : [prompts[index]]),
  ]);
  return found.some((words) => words.length) ? found : states.map(() => ["The same request"]);
}

/** The words between those that all begin with and those that all end with. @param {string[][]} texts */
function middles(texts) {
  const shortest = Math.min(...texts.map((words) => words.length));
  const common = (/** @type {(words: string[], at: number) => string} */ word, /** @type {number} */ most) => {
    let count = 0;
    while (count < most && texts.every((words) => word(words, count) === word(texts[0], count))) count += 1;
    return count;
  };
  const before = common((words, at) => words[at], shortest);
  const after = common((words, at) => words[words.length - 1 - at], shortest - before);
  return texts.map((words) => {
    const own = words.slice(before, words.length - after).join(" ");
    return `${before ? "… " : ""}${own || "–"}${after ? " …" : ""}`;
  });
}
