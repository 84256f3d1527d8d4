/** Attributes as protobuf: the message `KeyValue` of OTLP, of spans, events and resources alike. */
import {
  clear,
  countWritten,
  createReverseBuffer,
  type ReverseBuffer,
  writeBool,
  writeDouble,
  writeEncoded,
  writeInt64,
  writeVarint,
  written,
} from "../wire/reverse-writer.ts";
import {
  closeMessage,
  FIXED_64,
  LENGTH_DELIMITED,
  tagOf,
  VARINT,
  writeText,
} from "./protobuf-fields.ts";

type Scalar = string | number | boolean;

/** Those of resources may be lists with holes. */
export type EncodedAttribute = {
  readonly key: string;
  readonly value: Scalar | readonly (Scalar | null | undefined)[];
};

const KEY = tagOf(1, LENGTH_DELIMITED);
const VALUE = tagOf(2, LENGTH_DELIMITED);

const STRING = tagOf(1, LENGTH_DELIMITED);
const BOOL = tagOf(2, VARINT);
const INT = tagOf(3, VARINT);
const DOUBLE = tagOf(4, FIXED_64);
const ARRAY = tagOf(5, LENGTH_DELIMITED);

const ITEM = tagOf(1, LENGTH_DELIMITED);

/** A key as it stands in front of the length of its value: its own field, and the tag of the value. */
export type AttributeKeys = (key: string) => Uint8Array;

/** There are some ninety. */
const MAX_KEYS = 1_000;

/** Remembers keys, because each is written thousands of times a second, and is as long as most values. */
export function createAttributeKeys(): AttributeKeys {
  const out = createReverseBuffer();
  const known = new Map<string, Uint8Array>();
  return (key) => {
    const remembered = known.get(key);
    if (remembered !== undefined) {
      return remembered;
    }
    clear(out);
    writeVarint(out, VALUE);
    writeText(out, key, KEY);
    const bytes = written(out, 0);
    if (known.size < MAX_KEYS) {
      known.set(key, bytes);
    }
    return bytes;
  };
}

/** Each as a field with that tag. */
export function writeAttributes(
  out: ReverseBuffer,
  attributes: readonly EncodedAttribute[],
  tag: number,
  keys: AttributeKeys,
): void {
  for (let at = attributes.length - 1; at >= 0; at -= 1) {
    const attribute = attributes[at];
    if (attribute !== undefined) {
      const before = countWritten(out);
      writeValue(out, attribute.value);
      writeVarint(out, countWritten(out) - before);
      writeEncoded(out, keys(attribute.key));
      closeMessage(out, before, tag);
    }
  }
}

function writeValue(out: ReverseBuffer, value: EncodedAttribute["value"]): void {
  switch (typeof value) {
    case "string":
      writeText(out, value, STRING);
      break;
    case "number":
      writeNumber(out, value);
      break;
    case "boolean":
      writeBool(out, value);
      writeVarint(out, BOOL);
      break;
    default:
      writeList(out, value);
  }
}

/** Whole numbers are integers as far as 64 bits hold them. */
function writeNumber(out: ReverseBuffer, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0) {
    writeVarint(out, value);
    writeVarint(out, INT);
  } else if (Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63) {
    writeInt64(out, BigInt(value));
    writeVarint(out, INT);
  } else {
    writeDouble(out, value);
    writeVarint(out, DOUBLE);
  }
}

/** A hole is a value of no type. */
function writeList(out: ReverseBuffer, items: readonly (Scalar | null | undefined)[]): void {
  const before = countWritten(out);
  for (let at = items.length - 1; at >= 0; at -= 1) {
    const beforeItem = countWritten(out);
    const item = items[at];
    if (item !== null && item !== undefined) {
      writeValue(out, item);
    }
    closeMessage(out, beforeItem, ITEM);
  }
  closeMessage(out, before, ARRAY);
}
