import {
  create,
  type DescField,
  type DescMessage,
  fromBinary,
  type Message,
  type MessageInitShape,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { StringValueSchema, StructSchema, UInt64ValueSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CatalogService } from "../../../gen/atlas/v1/catalog_service_pb.ts";
import { StreamCompleteResponseSchema } from "../../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { createMessageEncoder } from "../../../src/rpc/message-encoder.ts";

const int64Edges = [0n, 127n, 128n, -1n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)];

function scalars(scalar: ScalarType): fc.Arbitrary<unknown> {
  switch (scalar) {
    case ScalarType.STRING:
      return fc.oneof(
        fc.string({ maxLength: 60 }),
        fc.string({ unit: "binary", maxLength: 60 }),
        fc.string({ minLength: 120, maxLength: 300 }),
      );
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 200 });
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.INT64:
      return fc.oneof(fc.constantFrom(...int64Edges), fc.bigInt({ min: 0n, max: 2n ** 40n }));
    case ScalarType.DOUBLE:
      return fc.double();
    default:
      return fc.oneof(fc.integer(), fc.nat({ max: 300 }));
  }
}

/** Values for one field; messages inside messages get rarer with the depth. */
function values(field: DescField, depth: number): fc.Arbitrary<unknown> {
  if (field.message !== undefined) {
    return messages(field.message, depth + 1);
  }
  return field.enum === undefined
    ? scalars(field.scalar ?? ScalarType.INT32)
    : fc.constantFrom(...field.enum.values.map(({ number }) => number));
}

function members(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const value = values(field, depth);
  switch (field.fieldKind) {
    case "list":
      return fc.array(value, { maxLength: 3 });
    case "map":
      return fc.dictionary(fc.string({ maxLength: 9 }), value, { maxKeys: 3 });
    default:
      return value;
  }
}

const DEEPEST = 4;

/** Any message of the type, every field of it set or not. */
function messages(schema: DescMessage, depth = 0): fc.Arbitrary<Message> {
  const isLeaf = depth >= DEEPEST;
  const single = schema.fields
    .filter(({ oneof, message }) => oneof === undefined && !(isLeaf && message !== undefined))
    .map((field) => [field.localName, members(field, depth)] as const);
  const groups = schema.oneofs.map((oneof) => {
    const cases = oneof.fields
      .filter(({ message }) => !(isLeaf && message !== undefined))
      .map((field) => values(field, depth).map((value) => ({ case: field.localName, value })));
    return [oneof.localName, fc.oneof(fc.constant({ case: undefined }), ...cases)] as const;
  });
  return fc
    .record(Object.fromEntries([...single, ...groups]), { requiredKeys: [] })
    .map((init) => create(schema, init as MessageInitShape<DescMessage>));
}

const answers = [RouterService, CatalogService].flatMap(({ methods }) =>
  methods.map(({ output }) => ({ name: output.typeName, schema: output })),
);

describe("createMessageEncoder()", () => {
  it.each(answers)("gives the bytes of the library for every $name", ({ schema }) => {
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

  it("refuses a type of field that no answer has", () => {
    expect(() => createMessageEncoder(UInt64ValueSchema)).toThrow("UINT64");
  });
});
