import { describe, expect, it } from "vitest";
import { createAnswer } from "../../../../src/domain/answer.ts";
import type { StreamEvent } from "../../../../src/domain/stream-event.ts";
import { type Decoded, decodeStream } from "../../../fixtures/upstream/decode.ts";
import { readFixture } from "../../../fixtures/upstream/read-fixture.ts";

function decodeFixture(name: string): Decoded {
  return decodeStream("anthropic", [readFixture(`anthropic/${name}.sse`)]);
}

function decodeEvents(...events: readonly unknown[]): Decoded {
  const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
  return decodeStream("anthropic", [Buffer.from(text)]);
}

function ofKind<K extends StreamEvent["kind"]>({ events }: Decoded, kind: K) {
  return events.filter((event): event is Extract<StreamEvent, { kind: K }> => event.kind === kind);
}

function answerOf({ events }: Decoded) {
  const answer = createAnswer();
  for (const event of events) {
    answer.take(event);
  }
  return answer.choices();
}

const text = (value: string) => new TextEncoder().encode(value);

describe("recorded streams", () => {
  it("of text end with the cumulative usage", () => {
    const decoded = decodeFixture("text");
    expect(answerOf(decoded)[0]).toMatchObject({
      parts: [{ kind: "text", text: "Hej då" }],
      finishReason: "stop",
      rawFinishReason: "end_turn",
    });
    expect(ofKind(decoded, "usage").map(({ usage }) => usage.visibleOutput)).toEqual([1, 12]);
    expect(ofKind(decoded, "response-start")[0]?.upstreamModel).toBe("claude-sonnet-4-5-20250929");
    expect(decoded.outcome.kind).toBe("success");
  });

  it("number their tools apart from their blocks; empty input is {}", () => {
    const decoded = decodeFixture("tools");
    expect(answerOf(decoded)[0]?.parts).toMatchObject([
      { kind: "text", text: "Let me look." },
      { kind: "tool-call", id: "toolu_1", name: "get_weather", argumentsJson: '{"city": "Oslo"}' },
      { kind: "tool-call", id: "toolu_2", name: "get_time", argumentsJson: "{}" },
    ]);
    expect(ofKind(decoded, "usage").at(-1)?.usage).toEqual({
      freshInput: 25,
      cacheRead: 900,
      cacheWrite: 100,
      visibleOutput: 40,
      reasoningOutput: 0,
      source: "provider",
    });
  });

  it("keep thinking with its signature, and what is redacted, to the byte", () => {
    const decoded = decodeFixture("thinking");
    expect(answerOf(decoded)[0]).toMatchObject({
      parts: [
        { kind: "reasoning", text: "Seven times six.", redacted: false },
        { kind: "reasoning", text: "", redacted: true },
        { kind: "text", text: "42" },
      ],
      finishReason: "stop",
      stopSequence: "###",
    });
    const [signature] = ofKind(decoded, "reasoning-signature");
    expect(new Uint8Array(signature?.signature ?? [])).toEqual(text("EqQBCkgIARAB+/=="));
    const [redacted] = ofKind(decoded, "redacted-reasoning");
    expect(new Uint8Array(redacted?.data ?? [])).toEqual(text("EmwKAhgBEgy3va=="));
    expect(ofKind(decoded, "usage").at(-1)?.usage).toMatchObject({
      visibleOutput: 8,
      reasoningOutput: 22,
    });
  });

  it("skip tools that ran at the provider and events nobody knows", () => {
    const decoded = decodeFixture("server-tools");
    expect(answerOf(decoded)[0]).toMatchObject({
      parts: [{ kind: "text", text: "Found" }],
      finishReason: "pause",
    });
    expect(ofKind(decoded, "tool-call-delta")).toEqual([]);
  });

  it.each([
    ["error-in-stream", "overloaded"],
    ["error-before-content", "quota-exhausted"],
    ["refusal", "success"],
    ["empty", "malformed-response"],
    ["cut", "network"],
    ["missing-stop", "success"],
  ])("%s ends as %s", (name, kind) => {
    expect(decodeFixture(name).outcome.kind).toBe(kind);
  });
});

describe("createStreamDecoder()", () => {
  it("keeps the counts that a later report leaves out", () => {
    const decoded = decodeEvents(
      { type: "message_start", message: { usage: { input_tokens: 7, output_tokens: 1 } } },
      { type: "message_delta", delta: {}, usage: { output_tokens: 5, input_tokens: null } },
    );
    expect(ofKind(decoded, "usage").at(-1)?.usage).toMatchObject({
      freshInput: 7,
      visibleOutput: 5,
    });
  });

  describe("whose stream breaks off", () => {
    const start = {
      type: "message_start",
      message: { usage: { input_tokens: 100_000, cache_read_input_tokens: 7, output_tokens: 1 } },
    };
    const open = (content_block: object) => ({
      type: "content_block_start",
      index: 0,
      content_block,
    });
    const delta = { type: "content_block_delta", index: 0 };
    const error = { type: "error", error: { type: "overloaded_error", message: "Overloaded" } };
    const usagesOf = (...events: readonly unknown[]) =>
      ofKind(decodeEvents(start, ...events, error), "usage").map(({ usage }) => usage);

    it.each([
      ["at once", []],
      ["after a sign of life", [{ type: "ping" }]],
      ["after opening a text that stays empty", [open({ type: "text", text: "" })]],
      [
        "after an empty piece",
        [open({ type: "text", text: "" }), { ...delta, delta: { type: "text_delta", text: "" } }],
      ],
    ])("tells no count of a prompt that nothing answers: %s", (_, events) => {
      expect(usagesOf(...events)).toEqual([]);
    });

    it.each([
      [
        "content came",
        [open({ type: "text" }), { ...delta, delta: { type: "text_delta", text: "a" } }],
      ],
      ["content came with the opening of its block", [open({ type: "text", text: "a" })]],
      ["thinking began, which may be hidden", [open({ type: "thinking", thinking: "" })]],
      ["a tool of the provider's began", [open({ type: "server_tool_use" })]],
      [
        "an end without counts came",
        [{ type: "message_delta", delta: { stop_reason: "refusal" } }],
      ],
    ])("tells the first counts, once, when %s", (_, events) => {
      const usage = { freshInput: 100_000, cacheRead: 7, cacheWrite: 0 };
      const output = { visibleOutput: 1, reasoningOutput: 0, source: "provider" };
      expect(usagesOf(...events, { type: "content_block_stop", index: 0 })).toEqual([
        { ...usage, ...output },
      ]);
    });
  });

  it("reports no usage that it was not given", () => {
    const decoded = decodeEvents({ type: "message_start", message: { model: "m" } });
    expect(ofKind(decoded, "usage")).toEqual([]);
  });

  it("takes content that comes with the opening of its block", () => {
    const decoded = decodeEvents(
      {
        type: "content_block_start",
        index: 0,
        content_block: { type: "thinking", thinking: "a", signature: "s" },
      },
      { type: "content_block_stop", index: 0 },
      { type: "content_block_start", index: 1, content_block: { type: "text", text: "b" } },
      { type: "content_block_stop", index: 1 },
      {
        type: "content_block_start",
        index: 2,
        content_block: { type: "tool_use", id: "t", name: "f", input: { x: 1 } },
      },
      { type: "message_delta", delta: { stop_reason: "tool_use" } },
      { type: "message_stop" },
    );
    expect(answerOf(decoded)[0]?.parts).toMatchObject([
      { text: "a", signature: Buffer.from("s") },
      { text: "b" },
      { argumentsJson: '{"x":1}' },
    ]);
    expect(decoded.outcome.kind).toBe("success");
  });

  it("ignores deltas of unknown blocks, of another kind than their block, and of unknown kinds", () => {
    const delta = (fields: unknown) => ({ type: "content_block_delta", index: 0, delta: fields });
    const decoded = decodeEvents(
      delta({ type: "text_delta", text: "early" }),
      { type: "content_block_start", index: 0, content_block: { type: "mystery" } },
      delta({ type: "text_delta", text: "x" }),
      delta({ type: "thinking_delta", thinking: "x" }),
      delta({ type: "input_json_delta", partial_json: "x" }),
      delta({ type: "mystery_delta" }),
      delta(null),
      { type: "content_block_stop", index: 9 },
    );
    expect(decoded.events).toEqual([]);
  });

  it("ignores blocks after the stop reason and a second reason", () => {
    const stop = { type: "message_delta", delta: { stop_reason: "end_turn" } };
    const decoded = decodeEvents(
      { type: "content_block_start", index: 0, content_block: { type: "text", text: "b" } },
      stop,
      { type: "content_block_start", index: 1, content_block: { type: "text", text: "late" } },
      stop,
    );
    expect(decoded.events.map(({ kind }) => kind)).toEqual(["text-delta", "choice-end"]);
  });

  it.each([
    ["broken JSON", "data: {\n\n"],
    ["a list", "data: []\n\n"],
    ["a block without index", 'data: {"type":"content_block_delta"}\n\n'],
    ["a block index out of range", 'data: {"type":"content_block_start","index":4294967295}\n\n'],
    ["an end without a reason", 'data: {"type":"message_stop"}\n\n'],
  ])("does not accept %s", (_, bytes) => {
    expect(decodeStream("anthropic", [Buffer.from(bytes)]).outcome.kind).toBe("malformed-response");
  });

  it("ignores blank data", () => {
    expect(decodeStream("anthropic", [Buffer.from("data:\n\n")]).outcome.kind).toBe("network");
  });
});
