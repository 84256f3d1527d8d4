import { create, type DescMessage, type Message, toBinary, toJsonString } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CompleteResponseSchema,
  StreamCompleteResponseSchema,
} from "../../../gen/atlas/v1/completion_pb.ts";
import { ListCallsResponseSchema } from "../../../gen/atlas/v1/insight_service_pb.ts";
import { assertSendable, type SizeLimit } from "../../../src/rpc/answer-size.ts";
import { WireError } from "../../../src/rpc/status.ts";
import { messages } from "../../support/any-message.ts";

const schemas: readonly DescMessage[] = [
  CompleteResponseSchema,
  StreamCompleteResponseSchema,
  ListCallsResponseSchema,
];

function refusal(desc: DescMessage, message: Message, limit: SizeLimit): unknown {
  try {
    assertSendable(desc, message, limit);
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("assertSendable()", () => {
  test.each(schemas)("refuses exactly what is larger than the limit, of $typeName", (desc) => {
    fc.assert(
      fc.property(messages(desc), fc.integer({ min: -2, max: 2 }), (message, away) => {
        const size = toBinary(desc, message).length;
        const error = refusal(desc, message, { maxBytes: size + away, json: false });
        expect(error instanceof WireError).toBe(away < 0);
      }),
      { seed: 3, numRuns: 200 },
    );
  });

  test("measures what is answered in JSON as it is written there", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.integer({ min: -2, max: 2 }), (id, away) => {
        const message = create(CompleteResponseSchema, { id: id.toWellFormed() });
        const size = Buffer.byteLength(toJsonString(CompleteResponseSchema, message));
        const limit = { maxBytes: size + away, json: true };
        const error = refusal(CompleteResponseSchema, message, limit);
        expect(error instanceof WireError).toBe(away < 0);
      }),
      { seed: 4, numRuns: 200 },
    );
  });

  test("says how large it is, and how large it may be", () => {
    const message = create(CompleteResponseSchema, { id: "x".repeat(100) });
    expect(() =>
      assertSendable(CompleteResponseSchema, message, { maxBytes: 99, json: false }),
    ).toThrow(
      expect.objectContaining({
        code: "message-too-large",
        metadata: { bytes: "102", maxBytes: "99" },
      }),
    );
  });
});
