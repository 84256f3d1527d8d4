import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type Message,
  toBinary,
} from "@bufbuild/protobuf";
import {
  FieldDescriptorProto_Type,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HealthReportSchema } from "../../../gen/atlas/events/v1/health_report_pb.ts";
import {
  ModelScoresSchema,
  PublishedVersionSchema,
} from "../../../gen/atlas/events/v1/score_table_pb.ts";
import { CatalogService } from "../../../gen/atlas/v1/catalog_service_pb.ts";
import { CompleteRequestSchema } from "../../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { ScoringService } from "../../../gen/atlas/v1/scoring_service_pb.ts";
import { createMessageDecoder, type MessageDecoder } from "../../../src/wire/message-decoder.ts";
import { messages } from "../../support/any-message.ts";

const requests = [RouterService, CatalogService, ScoringService].flatMap(({ methods }) =>
  methods.map(({ input }) => input),
);
const received = [...requests, HealthReportSchema, ModelScoresSchema, PublishedVersionSchema].map(
  (schema) => ({ name: schema.typeName, schema }),
);

/** Without the type of its own messages, as any other. */
const anyRequest: DescMessage = CompleteRequestSchema;

/** The bytes of what was read, unknown fields included, or that nothing could be read. */
function outcomeOf(schema: DescMessage, decode: () => Message): string {
  try {
    return Buffer.from(toBinary(schema, decode())).toString("hex");
  } catch {
    return "refused";
  }
}

const decoders = new Map<DescMessage, MessageDecoder>();

function decoderOf(schema: DescMessage): MessageDecoder {
  const decoder = decoders.get(schema) ?? createMessageDecoder(schema);
  decoders.set(schema, decoder);
  return decoder;
}

function expectSame(schema: DescMessage, bytes: Buffer): void {
  const decode = decoderOf(schema);
  const expected = outcomeOf(schema, () => fromBinary(schema, bytes));
  expect(outcomeOf(schema, () => decode(bytes))).toBe(expected);
}

describe("createMessageDecoder()", () => {
  it.each(received)("reads every $name as the library does", ({ schema }) => {
    fc.assert(
      fc.property(messages(schema), (message) => {
        expectSame(schema, Buffer.from(toBinary(schema, message)));
      }),
      { seed: 7, numRuns: 150 },
    );
  });

  it("takes and refuses broken bytes as the library does", () => {
    const mutation = fc.record({ at: fc.nat(), byte: fc.nat({ max: 255 }), cut: fc.nat() });
    fc.assert(
      fc.property(messages(anyRequest), mutation, (message, { at, byte, cut }) => {
        const bytes = Buffer.from(toBinary(anyRequest, message));
        bytes[at % Math.max(bytes.length, 1)] = byte;
        expectSame(CompleteRequestSchema, bytes);
        expectSame(CompleteRequestSchema, bytes.subarray(0, cut % (bytes.length + 1)));
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it("merges messages that follow each other as the library does", () => {
    const one = messages(anyRequest).map((message) => toBinary(anyRequest, message));
    fc.assert(
      fc.property(one, one, (first, second) => {
        expectSame(CompleteRequestSchema, Buffer.concat([first, second]));
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("refuses nesting without end as the library does", () => {
    const field = Buffer.from("0a", "hex");
    const levels = Array.from({ length: 20_000 }, () => field);
    expectSame(CompleteRequestSchema, Buffer.concat(levels));
  });

  it("gives all messages of a type one shape", () => {
    const decode = createMessageDecoder(anyRequest);
    const shapes = [{}, { requestId: "x" }, { spec: { model: "m" }, routing: {} }].map((init) =>
      Object.keys(decode(Buffer.from(toBinary(anyRequest, create(anyRequest, init))))),
    );
    expect(new Set(shapes.map(String)).size).toBe(1);
  });

  it("keeps text that holds the replacement character", () => {
    const message = create(CompleteRequestSchema, { spec: { model: "a\ufffdb" } });
    expectSame(CompleteRequestSchema, Buffer.from(toBinary(anyRequest, message)));
  });

  it("refuses a type of field that no message has", () => {
    const field = { name: "zigzag", number: 1, type: FieldDescriptorProto_Type.SINT32 };
    const file = create(FileDescriptorProtoSchema, {
      name: "zigzag.proto",
      syntax: "proto3",
      messageType: [{ name: "Zigzag", field: [field] }],
    });
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [file] }));
    const schema = registry.getMessage("Zigzag") as DescMessage;
    expect(() => createMessageDecoder(schema)).toThrow("SINT32");
  });
});
