import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  clear,
  createReverseBuffer,
  type ReverseBuffer,
  writeEncoded,
  writeFixed32,
  writeHex,
  written,
} from "../../../src/wire/reverse-writer.ts";

/** The rest is tested by the encoders that call it. */

const out = createReverseBuffer();

function bytesOf(write: (to: ReverseBuffer) => void): Buffer {
  clear(out);
  write(out);
  return written(out, 0);
}

describe("writeFixed32()", () => {
  it("writes four bytes, the least first", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), (value) => {
        expect(bytesOf((to) => writeFixed32(to, value)).readUInt32LE()).toBe(value);
      }),
      { seed: 38 },
    );
  });
});

describe("writeHex()", () => {
  it("writes the bytes behind their length, told in digits of either case", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), fc.boolean(), (value, isUpper) => {
        const digits = Buffer.from(value).toString("hex");
        const told = isUpper ? digits.toUpperCase() : digits;
        const expected = Buffer.from([value.length, ...value]);
        expect(bytesOf((to) => writeHex(to, told))).toEqual(expected);
      }),
      { seed: 38 },
    );
  });
});

describe("writeEncoded()", () => {
  it("writes bytes as they are, in front of what was written before", () => {
    const bytes = bytesOf((to) => {
      writeEncoded(to, Buffer.from("behind"));
      writeEncoded(to, Buffer.from("before "));
    });
    expect(bytes.toString()).toBe("before behind");
  });
});

it("makes room for whatever does not fit", () => {
  const many = bytesOf((to) => {
    for (let index = 0; index < 20_000; index += 1) {
      writeFixed32(to, index);
      writeHex(to, "ff");
      writeEncoded(to, Buffer.of(1));
    }
  });
  expect(many.length).toBe(20_000 * 7);
  expect(many.subarray(-7)).toEqual(Buffer.from([1, 1, 255, 0, 0, 0, 0]));
});
