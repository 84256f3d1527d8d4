import {
  create,
  type DescField,
  type DescMessage,
  type Message,
  type MessageInitShape,
  ScalarType,
} from "@bufbuild/protobuf";
import fc from "fast-check";

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
    case ScalarType.UINT32:
      return fc.oneof(fc.constantFrom(0, 127, 128, 2 ** 32 - 1), fc.nat());
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return fc.oneof(fc.constantFrom(0n, 2n ** 53n, 2n ** 64n - 1n), fc.nat().map(BigInt));
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

function keys(scalar: ScalarType): fc.Arbitrary<string> {
  return scalar === ScalarType.STRING ? fc.string({ maxLength: 9 }) : fc.nat().map(String);
}

function members(field: DescField, depth: number): fc.Arbitrary<unknown> {
  const value = values(field, depth);
  switch (field.fieldKind) {
    case "list":
      return fc.array(value, { maxLength: 3 });
    case "map":
      return fc.dictionary(keys(field.mapKey), value, { maxKeys: 3 });
    default:
      return value;
  }
}

const DEEPEST = 4;

/** Any message of the type, every field of it set or not. */
export function messages(schema: DescMessage, depth = 0): fc.Arbitrary<Message> {
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
