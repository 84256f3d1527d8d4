import { describe, expect, test } from "vitest";
import { inputTokensOf, isBilled, outputTokensOf, type Usage } from "../../../src/domain/usage.ts";

const usage: Usage = {
  freshInput: 1,
  cacheRead: 10,
  cacheWrite: 100,
  visibleOutput: 1_000,
  reasoningOutput: 10_000,
  source: "provider",
};

test("the input is every token of the prompt, cached or not", () => {
  expect(inputTokensOf(usage)).toBe(111);
});

test("the output is what is shown and what was thought", () => {
  expect(outputTokensOf(usage)).toBe(11_000);
});

describe("an attempt that failed is billed", () => {
  test.each([
    { name: "its answer had begun", firstTokenMs: 0, told: undefined, billed: true },
    { name: "nothing came and nothing was told", told: undefined, billed: false },
    { name: "its provider told of hidden reasoning", told: { visibleOutput: 0 }, billed: true },
    {
      name: "its provider told of the prompt alone",
      told: { visibleOutput: 0, reasoningOutput: 0 },
      billed: false,
    },
    { name: "nobody but us counted", told: { source: "partial" }, billed: false },
  ] as const)("$billed: $name", ({ billed, told, ...rest }) => {
    const counted = told === undefined ? undefined : { ...usage, ...told };
    expect(isBilled({ firstTokenMs: undefined, ...rest, usage: counted })).toBe(billed);
  });
});
