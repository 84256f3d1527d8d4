/**
 * Protobuf values, written from the end of a buffer to its start: a length stands in front of what it
 * counts, and going backwards it is known when it is written.
 * https://protobuf.dev/programming-guides/encoding/
 */
export type ReverseBuffer = {
  bytes: Buffer;
  /** Where the written part starts. */
  at: number;
};

const FIRST_BYTES = 16_384;
/** A buffer that one large answer has made larger is not kept. */
const KEPT_BYTES = 1_048_576;
/** 64 bits in groups of seven. */
const MAX_VARINT_BYTES = 10;
/** Up to this length a loop over the characters is faster than a call of the library. */
const SHORT_STRING = 48;
/** Up to here the operators on bits work, and they are the faster ones. */
const MAX_INT32 = 0x7fff_ffff;

export function createReverseBuffer(): ReverseBuffer {
  return { bytes: Buffer.allocUnsafeSlow(FIRST_BYTES), at: FIRST_BYTES };
}

/** Forgets what was written. */
export function clear(out: ReverseBuffer): void {
  if (out.bytes.length > KEPT_BYTES) {
    out.bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  }
  out.at = out.bytes.length;
}

/** Bytes written so far. The length of a part is the difference of two of these. */
export function countWritten({ bytes, at }: ReverseBuffer): number {
  return bytes.length - at;
}

/** A copy of what was written, behind `room` bytes of any content. */
export function written({ bytes, at }: ReverseBuffer, room: number): Buffer {
  const copy = Buffer.allocUnsafe(room + bytes.length - at);
  bytes.copy(copy, room, at);
  return copy;
}

/** An integer from 0 to 2^53 - 1. */
export function writeVarint(out: ReverseBuffer, value: number): void {
  reserve(out, MAX_VARINT_BYTES);
  if (value < 0x80) {
    out.at -= 1;
    out.bytes[out.at] = value;
  } else {
    writeLongVarint(out, value);
  }
}

function writeLongVarint(out: ReverseBuffer, value: number): void {
  out.at -= varintBytes(value);
  const { bytes } = out;
  let position = out.at;
  let rest = value;
  for (; rest > MAX_INT32; rest = Math.floor(rest / 0x80)) {
    bytes[position] = (rest % 0x80) | 0x80;
    position += 1;
  }
  for (; rest >= 0x80; rest >>>= 7) {
    bytes[position] = (rest & 0x7f) | 0x80;
    position += 1;
  }
  bytes[position] = rest;
}

function varintBytes(value: number): number {
  let length = 1;
  let rest = value;
  for (; rest > MAX_INT32; rest = Math.floor(rest / 0x80)) {
    length += 1;
  }
  for (rest >>>= 7; rest > 0; rest >>>= 7) {
    length += 1;
  }
  return length;
}

/** Negative numbers take ten bytes, as the format has it. */
export function writeInt32(out: ReverseBuffer, value: number): void {
  if (value >= 0) {
    writeVarint(out, value);
  } else {
    writeInt64(out, BigInt(value));
  }
}

export function writeInt64(out: ReverseBuffer, value: bigint): void {
  // What a number cannot hold exactly is above the limit as a number too.
  const number = Number(value);
  if (number >= 0 && number <= Number.MAX_SAFE_INTEGER) {
    writeVarint(out, number);
    return;
  }
  reserve(out, MAX_VARINT_BYTES);
  const groups: number[] = [];
  let rest = BigInt.asUintN(64, value);
  while (rest >= 0x80n) {
    groups.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  groups.push(Number(rest));
  out.at -= groups.length;
  out.bytes.set(groups, out.at);
}

/** 0 to 2^64 - 1 in eight bytes. */
export function writeFixed64(out: ReverseBuffer, value: bigint): void {
  reserve(out, 8);
  out.at -= 8;
  out.bytes.writeBigUInt64LE(value, out.at);
}

/** 0 to 2^32 - 1 in four bytes. */
export function writeFixed32(out: ReverseBuffer, value: number): void {
  reserve(out, 4);
  out.at -= 4;
  const { bytes, at } = out;
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
}

export function writeBool(out: ReverseBuffer, value: boolean): void {
  writeVarint(out, value ? 1 : 0);
}

export function writeDouble(out: ReverseBuffer, value: number): void {
  reserve(out, 8);
  out.at -= 8;
  out.bytes.writeDoubleLE(value, out.at);
}

/** UTF-8 behind its length. A lone surrogate becomes U+FFFD. */
export function writeString(out: ReverseBuffer, value: string): void {
  const { length } = value;
  if (length <= SHORT_STRING) {
    reserve(out, length);
    if (writeAscii(out, value)) {
      writeVarint(out, length);
      return;
    }
  }
  const bytes = Buffer.byteLength(value);
  reserve(out, bytes);
  out.at -= bytes;
  out.bytes.write(value, out.at, bytes);
  writeVarint(out, bytes);
}

/** False where a character is not ASCII: nothing is written then. */
function writeAscii(out: ReverseBuffer, value: string): boolean {
  const { bytes } = out;
  let position = out.at;
  for (let index = value.length - 1; index >= 0; index -= 1) {
    const code = value.charCodeAt(index);
    if (code >= 0x80) {
      return false;
    }
    position -= 1;
    bytes[position] = code;
  }
  out.at = position;
  return true;
}

/** Bytes behind their length. */
export function writeBytes(out: ReverseBuffer, value: Uint8Array): void {
  writeEncoded(out, value);
  writeVarint(out, value.length);
}

/** What was written before, as it is. */
export function writeEncoded(out: ReverseBuffer, value: Uint8Array): void {
  reserve(out, value.length);
  out.at -= value.length;
  out.bytes.set(value, out.at);
}

/** Bytes behind their length, told in an even number of hexadecimal digits. */
export function writeHex(out: ReverseBuffer, digits: string): void {
  const length = digits.length / 2;
  reserve(out, length);
  out.at -= length;
  const { bytes, at } = out;
  for (let index = 0; index < length; index += 1) {
    const high = digits.charCodeAt(2 * index);
    const low = digits.charCodeAt(2 * index + 1);
    bytes[at + index] = (nibbleOf(high) << 4) | nibbleOf(low);
  }
  writeVarint(out, length);
}

/** Letters of either case have bit 6 and begin with 1; digits have it not and begin with 0. */
function nibbleOf(code: number): number {
  return (code & 0xf) + 9 * (code >> 6);
}

function reserve(out: ReverseBuffer, bytes: number): void {
  if (out.at < bytes) {
    grow(out, bytes);
  }
}

function grow(out: ReverseBuffer, bytes: number): void {
  const length = out.bytes.length - out.at;
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * out.bytes.length, length + bytes));
  out.bytes.copy(larger, larger.length - length, out.at);
  out.at = larger.length - length;
  out.bytes = larger;
}
