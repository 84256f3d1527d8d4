import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FloatValueSchema, StringValueSchema, StructSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HealthReportSchema } from "../../../gen/atlas/events/v1/health_report_pb.ts";
import {
  ModelScoresSchema,
  PublishedVersionSchema,
} from "../../../gen/atlas/events/v1/score_table_pb.ts";
import { CatalogService } from "../../../gen/atlas/v1/catalog_service_pb.ts";
import { StreamCompleteResponseSchema } from "../../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { ScoringService } from "../../../gen/atlas/v1/scoring_service_pb.ts";
import { createMessageEncoder } from "../../../src/wire/message-encoder.ts";
import { messages } from "../../support/any-message.ts";

const answers = [RouterService, CatalogService, ScoringService].flatMap(({ methods }) =>
  methods.map(({ output }) => output),
);
const sent = [...answers, HealthReportSchema, ModelScoresSchema, PublishedVersionSchema].map(
  (schema) => ({ name: schema.typeName, schema }),
);

describe("createMessageEncoder()", () => {
  it.each(sent)("gives the bytes of the library for every $name", ({ schema }) => {
    const encode = createMessageEncoder(schema);
    fc.assert(
      fc.property(messages(schema), (message) => {
        expect(encode(message).equals(toBinary(schema, message))).toBe(true);
      }),
      { seed: 7, numRuns: 150 },
    );
  });

  const delta = (value: string) =>
    create(StreamCompleteResponseSchema, {
      event: { case: "content", value: { delta: { case: "text", value } } },
    });

  it("writes messages larger than its buffer, and small ones after them", () => {
    const encode = createMessageEncoder(StreamCompleteResponseSchema);
    const texts = ["ü".repeat(1_000_000), "short", "x".repeat(40_000), ""];
    for (const message of texts.map(delta)) {
      const expected = toBinary(StreamCompleteResponseSchema, message);
      expect(encode(message).equals(expected)).toBe(true);
    }
  });

  it("leaves the room in front that it was asked for", () => {
    const message = delta("text");
    const bytes = createMessageEncoder(StreamCompleteResponseSchema, { room: 5 })(message);
    const expected = Buffer.from(toBinary(StreamCompleteResponseSchema, message));
    expect(bytes.subarray(5)).toEqual(expected);
  });

  it("hands out bytes that a later message does not change", () => {
    const encode = createMessageEncoder(StreamCompleteResponseSchema);
    const first = encode(delta("first"));
    encode(delta("other"));
    expect(fromBinary(StreamCompleteResponseSchema, first)).toEqual(delta("first"));
  });

  it("writes a lone surrogate as the replacement character", () => {
    const encode = createMessageEncoder(StringValueSchema);
    const bytes = encode(create(StringValueSchema, { value: "a\ud800b" }));
    expect(fromBinary(StringValueSchema, bytes).value).toBe("a\ufffdb");
  });

  it("writes types that hold themselves", () => {
    const encode = createMessageEncoder(StructSchema);
    const value = { kind: { case: "numberValue" as const, value: 1.5 } };
    const list = { kind: { case: "listValue" as const, value: { values: [value, value] } } };
    const message = create(StructSchema, { fields: { one: value, many: list } });
    expect(encode(message).equals(toBinary(StructSchema, message))).toBe(true);
  });

  it("refuses a type of field that no message has", () => {
    expect(() => createMessageEncoder(FloatValueSchema)).toThrow("FLOAT");
  });
});
