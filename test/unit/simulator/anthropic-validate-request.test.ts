import { describe, expect, test } from "vitest";
import { validateAnthropicRequest } from "../../../src/simulator/anthropic-validate-request.ts";
import { RefusedRequest } from "../../../src/simulator/refusal.ts";

const plain = { model: "m", max_tokens: 2_000, messages: [{ role: "user", content: "Hello" }] };
const tool = { name: "look_up", input_schema: { type: "object" } };

const accept = (changes: unknown) => validateAnthropicRequest({ ...plain, ...Object(changes) });

/** What the API says to a request that differs from a plain one; fails when it says nothing. */
function messageOf(changes: unknown): string {
  try {
    accept(changes);
  } catch (error) {
    expect(error).toBeInstanceOf(RefusedRequest);
    const { refusal } = error as RefusedRequest;
    return refusal.kind === "badRequest" ? refusal.message : refusal.kind;
  }
  return expect.fail("the request was accepted");
}

describe("validateAnthropicRequest()", () => {
  test("refuses a body that is no object", () => {
    expect(() => validateAnthropicRequest("{}")).toThrow(RefusedRequest);
  });

  test.each([
    { changes: { model: undefined }, field: "model" },
    { changes: { model: "" }, field: "model" },
    { changes: { max_tokens: undefined }, field: "max_tokens" },
    { changes: { max_tokens: 0 }, field: "max_tokens" },
    { changes: { max_tokens: 1.5 }, field: "max_tokens" },
    { changes: { temperature: 1.1 }, field: "temperature" },
    { changes: { top_p: "1" }, field: "top_p" },
    { changes: { stream: "yes" }, field: "stream" },
    { changes: { seed: 1 }, field: "seed" },
    { changes: { stop_sequences: "x" }, field: "stop_sequences" },
    { changes: { stop_sequences: ["x", 5] }, field: "stop_sequences" },
    { changes: { stop_sequences: [" "] }, field: "stop_sequences" },
    { changes: { tools: [{ name: "look up" }] }, field: "tools.0.custom.name" },
    { changes: { tools: [tool, { name: "b" }] }, field: "tools.1.custom.input_schema" },
    { changes: { tool_choice: { type: "tool", name: "x" }, tools: [tool] }, field: "tool_choice" },
    { changes: { tool_choice: { type: "required" } }, field: "tool_choice" },
    { changes: { output_config: { format: { type: "json" } } }, field: "output_config.format" },
    {
      changes: { thinking: { type: "enabled", budget_tokens: 1_023 } },
      field: "thinking.enabled.budget_tokens",
    },
    { changes: { messages: "Hello" }, field: "messages" },
    { changes: { messages: [] }, field: "messages" },
    { changes: { messages: [{ role: "assistant", content: "Hi" }] }, field: "messages" },
    { changes: { messages: [{ role: "system", content: "Hi" }] }, field: "messages" },
    { changes: { messages: [{ role: "tool", content: "Hi" }] }, field: "messages.0.role" },
    { changes: { messages: [{ role: "user" }] }, field: "messages.0.content" },
    { changes: { messages: [{ role: "user", content: "" }] }, field: "messages.0" },
    {
      changes: { messages: [{ role: "user", content: [{ type: "video" }] }] },
      field: "messages.0.content.0",
    },
  ])("refuses $changes and names $field", ({ changes, field }) => {
    expect(messageOf(changes).split(": ")[0]).toBe(field);
  });

  test("refuses a thinking budget that leaves no token for the answer", () => {
    const thinking = { type: "enabled", budget_tokens: 2_000 };
    expect(messageOf({ thinking })).toContain("must be greater than `thinking.budget_tokens`");
  });

  test("thinks when it is enabled or adaptive, and not otherwise", () => {
    const tokens = (thinking: unknown) => accept({ thinking }).prompt.reasoningTokens;
    expect(tokens({ type: "enabled", budget_tokens: 1_024 })).toBeGreaterThan(0);
    expect(tokens({ type: "adaptive" })).toBeGreaterThan(0);
    expect(tokens({ type: "disabled" })).toBe(0);
    expect(tokens(undefined)).toBe(0);
  });

  test.each([
    { choice: undefined, expected: { kind: "auto" } },
    { choice: { type: "auto" }, expected: { kind: "auto" } },
    { choice: { type: "none" }, expected: { kind: "none" } },
    { choice: { type: "any" }, expected: { kind: "required" } },
    { choice: { type: "tool", name: "look_up" }, expected: { kind: "named", name: "look_up" } },
  ])("reads the choice $choice", ({ choice, expected }) => {
    const { prompt } = accept({ tools: [tool], tool_choice: choice });
    expect(prompt.toolChoice).toEqual(expected);
  });

  test("offers no tool that runs at the provider", () => {
    const search = { type: "web_search_20250305", name: "web_search" };
    expect(accept({ tools: [search, tool] }).prompt.tools).toEqual([
      { name: "look_up", parameters: tool.input_schema },
    ]);
  });

  test("caches up to the marked block, and up to the last one when the whole request is marked", () => {
    const mark = { type: "ephemeral" };
    const blocks = [
      { type: "text", text: "a", cache_control: mark },
      { type: "text", text: "b" },
    ];
    const breakpoints = (changes: object) =>
      accept({ messages: [{ role: "user", content: blocks }], ...changes }).prompt.segments.map(
        ({ breakpoint }) => breakpoint,
      );
    expect(breakpoints({})).toEqual([true, false]);
    expect(breakpoints({ cache_control: mark })).toEqual([true, true]);
    expect(breakpoints({ system: "s" })).toEqual([false, true, false]);
  });
});
