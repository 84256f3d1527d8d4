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

  it("holds its own bytes alone", () => {
    const [delta] = fc.sample(anyDelta, { seed: 7, numRuns: 1 });
    const packed = packDelta(delta as NonNullable<typeof delta>);
    expect(packed.buffer.byteLength).toBe(packed.byteLength);
  });
});

describe("unpackDelta()", () => {
  it("refuses what was not packed", () => {
    expect(() => unpackDelta(new Uint8Array())).toThrow("these bytes hold no delta");
    expect(() => unpackDelta(Uint8Array.from([0x62, 0x00]))).toThrow("these bytes hold no delta");
  });
});
