import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { packDelta, unpackDelta } from "../../../src/health/packed-delta.ts";
import { anyDelta } from "./any-report.ts";

describe("packDelta()", () => {
  it("loses nothing", () => {
    fc.assert(
      fc.property(anyDelta, (delta) => {
        expect(unpackDelta(packDelta(delta))).toEqual(delta);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("takes a character for each byte, each within one byte", () => {
    const [delta] = fc.sample(anyDelta, { seed: 7, numRuns: 1 });
    const packed = packDelta(delta as NonNullable<typeof delta>);
    expect(packed.length).toBeLessThan(1_000);
    expect(Math.max(...Array.from(packed, (one) => one.charCodeAt(0)))).toBeLessThan(256);
  });
});

describe("unpackDelta()", () => {
  it("refuses what was not packed", () => {
    expect(() => unpackDelta("")).toThrow("these bytes hold no delta");
    expect(() => unpackDelta("\u0062\u0000")).toThrow("these bytes hold no delta");
  });
});
