import type { Faults } from "./faults.ts";
import type { Profile } from "./profile.ts";

/** One choice of a completion. Tokens are strings whose concatenation is the text. */
export type Answer = {
  readonly reasoning: readonly string[];
  readonly text: readonly string[];
  readonly toolCalls: readonly ToolCall[];
  readonly finish: Finish;
  readonly stopSequence: string | undefined;
};

export type ToolCall = {
  /** Letters and digits; a dialect adds its prefix. */
  readonly id: string;
  readonly name: string;
  /** Argument JSON in pieces, or the free text of a tool without a schema. */
  readonly argumentTokens: readonly string[];
  readonly isFreeText: boolean;
};

export type Finish = "stop" | "length" | "tool-calls" | "content-filter";

export type Usage = {
  /** All of the prompt, cached or not. */
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly cacheWriteTokens: number;
  readonly imageTokens: number;
  readonly audioTokens: number;
  /** Reasoning included. */
  readonly completionTokens: number;
  readonly reasoningTokens: number;
};

/** Everything a dialect needs to write an answer. */
export type Completion = {
  /** Letters and digits; a dialect adds its prefix. */
  readonly id: string;
  readonly model: string;
  readonly createdSeconds: number;
  readonly answers: readonly [Answer, ...Answer[]];
  readonly usage: Usage;
  readonly faults: Faults;
  readonly profile: Profile;
  /** Seed for what accompanies the tokens, such as log probabilities. */
  readonly seed: number;
};

/** A piece of an event stream. `tokens` above 0 take time to generate. */
export type Frame = { readonly text: string; readonly tokens: number };

export function completionTokensOf({ reasoning, text, toolCalls }: Answer): number {
  const inCalls = toolCalls.reduce((sum, { argumentTokens }) => sum + argumentTokens.length, 0);
  return reasoning.length + text.length + inCalls;
}

/** Consecutive groups of at most `size`, each joined. */
export function* chunksOf(
  tokens: readonly string[],
  size: number,
): Generator<{ readonly text: string; readonly tokens: readonly string[] }> {
  for (let start = 0; start < tokens.length; start += size) {
    const group = tokens.slice(start, start + size);
    yield { text: size === 1 ? (group[0] ?? "") : group.join(""), tokens: group };
  }
}
