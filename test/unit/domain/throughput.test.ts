import { describe, expect, test } from "vitest";
import { isPaceKnown, tokensPerSecondOf } from "../../../src/domain/throughput.ts";

describe("the pace of an answer", () => {
  test.each([
    { name: "8 tokens over 50 ms", generationMs: 50, tokens: 8, perSecond: 140 },
    { name: "101 tokens over 2 s", generationMs: 2_000, tokens: 101, perSecond: 50 },
  ])("is of the tokens after the first one: $name", ({ generationMs, tokens, perSecond }) => {
    expect(isPaceKnown(generationMs, tokens)).toBe(true);
    expect(tokensPerSecondOf(generationMs, tokens)).toBe(perSecond);
  });

  test.each([
    { name: "fewer than 8 tokens", generationMs: 1_000, tokens: 7 },
    { name: "less than 50 ms", generationMs: 49.9, tokens: 1_000 },
    { name: "no time at all", generationMs: 0, tokens: 1_000 },
    { name: "an answer in one piece", generationMs: undefined, tokens: 1_000 },
    { name: "a time that is not a number", generationMs: Number.NaN, tokens: 1_000 },
    { name: "tokens that are not a number", generationMs: 1_000, tokens: Number.NaN },
  ])("cannot be told of $name", ({ generationMs, tokens }) => {
    expect(isPaceKnown(generationMs, tokens)).toBe(false);
    expect(tokensPerSecondOf(generationMs, tokens)).toBeUndefined();
  });
});
