import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { StreamCompleteResponseSchema } from "../../../gen/atlas/v1/completion_pb.ts";
import { encodeTextDelta } from "../../../src/rpc/encode-text-delta.ts";

const message = (init: MessageInitShape<typeof StreamCompleteResponseSchema>) =>
  create(StreamCompleteResponseSchema, init);

describe("encodeTextDelta()", () => {
  it("gives the bytes of the general encoder for every delta of text", () => {
    const index = fc.oneof(fc.nat({ max: 300 }), fc.nat());
    const text = fc.oneof(
      fc.string({ unit: "grapheme", maxLength: 40 }),
      fc.string({ minLength: 120, maxLength: 300 }),
    );
    fc.assert(
      fc.property(fc.nat(), index, index, text, (sequence, choiceIndex, partIndex, value) => {
        const delta = message({
          sequence: BigInt(sequence),
          event: {
            case: "content",
            value: { choiceIndex, partIndex, delta: { case: "text", value } },
          },
        });
        const general = toBinary(StreamCompleteResponseSchema, delta);
        expect(Buffer.from(general).equals(encodeTextDelta(delta) ?? Buffer.alloc(0))).toBe(true);
      }),
      { seed: 7, numRuns: 2_000 },
    );
  });

  it("writes long texts", () => {
    const value = "ü".repeat(100_000);
    const delta = message({
      sequence: 2_147_483_647n,
      event: { case: "content", value: { delta: { case: "text", value } } },
    });
    const general = Buffer.from(toBinary(StreamCompleteResponseSchema, delta));
    expect(encodeTextDelta(delta)?.equals(general)).toBe(true);
  });

  const others: readonly {
    readonly name: string;
    readonly init: MessageInitShape<typeof StreamCompleteResponseSchema>;
  }[] = [
    { name: "another event", init: { event: { case: "finished", value: {} } } },
    {
      name: "a delta of reasoning",
      init: { event: { case: "content", value: { delta: { case: "reasoning", value: "x" } } } },
    },
    {
      name: "log probabilities",
      init: {
        event: {
          case: "content",
          value: { delta: { case: "text", value: "x" }, logprobs: [{ token: "x" }] },
        },
      },
    },
    {
      name: "a negative index",
      init: {
        event: { case: "content", value: { choiceIndex: -1, delta: { case: "text", value: "x" } } },
      },
    },
    {
      name: "a sequence beyond 32 bits",
      init: {
        sequence: 2_147_483_648n,
        event: { case: "content", value: { delta: { case: "text", value: "x" } } },
      },
    },
  ];

  it.each(others)("leaves $name to the general encoder", ({ init }) => {
    expect(encodeTextDelta(message(init))).toBeUndefined();
  });
});
