import { describe, expect, it } from "vitest";
import { finishReasonOf } from "../../../../src/upstream/openai/finish-reason.ts";

describe("finishReasonOf()", () => {
  it.each([
    ["stop", "stop"],
    ["eos", "stop"],
    ["length", "length"],
    ["tool_calls", "tool-calls"],
    ["function_call", "tool-calls"],
    ["content_filter", "content-filter"],
    ["abort", "aborted"],
    ["insufficient_system_resource", "aborted"],
    ["something_else", "other"],
    ["constructor", "other"],
  ])("calls %s %s", (raw, reason) => {
    expect(finishReasonOf(raw)).toBe(reason);
  });
});
