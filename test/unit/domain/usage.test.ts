import { expect, test } from "vitest";
import { inputTokensOf, outputTokensOf, type Usage } from "../../../src/domain/usage.ts";

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
