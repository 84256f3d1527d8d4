import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CanonicalBytes, createCanonicalBytes } from "../../../src/score/canonical-bytes.ts";

type Value = number | string | Uint8Array;

function write(bytes: CanonicalBytes, values: readonly Value[]): string {
  bytes.clear();
  for (const value of values) {
    if (typeof value === "number") {
      bytes.number(value);
    } else if (typeof value === "string") {
      bytes.text(value);
    } else {
      bytes.block(value);
    }
  }
  return Buffer.from(bytes.view()).toString("hex");
}

const texts = fc.array(fc.string({ unit: "binary", maxLength: 5 }), { minLength: 3, maxLength: 3 });

describe("createCanonicalBytes()", () => {
  test("gives equal values equal bytes, whatever was written before", () => {
    const bytes = createCanonicalBytes();
    const values = [5, "a", Uint8Array.of(1, 2), 2 ** 53 - 1];
    const first = write(bytes, values);
    write(bytes, ["something else"]);
    expect(write(bytes, values)).toBe(first);
  });

  test("gives different texts different bytes", () => {
    const bytes = createCanonicalBytes();
    fc.assert(
      fc.property(texts, texts, (a, b) => {
        expect(write(bytes, a) === write(bytes, b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { seed: 1, numRuns: 300 },
    );
    expect(write(bytes, ["\ud800"])).not.toBe(write(bytes, ["\ud801"]));
    expect(write(bytes, ["ab", "c"])).not.toBe(write(bytes, ["a", "bc"]));
  });

  test("tells blocks apart", () => {
    const bytes = createCanonicalBytes();
    const split = write(bytes, [Uint8Array.of(1), Uint8Array.of(2, 3)]);
    expect(write(bytes, [Uint8Array.of(1, 2), Uint8Array.of(3)])).not.toBe(split);
  });

  test("grows with what is written", () => {
    const bytes = createCanonicalBytes();
    const long = "x".repeat(10_000);
    expect(write(bytes, [long, new Uint8Array(50_000)])).toHaveLength(2 * (10_002 + 50_003));
  });

  test("writes raw bytes as they are, however many", () => {
    const bytes = createCanonicalBytes();
    const value = Uint8Array.from({ length: 5_000 }, (_, index) => index % 256);
    bytes.number(1);
    bytes.raw(value);
    expect([...bytes.view()]).toEqual([1, ...value]);
  });
});
