import type { JsonObject } from "./json-value.ts";
import { createRandom, hashText } from "./random.ts";
import { writeWord } from "./token-text.ts";

/** `logprobs` of a choice: made up, but ordered and the same for the same token and seed. */
export function openaiLogprobs(
  tokens: readonly string[],
  alternatives: number,
  seed: number,
): JsonObject {
  return { content: tokens.map((token) => entryOf(token, alternatives, seed)), refusal: null };
}

function entryOf(token: string, alternatives: number, seed: number): JsonObject {
  const random = createRandom(hashText(token, seed));
  let logprob = -random() / 2;
  const chosen = scored(token, logprob);
  const others = Array.from({ length: Math.max(0, alternatives - 1) }, () => {
    logprob -= 0.1 + random() * 2;
    return scored(` ${writeWord(random)}`, logprob);
  });
  return { ...chosen, top_logprobs: alternatives === 0 ? [] : [chosen, ...others] };
}

function scored(token: string, logprob: number): JsonObject {
  return { token, logprob, bytes: [...Buffer.from(token)] };
}
