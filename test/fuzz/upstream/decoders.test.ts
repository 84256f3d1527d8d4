import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { failureKinds } from "../../../src/domain/outcome.ts";
import { classifyErrorInBody, classifyResponse } from "../../../src/upstream/classify-response.ts";
import { type DialectName, decodeStream, decodeWhole } from "../../fixtures/upstream/decode.ts";
import { readFixture } from "../../fixtures/upstream/read-fixture.ts";

const dialects: readonly DialectName[] = ["openai", "anthropic"];
const kinds: readonly string[] = ["success", ...failureKinds];

/** JSON that is made of the words the decoders look for. */
const word = fc.constantFrom(
  "id",
  "type",
  "index",
  "choices",
  "delta",
  "message",
  "content",
  "tool_calls",
  "function",
  "name",
  "arguments",
  "finish_reason",
  "stop_reason",
  "usage",
  "prompt_tokens",
  "completion_tokens",
  "error",
  "code",
  "x_groq",
  "logprobs",
  "content_block",
  "thinking",
  "signature",
  "input",
  "model",
  "object",
  "message_start",
  "content_block_start",
  "content_block_delta",
  "content_block_stop",
  "message_delta",
  "message_stop",
  "text",
  "text_delta",
  "input_json_delta",
  "tool_use",
  "__proto__",
  "constructor",
);
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 6 },
    word,
    fc.integer({ min: -1, max: 3 }),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(word, tie("value"), { maxKeys: 6 }),
  ),
}));

const fixtures = [
  "openai/text.sse",
  "openai/vllm-index-zero-tools.sse",
  "openai/azure-filter.sse",
  "openai/deepseek.sse",
  "anthropic/tools.sse",
  "anthropic/thinking.sse",
] as const;

describe.each(dialects)("the decoders of %s", (dialect) => {
  it("end any bytes in an outcome", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array()), (chunks) => {
        const { outcome } = decodeStream(
          dialect,
          chunks.map((chunk) => Buffer.from(chunk)),
        );
        expect(kinds).toContain(outcome.kind);
      }),
      { seed: 21 },
    );
  });

  it("end any events in an outcome", () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 8 }), (events) => {
        const text = events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join("");
        expect(kinds).toContain(decodeStream(dialect, [Buffer.from(text)]).outcome.kind);
      }),
      { seed: 22, numRuns: 1_000 },
    );
  });

  it("end any whole answer in an outcome", () => {
    fc.assert(
      fc.property(value, (body) => {
        expect(kinds).toContain(decodeWhole(dialect, body).outcome.kind);
      }),
      { seed: 23, numRuns: 1_000 },
    );
  });
});

describe("recorded streams", () => {
  it.each(fixtures)("%s says the same however it is cut", (path) => {
    const dialect = path.startsWith("openai") ? "openai" : "anthropic";
    const bytes = readFixture(path);
    const whole = decodeStream(dialect, [bytes]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), (size) => {
        const count = Math.ceil(bytes.length / size);
        const chunks = Array.from({ length: count }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        expect(decodeStream(dialect, chunks)).toEqual(whole);
      }),
      { seed: 24, numRuns: 30 },
    );
  });

  it.each(fixtures)("%s cut at any byte is a success or a failure of the endpoint", (path) => {
    const dialect = path.startsWith("openai") ? "openai" : "anthropic";
    const bytes = readFixture(path);
    fc.assert(
      fc.property(fc.nat({ max: bytes.length }), (length) => {
        const { outcome } = decodeStream(dialect, [bytes.subarray(0, length)]);
        expect(["success", "network", "malformed-response"]).toContain(outcome.kind);
      }),
      { seed: 25 },
    );
  });
});

describe("classification", () => {
  it("has a kind for any error body", () => {
    fc.assert(
      fc.property(value, (body) => {
        expect(kinds).toContain(classifyErrorInBody(body).kind);
      }),
      { seed: 26, numRuns: 500 },
    );
  });

  it("has a kind for any response", () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 999 }), fc.string(), (status, body) => {
        expect(kinds).toContain(classifyResponse({ status, headers: {}, body }, 0).kind);
      }),
      { seed: 27 },
    );
  });
});
