import { describe, expect, it } from "vitest";
import { decodeWhole } from "../../../fixtures/upstream/decode.ts";

describe("decodeResponse()", () => {
  it("tells a whole answer in the events of a stream", () => {
    const { events, outcome } = decodeWhole("anthropic", {
      id: "msg_1",
      type: "message",
      model: "claude",
      content: [
        { type: "thinking", thinking: "hm", signature: "sig" },
        { type: "text", text: "Hi" },
        { type: "tool_use", id: "t1", name: "f", input: {} },
      ],
      stop_reason: "tool_use",
      stop_sequence: null,
      usage: { input_tokens: 5, output_tokens: 2 },
    });
    expect(events.map(({ kind }) => kind)).toEqual([
      "response-start",
      "usage",
      "reasoning-delta",
      "reasoning-signature",
      "text-delta",
      "tool-call-delta",
      "tool-call-delta",
      "choice-end",
    ]);
    expect(events[6]).toMatchObject({ tool: 0, argumentsFragment: "{}" });
    expect(outcome.kind).toBe("success");
  });

  it.each([
    ["no object", "text", "malformed-response"],
    ["no content", { type: "message" }, "malformed-response"],
    ["no stop reason", { content: [{ type: "text", text: "x" }] }, "malformed-response"],
    ["an empty answer", { content: [], stop_reason: "end_turn" }, "malformed-response"],
    ["an error", { type: "error", error: { type: "overloaded_error" } }, "overloaded"],
  ])("ends %s as a failure", (_, body, kind) => {
    expect(decodeWhole("anthropic", body).outcome.kind).toBe(kind);
  });
});
