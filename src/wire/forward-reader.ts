/** Protobuf values, read from the start of a buffer to its end: the usual forms of them, and no others. */
export type ForwardBuffer = {
  readonly bytes: Buffer;
  at: number;
};

/**
 * Something a caller's generated code never writes: an unknown field, a value in a longer form than it
 * needs, text that is not UTF-8, the end before its time. Whether it is allowed is for the library to say.
 */
export const UNUSUAL = new Error("not in its usual form");

/** Up to this length characters one by one are faster than a call of the library. */
const SHORT_TEXT = 12;
/** Seven bytes hold 49 bits. */
const MAX_VARINT_BYTES = 7;

/** An integer from 0 to 2^49 - 1: negative numbers, which take ten bytes, are unusual. */
export function readVarint(input: ForwardBuffer): number {
  const { bytes } = input;
  const first = byteAt(bytes, input.at);
  if (first < 0x80) {
    input.at += 1;
    return first;
  }
  let value = first - 0x80;
  let unit = 0x80;
  for (let index = 1; index < MAX_VARINT_BYTES; index += 1) {
    const byte = byteAt(bytes, input.at + index);
    if (byte < 0x80) {
      input.at += index + 1;
      return value + byte * unit;
    }
    value += (byte - 0x80) * unit;
    unit *= 0x80;
  }
  throw UNUSUAL;
}

function byteAt(bytes: Buffer, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) {
    throw UNUSUAL;
  }
  return byte;
}

/** 0 to 2^31 - 1. */
export function readInt32(input: ForwardBuffer): number {
  const value = readVarint(input);
  if (value > 0x7fff_ffff) {
    throw UNUSUAL;
  }
  return value;
}

/** 0 to 2^32 - 1. */
export function readUint32(input: ForwardBuffer): number {
  const value = readVarint(input);
  if (value > 0xffff_ffff) {
    throw UNUSUAL;
  }
  return value;
}

export function readInt64(input: ForwardBuffer): bigint {
  return BigInt(readVarint(input));
}

export function readFixed64(input: ForwardBuffer): bigint {
  const { at } = input;
  input.at = endOf(input, 8);
  return input.bytes.readBigUInt64LE(at);
}

export function readBool(input: ForwardBuffer): boolean {
  return readVarint(input) !== 0;
}

export function readFloat(input: ForwardBuffer): number {
  const { at } = input;
  input.at = endOf(input, 4);
  return input.bytes.readFloatLE(at);
}

export function readDouble(input: ForwardBuffer): number {
  const { at } = input;
  input.at = endOf(input, 8);
  return input.bytes.readDoubleLE(at);
}

/** Where the part of the length that stands here ends. */
export function readEnd(input: ForwardBuffer): number {
  const length = readVarint(input);
  return endOf(input, length);
}

function endOf({ bytes, at }: ForwardBuffer, length: number): number {
  const end = at + length;
  if (end > bytes.length) {
    throw UNUSUAL;
  }
  return end;
}

export function readString(input: ForwardBuffer): string {
  const { bytes } = input;
  const end = readEnd(input);
  const start = input.at;
  input.at = end;
  if (end - start <= SHORT_TEXT) {
    let text = "";
    for (let at = start; at < end; at += 1) {
      const byte = bytes[at] as number;
      if (byte >= 0x80) {
        return longText(bytes, start, end);
      }
      text += String.fromCharCode(byte);
    }
    return text;
  }
  return longText(bytes, start, end);
}

/** Where bytes are no text the decoder leaves U+FFFD; so may a caller, which is unusual enough. */
function longText(bytes: Buffer, start: number, end: number): string {
  const text = bytes.toString("utf8", start, end);
  if (text.includes("\ufffd")) {
    throw UNUSUAL;
  }
  return text;
}

/** A view of the bytes. */
export function readBytes(input: ForwardBuffer): Uint8Array {
  const end = readEnd(input);
  const { buffer, byteOffset } = input.bytes;
  const view = new Uint8Array(buffer, byteOffset + input.at, end - input.at);
  input.at = end;
  return view;
}
