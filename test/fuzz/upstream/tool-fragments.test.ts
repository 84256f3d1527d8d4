import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAnswer } from "../../../src/domain/answer.ts";
import { decodeStream } from "../../fixtures/upstream/decode.ts";

const call = fc.record({
  name: fc.constantFrom("f", "g"),
  input: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 4 }),
});

function piecesOf(text: string, size: number): readonly string[] {
  const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
    text.slice(i * size, (i + 1) * size),
  );
  return ["", ...pieces];
}

function streamOf(events: readonly object[], size: number): readonly Buffer[] {
  const bytes = Buffer.from(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(""));
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
}

function callsOf(dialect: "openai" | "anthropic", chunks: readonly Buffer[]) {
  const answer = createAnswer();
  const { events, outcome } = decodeStream(dialect, chunks);
  for (const event of events) {
    answer.take(event);
  }
  const calls = answer
    .choices()[0]
    ?.parts.flatMap((part) =>
      part.kind === "tool-call" ? [{ name: part.name, text: part.argumentsJson }] : [],
    );
  return { calls, outcome: outcome.kind };
}

const shape = fc.record({
  calls: fc.array(call, { minLength: 1, maxLength: 4 }),
  fragment: fc.integer({ min: 1, max: 20 }),
  chunk: fc.integer({ min: 1, max: 200 }),
  /** vLLM sends every call at index 0. */
  atZero: fc.boolean(),
  repeatsId: fc.boolean(),
});

describe("tool calls", () => {
  it("of OpenAI come together again from any fragments in any chunks", () => {
    fc.assert(
      fc.property(shape, ({ calls, fragment, chunk, atZero, repeatsId }) => {
        const texts = calls.map(({ input }) => JSON.stringify(input));
        const fragments = calls.flatMap(({ name }, tool) =>
          piecesOf(texts[tool] ?? "", fragment).map((piece, position) => ({
            index: atZero ? 0 : tool,
            ...((position === 0 || repeatsId) && { id: `call_${tool}` }),
            function: { ...(position === 0 && { name }), arguments: piece },
          })),
        );
        const events = fragments.map((part) => ({
          choices: [{ index: 0, delta: { tool_calls: [part] } }],
        }));
        const end = { choices: [{ index: 0, delta: {}, finish_reason: "tool_calls" }] };
        expect(callsOf("openai", streamOf([...events, end], chunk))).toEqual({
          calls: calls.map(({ name }, tool) => ({ name, text: texts[tool] })),
          outcome: "success",
        });
      }),
      { seed: 31, numRuns: 100 },
    );
  });

  it("of Anthropic come together again from any fragments in any chunks", () => {
    fc.assert(
      fc.property(shape, ({ calls, fragment, chunk }) => {
        const texts = calls.map(({ input }) => JSON.stringify(input));
        const events = calls.flatMap(({ name }, index) => [
          {
            type: "content_block_start",
            index,
            content_block: { type: "tool_use", id: `t${index}`, name, input: {} },
          },
          ...piecesOf(texts[index] ?? "", fragment).map((piece) => ({
            type: "content_block_delta",
            index,
            delta: { type: "input_json_delta", partial_json: piece },
          })),
          { type: "content_block_stop", index },
        ]);
        const end = [
          { type: "message_delta", delta: { stop_reason: "tool_use" } },
          { type: "message_stop" },
        ];
        expect(callsOf("anthropic", streamOf([...events, ...end], chunk))).toEqual({
          calls: calls.map(({ name }, index) => ({ name, text: texts[index] })),
          outcome: "success",
        });
      }),
      { seed: 32, numRuns: 100 },
    );
  });
});
