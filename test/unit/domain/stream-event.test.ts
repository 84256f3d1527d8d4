import { describe, expect, test } from "vitest";
import { isContent, type StreamEvent } from "../../../src/domain/stream-event.ts";

const NO_BYTES = new Uint8Array();
const NO_USAGE = {
  freshInput: 0,
  cacheRead: 0,
  cacheWrite: 0,
  visibleOutput: 0,
  reasoningOutput: 0,
  source: "partial",
} as const;

describe("isContent()", () => {
  test.each<readonly [string, StreamEvent, boolean]>([
    ["text", { kind: "text-delta", choice: 0, text: "a" }, true],
    ["empty text", { kind: "text-delta", choice: 0, text: "" }, false],
    ["reasoning", { kind: "reasoning-delta", choice: 0, text: "a" }, true],
    ["an empty refusal", { kind: "refusal-delta", choice: 0, text: "" }, false],
    [
      "a tool call",
      { kind: "tool-call-delta", choice: 0, tool: 0, id: "", name: "", argumentsFragment: "" },
      true,
    ],
    ["redacted reasoning", { kind: "redacted-reasoning", choice: 0, data: NO_BYTES }, true],
    ["a signature", { kind: "reasoning-signature", choice: 0, signature: NO_BYTES }, false],
    [
      "a finish",
      { kind: "choice-end", choice: 0, reason: "stop", rawReason: "", stopSequence: "" },
      false,
    ],
    [
      "a start",
      {
        kind: "response-start",
        httpStatus: 200,
        upstreamRequestId: undefined,
        upstreamModel: undefined,
      },
      false,
    ],
    ["a count of tokens", { kind: "usage", usage: NO_USAGE }, false],
  ])("of %s is %s", (_, event, content) => {
    expect(isContent(event)).toBe(content);
  });
});
