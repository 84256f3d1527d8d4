import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StreamCompleteResponse } from "../../../gen/atlas/v1/completion_pb.ts";
import { createAnswer } from "../../../src/domain/answer.ts";
import type { ContentPart } from "../../../src/domain/completion.ts";
import type { StreamEvent } from "../../../src/domain/stream-event.ts";
import { createStreamSession } from "../../../src/rpc/stream-session.ts";
import { createManualClock } from "../../support/manual-clock.ts";

type Part = { kind: string; text: string; id?: string; name?: string; signature?: string };

type Folded = { readonly parts: Part[]; readonly tools: Part[] };
type WireEvent<Case> = Extract<StreamCompleteResponse["event"], { case: Case }>;

/** What a client makes of a stream by the words of the API alone. */
function foldMessages(messages: readonly StreamCompleteResponse[]): Part[][] {
  const choices: Folded[] = [];
  for (const { event } of messages) {
    if (event.case === "content") {
      foldContent(choices, event.value);
    }
    if (event.case === "toolCall") {
      foldToolCall(choices, event.value);
    }
  }
  // Tool calls stand where the numbering of parts leaves room for them.
  return choices.map(({ parts, tools }) => {
    const merged = [...parts];
    const waiting = [...tools];
    for (let index = 0; index < merged.length; index += 1) {
      merged[index] ??= waiting.shift() as Part;
    }
    return [...merged, ...waiting];
  });
}

function choiceAt(choices: Folded[], index: number): Folded {
  const found = choices[index] ?? { parts: [], tools: [] };
  choices[index] = found;
  return found;
}

function foldContent(choices: Folded[], content: WireEvent<"content">["value"]): void {
  const { choiceIndex, partIndex, delta } = content;
  const { parts } = choiceAt(choices, choiceIndex);
  const sealed = delta.case === "reasoningSignature" || delta.case === "redactedReasoning";
  const kind = sealed ? "reasoning" : (delta.case ?? "text");
  const part = parts[partIndex] ?? { kind, text: "" };
  parts[partIndex] = part;
  expect(part.kind).toBe(kind);
  if (sealed) {
    part.signature = Buffer.from(delta.value).toString("hex");
  } else {
    part.text += delta.value ?? "";
  }
}

function foldToolCall(choices: Folded[], delta: WireEvent<"toolCall">["value"]): void {
  const { tools } = choiceAt(choices, delta.choiceIndex);
  const { id, name, toolIndex } = delta;
  const tool = tools[toolIndex] ?? { kind: "tool-call", text: "", id, name };
  tools[toolIndex] = tool;
  tool.text += delta.argumentsJsonFragment;
}

function partOf(part: ContentPart): Part {
  switch (part.kind) {
    case "tool-call":
      return { kind: part.kind, text: part.argumentsJson, id: part.id, name: part.name };
    case "reasoning":
      return part.signature.length === 0
        ? { kind: part.kind, text: part.text }
        : {
            kind: part.kind,
            text: part.text,
            signature: Buffer.from(part.signature).toString("hex"),
          };
    case "text":
    case "refusal":
      return { kind: part.kind, text: part.text };
    default:
      throw new Error(`an answer has no ${part.kind}`);
  }
}

const choice = fc.nat({ max: 1 });
const text = fc.constantFrom("a", "bc", "é", "\u{1f600}");
const bytes = fc.uint8Array({ minLength: 1, maxLength: 3 });
const eventArbitrary: fc.Arbitrary<StreamEvent> = fc.oneof(
  fc.record({ kind: fc.constant("text-delta" as const), choice, text }),
  fc.record({ kind: fc.constant("reasoning-delta" as const), choice, text }),
  fc.record({ kind: fc.constant("refusal-delta" as const), choice, text }),
  fc.record({ kind: fc.constant("reasoning-signature" as const), choice, signature: bytes }),
  fc.record({ kind: fc.constant("redacted-reasoning" as const), choice, data: bytes }),
  fc.record({
    kind: fc.constant("tool-call-delta" as const),
    choice,
    tool: fc.nat({ max: 2 }),
    id: fc.constant("id"),
    name: fc.constant("name"),
    argumentsFragment: fc.constantFrom("", "{", "}"),
  }),
);

/** Tools begin in order, as adapters tell them, and are named once. */
function tidy(events: readonly StreamEvent[]): StreamEvent[] {
  const begun = [0, 0];
  return events.map((event) => {
    if (event.kind !== "tool-call-delta") {
      return event;
    }
    const count = begun[event.choice] ?? 0;
    const tool = Math.min(event.tool, count);
    const isFirst = tool === count;
    begun[event.choice] = isFirst ? count + 1 : count;
    return isFirst ? { ...event, tool } : { ...event, tool, id: "", name: "" };
  });
}

function sessionWith(coalesceMs: number | undefined) {
  const messages: StreamCompleteResponse[] = [];
  const clock = createManualClock();
  const session = createStreamSession({
    id: "id",
    receivedAtMs: 0,
    coalesceMs,
    continuousUsage: false,
    includeReasoning: true,
    schedule: clock.schedule,
    write: (message) => messages.push(message),
  });
  return { messages, clock, session };
}

describe("createStreamSession()", () => {
  it.each([undefined, 0, 20])(
    "gives, joined by %s ms, the answer that the events give",
    async (coalesceMs) => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.tuple(eventArbitrary, fc.nat({ max: 30 })), { maxLength: 40 }),
          async (steps) => {
            const { messages, clock, session } = sessionWith(coalesceMs);
            const answer = createAnswer();
            const events = tidy(steps.map(([event]) => event));
            for (const [index, event] of events.entries()) {
              session.take(event);
              answer.take(event);
              await clock.advance(steps[index]?.[1] ?? 0);
            }
            session.end(undefined);
            const expected = answer.choices().map(({ parts }) => parts.map(partOf));
            expect(foldMessages(messages).filter((parts) => parts !== undefined)).toEqual(expected);
            expect(messages.map(({ sequence }) => Number(sequence))).toEqual(
              messages.map((_, at) => at),
            );
            expect(clock.pending()).toBe(0);
          },
        ),
        { seed: 11, numRuns: 150 },
      );
    },
  );

  it("never cuts a character, however the provider cuts it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
        fc.array(fc.nat({ max: 40 }), { maxLength: 8 }),
        async (whole, cuts) => {
          const { messages, clock, session } = sessionWith(0);
          const places = [...new Set(cuts.map((cut) => Math.min(cut, whole.length)))].sort(
            (a, b) => a - b,
          );
          for (const [index, place] of [...places, whole.length].entries()) {
            session.take({
              kind: "text-delta",
              choice: 0,
              text: whole.slice(places[index - 1] ?? 0, place),
            });
          }
          await clock.advance(0);
          session.end(undefined);
          expect(foldMessages(messages)[0]?.[0]?.text ?? "").toBe(whole);
        },
      ),
      { seed: 13, numRuns: 500 },
    );
  });

  it("sends what a window holds once it is large", () => {
    const { messages, session } = sessionWith(1_000);
    session.take({ kind: "text-delta", choice: 0, text: "a" });
    session.take({ kind: "text-delta", choice: 0, text: "b".repeat(511) });
    expect(messages).toHaveLength(1);
    session.take({ kind: "text-delta", choice: 0, text: "c" });
    expect(messages).toHaveLength(2);
    session.end(undefined);
  });

  it("keeps log probabilities of tokens without text", () => {
    const { messages, session } = sessionWith(0);
    const logprobs = [{ token: "", logprob: -1, utf8: undefined, alternatives: [] }];
    session.take({ kind: "text-delta", choice: 0, text: "", logprobs });
    session.end(undefined);
    expect(messages[0]?.event.value).toMatchObject({ logprobs: [{ logprob: -1 }] });
  });

  it("drops what comes after the end", () => {
    const { messages, clock, session } = sessionWith(20);
    session.end(undefined);
    session.take({ kind: "text-delta", choice: 0, text: "late" });
    expect(messages).toHaveLength(0);
    expect(clock.pending()).toBe(0);
  });
});
