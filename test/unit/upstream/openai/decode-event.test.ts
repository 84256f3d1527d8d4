import { describe, expect, it } from "vitest";
import { createAnswer } from "../../../../src/domain/answer.ts";
import type { StreamEvent } from "../../../../src/domain/stream-event.ts";
import { createRedaction } from "../../../../src/upstream/redact.ts";
import { type Decoded, decodeStream } from "../../../fixtures/upstream/decode.ts";
import { readFixture } from "../../../fixtures/upstream/read-fixture.ts";

function decodeFixture(name: string): Decoded {
  return decodeStream("openai", [readFixture(`openai/${name}.sse`)]);
}

function decodeChunks(...chunks: readonly unknown[]): Decoded {
  const text = chunks.map((chunk) => `data: ${JSON.stringify(chunk)}\n\n`).join("");
  return decodeStream("openai", [Buffer.from(text)]);
}

function ofKind<K extends StreamEvent["kind"]>({ events }: Decoded, kind: K) {
  return events.filter((event): event is Extract<StreamEvent, { kind: K }> => event.kind === kind);
}

function textOf(decoded: Decoded): string {
  return ofKind(decoded, "text-delta")
    .map(({ text }) => text)
    .join("");
}

function partsOf({ events }: Decoded) {
  const answer = createAnswer();
  for (const event of events) {
    answer.take(event);
  }
  return answer.choices().map(({ parts }) => parts);
}

function reasonsOf(decoded: Decoded) {
  return ofKind(decoded, "choice-end").map(({ reason, rawReason }) => [reason, rawReason]);
}

function toolCalls(decoded: Decoded) {
  return partsOf(decoded)[0]?.filter(({ kind }) => kind === "tool-call");
}

const finished = { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] };

function delta(fields: unknown, choice: object = {}) {
  return { choices: [{ index: 0, delta: fields, finish_reason: null, ...choice }] };
}

describe("recorded streams", () => {
  it("of OpenAI end with their usage in the last chunk", () => {
    const decoded = decodeFixture("text");
    expect(textOf(decoded)).toBe("The sky is blüe 🌌.");
    expect(reasonsOf(decoded)).toEqual([["stop", "stop"]]);
    expect(ofKind(decoded, "usage").at(-1)?.usage).toEqual({
      freshInput: 8,
      cacheRead: 16,
      cacheWrite: 0,
      visibleOutput: 9,
      reasoningOutput: 0,
      source: "provider",
    });
    expect(decoded.outcome.kind).toBe("success");
  });

  it("name their model once", () => {
    const starts = ofKind(decodeFixture("azure-filter"), "response-start");
    expect(starts.map(({ upstreamModel }) => upstreamModel)).toEqual(["gpt-4o-mini-2024-07-18"]);
  });

  it("hold parallel tool calls, of which one without arguments has {}", () => {
    const decoded = decodeFixture("parallel-tools");
    expect(toolCalls(decoded)).toEqual([
      {
        kind: "tool-call",
        id: "call_Aa1",
        name: "get_weather",
        argumentsJson: '{"city":"Oslo"}',
        cacheBreakpoint: false,
      },
      {
        kind: "tool-call",
        id: "call_Bb2",
        name: "get_time",
        argumentsJson: "{}",
        cacheBreakpoint: false,
      },
    ]);
    expect(reasonsOf(decoded)).toEqual([["tool-calls", "tool_calls"]]);
  });

  it("keep two choices apart and end with the last of them, mark or no mark", () => {
    const decoded = decodeFixture("two-choices");
    expect(
      partsOf(decoded).map((parts) => parts.map((part) => ("text" in part ? part.text : ""))),
    ).toEqual([["Aa"], ["Bb"]]);
    expect(reasonsOf(decoded)).toEqual([
      ["length", "length"],
      ["stop", "stop"],
    ]);
    expect(decoded.outcome.kind).toBe("success");
  });

  it("hold refusals", () => {
    const decoded = decodeFixture("refusal");
    expect(partsOf(decoded)).toEqual([
      [{ kind: "refusal", text: "I can't do that.", cacheBreakpoint: false }],
    ]);
    expect(decoded.outcome.kind).toBe("success");
  });

  it("of Azure have chunks without choices and choices without delta", () => {
    const decoded = decodeFixture("azure-filter");
    expect(textOf(decoded)).toBe("Fine day");
    expect(ofKind(decoded, "usage")).toHaveLength(1);
    expect(decoded.outcome.kind).toBe("success");
  });

  it("may be filtered before their first word", () => {
    const decoded = decodeFixture("azure-filtered-answer");
    expect(reasonsOf(decoded)).toEqual([["content-filter", "content_filter"]]);
    expect(decoded.outcome.kind).toBe("success");
  });

  it("of Groq have usage and reasoning in places of their own", () => {
    const decoded = decodeFixture("groq");
    expect(ofKind(decoded, "reasoning-delta").map(({ text }) => text)).toEqual(["Hmm."]);
    expect(ofKind(decoded, "usage").map(({ usage }) => usage)).toEqual([
      {
        freshInput: 41,
        cacheRead: 0,
        cacheWrite: 0,
        visibleOutput: 3,
        reasoningOutput: 3,
        source: "provider",
      },
    ]);
  });

  it("of DeepSeek begin with comments, which are no events", () => {
    const decoded = decodeFixture("deepseek");
    expect(decoded.events[0]?.kind).toBe("response-start");
    expect(partsOf(decoded)[0]?.map((part) => ("text" in part ? part.text : ""))).toEqual([
      "First think.",
      "42",
    ]);
    expect(ofKind(decoded, "usage").at(-1)?.usage).toMatchObject({ freshInput: 36, cacheRead: 64 });
  });

  it("of DeepSeek are an overload when it gives up before any content", () => {
    expect(decodeFixture("deepseek-gave-up").outcome.kind).toBe("overloaded");
  });

  it("of Together end with eos and say their reasoning twice", () => {
    const decoded = decodeFixture("together");
    expect(ofKind(decoded, "reasoning-delta").map(({ text }) => text)).toEqual(["So"]);
    expect(textOf(decoded)).toBe("Yes");
    expect(reasonsOf(decoded)).toEqual([["stop", "eos"]]);
    expect(ofKind(decoded, "usage")).toHaveLength(1);
  });

  it("of vLLM number every tool call 0 and tell them apart by id", () => {
    const decoded = decodeFixture("vllm-index-zero-tools");
    expect(toolCalls(decoded)).toMatchObject([
      { id: "chatcmpl-tool-1", name: "add", argumentsJson: '{"a": 1}' },
      { id: "chatcmpl-tool-2", name: "add", argumentsJson: '{"a": 2}' },
    ]);
    expect(ofKind(decoded, "tool-call-delta").map(({ tool }) => tool)).toEqual([0, 0, 0, 1, 1]);
  });

  it("of vLLM tell the stop sequence, also with CRLF", () => {
    const [end] = ofKind(decodeFixture("vllm-stop-sequence"), "choice-end");
    expect(end?.stopSequence).toBe("\n\n");
  });

  it("of SGLang may be aborted after content, which ends the answer", () => {
    const decoded = decodeFixture("sglang-abort");
    expect(reasonsOf(decoded)).toEqual([["aborted", "abort"]]);
    expect(ofKind(decoded, "usage").at(-1)?.usage).toMatchObject({
      visibleOutput: 3,
      reasoningOutput: 1,
    });
    expect(decoded.outcome.kind).toBe("success");
  });

  it("of SGLang have flat errors", () => {
    expect(decodeFixture("sglang-flat-error").outcome).toMatchObject({
      kind: "context-length",
      message: expect.stringContaining("8192"),
    });
  });

  it.each([
    ["error-before-content", "server-error"],
    ["error-after-content", "overloaded"],
    ["cut", "malformed-response"],
    ["empty", "malformed-response"],
    ["missing-done", "success"],
  ])("%s ends as %s", (name, kind) => {
    expect(decodeFixture(name).outcome.kind).toBe(kind);
  });
});

describe("createStreamDecoder()", () => {
  it("is complete at [DONE] only if every choice that began is over", () => {
    const text = `data: ${JSON.stringify(delta({ content: "x" }))}\n\ndata: [DONE]\n\n`;
    expect(decodeStream("openai", [Buffer.from(text)]).outcome.kind).toBe("malformed-response");
  });

  it("calls an end without a finish reason a network failure", () => {
    expect(decodeChunks(delta({ content: "x" })).outcome.kind).toBe("network");
  });

  it("calls an end without any event a network failure", () => {
    expect(decodeStream("openai", []).outcome.kind).toBe("network");
  });

  it.each([
    ["broken JSON", "data: {\n\n"],
    ["a list", "data: []\n\n"],
    ["a number", "data: 3\n\n"],
    ["null", "data: null\n\n"],
    ["a choice index out of range", 'data: {"choices":[{"index":4000000000,"delta":{}}]}\n\n'],
    ["a negative choice index", 'data: {"choices":[{"index":-1,"delta":{}}]}\n\n'],
  ])("does not accept %s", (_, text) => {
    expect(decodeStream("openai", [Buffer.from(text)]).outcome.kind).toBe("malformed-response");
  });

  it("ignores choices that are null, no list or hold null", () => {
    const decoded = decodeChunks(
      { choices: null },
      { choices: "none" },
      { choices: [null] },
      delta({ content: "x" }),
      finished,
    );
    expect(textOf(decoded)).toBe("x");
    expect(decoded.outcome.kind).toBe("success");
  });

  it("ignores events with blank data", () => {
    expect(decodeStream("openai", [Buffer.from("data: \n\ndata:  \n\n")]).outcome.kind).toBe(
      "network",
    );
  });

  it("ignores a repeated role and a repeated finish reason", () => {
    const role = delta({ role: "assistant", content: "" });
    const decoded = decodeChunks(role, role, delta({ content: "x" }), finished, finished);
    expect(reasonsOf(decoded)).toEqual([["stop", "stop"]]);
  });

  it("takes an error at the choice", () => {
    const decoded = decodeChunks(delta({}, { error: { code: 429, message: "later" } }));
    expect(decoded.outcome.kind).toBe("rate-limited");
  });

  it("takes an error in x_groq", () => {
    const decoded = decodeChunks({ choices: [], x_groq: { error: { type: "overloaded_error" } } });
    expect(decoded.outcome.kind).toBe("overloaded");
  });

  it("takes an error named by its event", () => {
    const text = 'event: error\ndata: {"message":"no","code":"rate_limit_exceeded"}\n\n';
    expect(decodeStream("openai", [Buffer.from(text)]).outcome.kind).toBe("rate-limited");
  });

  it("calls the finish reason error a server error", () => {
    expect(decodeChunks(delta({ content: "x" }, { finish_reason: "error" })).outcome.kind).toBe(
      "server-error",
    );
  });

  it("calls a stop with tool calls tool calls", () => {
    const call = { index: 0, id: "a", function: { name: "f", arguments: "{}" } };
    expect(reasonsOf(decodeChunks(delta({ tool_calls: [call] }), finished))).toEqual([
      ["tool-calls", "stop"],
    ]);
  });

  it("takes the function call of old servers", () => {
    const decoded = decodeChunks(
      { id: "old", ...delta({ function_call: { name: "f", arguments: "{" } }) },
      delta({ function_call: { arguments: "}" } }),
      delta({}, { finish_reason: "function_call" }),
    );
    expect(toolCalls(decoded)).toMatchObject([
      { id: "call_old_0_0", name: "f", argumentsJson: "{}" },
    ]);
  });

  it("takes content in parts, thinking apart", () => {
    const content = [
      { type: "thinking", thinking: [{ type: "text", text: "hm" }] },
      { type: "text", text: "yes" },
      "stray",
    ];
    const decoded = decodeChunks(delta({ content }), finished);
    expect(ofKind(decoded, "reasoning-delta").map(({ text }) => text)).toEqual(["hm"]);
    expect(textOf(decoded)).toBe("yes");
  });

  it("takes log probabilities, also of tokens without text", () => {
    const logprobs = {
      content: [{ token: "\\xe2", logprob: -0.5, bytes: [226], top_logprobs: [] }],
    };
    const decoded = decodeChunks(delta({ content: "" }, { logprobs }), finished);
    expect(ofKind(decoded, "text-delta")).toEqual([
      {
        kind: "text-delta",
        choice: 0,
        text: "",
        logprobs: [{ token: "\\xe2", logprob: -0.5, utf8: Uint8Array.of(226), alternatives: [] }],
      },
    ]);
  });

  it("takes usage at the choice", () => {
    const usage = { prompt_tokens: 3, completion_tokens: 1 };
    const decoded = decodeChunks(delta({ content: "x" }, { usage }), finished);
    expect(ofKind(decoded, "usage")).toHaveLength(1);
  });

  it("accepts an empty answer when the caller set stop sequences", () => {
    const decoded = decodeStream("openai", [readFixture("openai/empty.sse")], { mayBeEmpty: true });
    expect(decoded.outcome.kind).toBe("success");
  });

  it.each(["length", "content_filter", "tool_calls"])(
    "accepts an empty answer that ends in %s",
    (reason) => {
      expect(decodeChunks(delta({}, { finish_reason: reason })).outcome.kind).toBe("success");
    },
  );

  it("does not name a model that holds the key", () => {
    const text = `data: ${JSON.stringify({ model: "x-canary-key-1", ...finished })}\n\n`;
    const decoded = decodeStream("openai", [Buffer.from(text)], {
      redaction: createRedaction(["canary-key-1"]),
    });
    expect(ofKind(decoded, "response-start")).toEqual([]);
  });
});
