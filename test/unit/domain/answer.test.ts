import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createAnswer } from "../../../src/domain/answer.ts";
import type { StreamEvent } from "../../../src/domain/stream-event.ts";

const fold = (...events: readonly StreamEvent[]) => {
  const answer = createAnswer();
  for (const event of events) {
    answer.take(event);
  }
  return answer.choices();
};
const text = (value: string, choice = 0): StreamEvent => ({
  kind: "text-delta",
  choice,
  text: value,
});
const bytes = (...values: number[]) => new Uint8Array(values);

describe("createAnswer()", () => {
  test("joins deltas of one kind and keeps the order in which parts began", () => {
    const [choice] = fold(
      { kind: "reasoning-delta", choice: 0, text: "be" },
      { kind: "reasoning-delta", choice: 0, text: "cause" },
      { kind: "reasoning-signature", choice: 0, signature: bytes(1) },
      { kind: "reasoning-delta", choice: 0, text: "and" },
      { kind: "redacted-reasoning", choice: 0, data: bytes(2) },
      text("a"),
      text("b"),
      { kind: "refusal-delta", choice: 0, text: "no" },
    );
    expect(choice?.parts).toMatchObject([
      { kind: "reasoning", text: "because", signature: bytes(1), redacted: false },
      { kind: "reasoning", text: "and", redacted: false },
      { kind: "reasoning", text: "", signature: bytes(2), redacted: true },
      { kind: "text", text: "ab" },
      { kind: "refusal", text: "no" },
    ]);
  });

  test("keeps interleaved tool calls apart", () => {
    const tool = (index: number, name: string, argumentsFragment: string): StreamEvent => ({
      kind: "tool-call-delta",
      choice: 0,
      tool: index,
      id: name,
      name,
      argumentsFragment,
    });
    const [choice] = fold(tool(0, "f", "{"), tool(1, "g", "["), tool(0, "", "}"), tool(1, "", "]"));
    expect(choice?.parts).toMatchObject([
      { kind: "tool-call", id: "f", name: "f", argumentsJson: "{}" },
      { kind: "tool-call", id: "g", name: "g", argumentsJson: "[]" },
    ]);
  });

  test("reports how each choice ended, and leaves out choices that never began", () => {
    const choices = fold(
      text("x", 2),
      { kind: "response-start", httpStatus: 200, upstreamRequestId: "", upstreamModel: "" },
      { kind: "choice-end", choice: 0, reason: "length", rawReason: "max", stopSequence: "" },
    );
    expect(choices).toMatchObject([
      { index: 0, finishReason: "length", rawFinishReason: "max" },
      { index: 2, finishReason: undefined },
    ]);
  });

  test("collects the probabilities of tokens", () => {
    const logprobs = [{ token: "a", logprob: -1, utf8: undefined, alternatives: [] }];
    expect(fold({ kind: "text-delta", choice: 0, text: "a", logprobs })[0]?.logprobs).toEqual(
      logprobs,
    );
  });

  test("has the same text however it was cut into deltas", () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (pieces) => {
        const whole = pieces.join("");
        const parts = fold(text(""), ...pieces.map((piece) => text(piece)))[0]?.parts;
        expect(parts).toEqual(
          whole === "" ? [] : [{ kind: "text", text: whole, cacheBreakpoint: false }],
        );
      }),
      { seed: 9 },
    );
  });
});
