import { describe, expect, test } from "vitest";
import { completionTokensOf } from "../../../src/simulator/completion.ts";
import { composeAnswer } from "../../../src/simulator/compose-answer.ts";
import type { Prompt } from "../../../src/simulator/prompt.ts";
import { createRandom } from "../../../src/simulator/random.ts";

const plain: Prompt = {
  model: "m",
  segments: [],
  imageTokens: 0,
  audioTokens: 0,
  lastUserText: "Hello",
  toolResult: undefined,
  tools: [],
  toolChoice: { kind: "auto" },
  parallelTools: true,
  format: { kind: "text" },
  maxTokens: Infinity,
  stops: [],
  reasoningTokens: 0,
  choices: 1,
  seed: undefined,
};
const tools = [
  { name: "alpha", parameters: { type: "object" } },
  { name: "beta", parameters: { type: "object" } },
];

function compose(changes: Partial<Prompt>) {
  return composeAnswer({ ...plain, ...changes }, { p50: 20, p95: 20 }, createRandom(1));
}

describe("composeAnswer()", () => {
  test("is as long as the profile says when nothing else decides", () => {
    expect(compose({})).toMatchObject({ finish: "stop", toolCalls: [], reasoning: [] });
    expect(compose({}).text).toHaveLength(20);
  });

  test("spends the limit on thought first", () => {
    const answer = compose({ maxTokens: 10, reasoningTokens: 8 });
    expect(answer.reasoning).toHaveLength(8);
    expect(answer).toMatchObject({ finish: "length" });
    expect(completionTokensOf(answer)).toBe(10);
  });

  test("does not stop at a sequence that lies beyond the limit", () => {
    const echo = { lastUserText: "echo:one two three", stops: ["three"], maxTokens: 2 };
    expect(compose(echo)).toMatchObject({ finish: "length", stopSequence: undefined });
  });

  test("stops at the earliest of several sequences", () => {
    const answer = compose({ lastUserText: "echo:one two three", stops: ["three", "two"] });
    expect(answer).toMatchObject({ finish: "stop", stopSequence: "two", text: ["one", " "] });
  });

  test.each([
    { name: "the tool the text names", changes: { lastUserText: "beta" }, names: ["beta"] },
    { name: "no tool unasked", changes: {}, names: [] },
    {
      name: "no tool when forbidden",
      changes: { lastUserText: "tool", toolChoice: { kind: "none" as const } },
      names: [],
    },
    {
      name: "the tool that the request demands",
      changes: { toolChoice: { kind: "named" as const, name: "beta" } },
      names: ["beta"],
    },
    {
      name: "two tools in parallel",
      changes: { lastUserText: "tools in parallel" },
      names: ["alpha", "beta"],
    },
    {
      name: "no tool right after a result",
      changes: { lastUserText: "use the tool", toolResult: "5" },
      names: [],
    },
  ])("calls $name", ({ changes, names }) => {
    expect(compose({ tools, ...changes }).toolCalls.map(({ name }) => name)).toEqual(names);
  });

  test("cuts the arguments of a call at the limit", () => {
    const answer = compose({ tools, toolChoice: { kind: "required" }, maxTokens: 0 });
    expect(answer).toMatchObject({ finish: "length", toolCalls: [{ argumentTokens: [] }] });
  });

  test("writes free text for a tool without a schema", () => {
    const free = [{ name: "sql", parameters: undefined }];
    const { toolCalls } = compose({ tools: free, toolChoice: { kind: "required" } });
    expect(toolCalls).toMatchObject([{ name: "sql", isFreeText: true }]);
  });
});
