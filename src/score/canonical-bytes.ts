import { MAX_LEB128_BYTES, writeLeb128 } from "./leb128.ts";

/** Writes values so that equal ones give equal bytes on every machine, and different ones different. */
export type CanonicalBytes = {
  clear(): void;
  /** A whole number of 0 to 2^53 - 1. */
  number(value: number): void;
  /** Any text, unpaired surrogates included. */
  text(value: string): void;
  block(value: Uint8Array): void;
  /** Without its length: for what tells its own end. */
  raw(value: Uint8Array): void;
  /** What was written since `clear`: valid until the next write. */
  view(): Uint8Array;
};

const FIRST_BYTES = 1_024;

/** `room` is for how many bytes at first: it grows. */
export function createCanonicalBytes(room: number = FIRST_BYTES): CanonicalBytes {
  let buffer = new Uint8Array(room);
  let length = 0;

  function reserve(size: number): void {
    if (length + size > buffer.length) {
      const larger = new Uint8Array(Math.max(buffer.length * 2, length + size));
      larger.set(buffer);
      buffer = larger;
    }
  }

  function number(value: number): void {
    reserve(MAX_LEB128_BYTES);
    length = writeLeb128(buffer, length, value);
  }

  function raw(value: Uint8Array): void {
    reserve(value.length);
    buffer.set(value, length);
    length += value.length;
  }

  return {
    clear() {
      length = 0;
    },
    number,
    text(value) {
      number(value.length);
      for (let index = 0; index < value.length; index++) {
        number(value.charCodeAt(index));
      }
    },
    block(value) {
      number(value.length);
      raw(value);
    },
    raw,
    view: () => buffer.subarray(0, length),
  };
}
