import { describe, expect, it } from "vitest";
import { finishReasonOf } from "../../../../src/upstream/anthropic/finish-reason.ts";

describe("finishReasonOf()", () => {
  it.each([
    ["end_turn", "stop"],
    ["stop_sequence", "stop"],
    ["max_tokens", "length"],
    ["tool_use", "tool-calls"],
    ["pause_turn", "pause"],
    ["refusal", "refusal"],
    ["model_context_window_exceeded", "context-length"],
    ["something_else", "other"],
  ])("calls %s %s", (raw, reason) => {
    expect(finishReasonOf(raw)).toBe(reason);
  });
});
