import { describe, expect, it } from "vitest";
import { decodeWhole } from "../../../fixtures/upstream/decode.ts";

describe("decodeResponse()", () => {
  it("tells a whole answer in the events of a stream", () => {
    const { events, outcome } = decodeWhole("openai", {
      id: "chatcmpl-1",
      object: "chat.completion",
      model: "gpt-4o-mini",
      choices: [
        {
          index: 0,
          message: {
            role: "assistant",
            content: "Hi",
            refusal: null,
            tool_calls: [
              { id: "call_1", type: "function", function: { name: "f", arguments: '{"a":1}' } },
              { id: "call_2", type: "function", function: { name: "g", arguments: "" } },
            ],
          },
          logprobs: null,
          finish_reason: "tool_calls",
        },
      ],
      usage: { prompt_tokens: 5, completion_tokens: 2, total_tokens: 7 },
    });
    expect(events.map(({ kind }) => kind)).toEqual([
      "response-start",
      "text-delta",
      "tool-call-delta",
      "tool-call-delta",
      "tool-call-delta",
      "choice-end",
      "usage",
    ]);
    expect(events[4]).toMatchObject({ tool: 1, argumentsFragment: "{}" });
    expect(outcome.kind).toBe("success");
  });

  it.each([
    ["no object", "text", "malformed-response"],
    ["no choices", { id: "x" }, "malformed-response"],
    ["empty choices", { choices: [] }, "malformed-response"],
    ["a choice without reason", { choices: [{ message: { content: "x" } }] }, "malformed-response"],
    [
      "an empty answer",
      { choices: [{ message: { content: "" }, finish_reason: "stop" }] },
      "malformed-response",
    ],
    ["an error", { error: { message: "no", code: "rate_limit_exceeded" } }, "rate-limited"],
    ["a flat error", { object: "error", message: "no", code: 500 }, "server-error"],
  ])("ends %s as a failure", (_, body, kind) => {
    expect(decodeWhole("openai", body).outcome.kind).toBe(kind);
  });
});
