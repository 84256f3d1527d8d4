import { describe, expect, test } from "vitest";
import { MAX_LEB128_BYTES, writeLeb128 } from "../../../src/score/leb128.ts";

function bytesOf(value: number): number[] {
  const bytes = new Uint8Array(MAX_LEB128_BYTES + 2);
  return [...bytes.slice(1, writeLeb128(bytes, 1, value))];
}

describe("writeLeb128()", () => {
  test.each([
    { value: 0, bytes: [0] },
    { value: 127, bytes: [127] },
    { value: 128, bytes: [128, 1] },
    { value: 16_384, bytes: [128, 128, 1] },
    { value: 2 ** 31, bytes: [128, 128, 128, 128, 8] },
  ])("writes $value lowest bits first", ({ value, bytes }) => {
    expect(bytesOf(value)).toEqual(bytes);
  });

  test("has room for the largest whole number", () => {
    expect(bytesOf(Number.MAX_SAFE_INTEGER)).toHaveLength(MAX_LEB128_BYTES);
  });
});
