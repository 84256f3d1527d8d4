import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRing } from "../../../src/ledger/ring.ts";

describe("createRing()", () => {
  test("keeps the newest items, newest first, whatever came before", () => {
    fc.assert(
      fc.property(fc.nat({ max: 7 }), fc.array(fc.nat(), { maxLength: 30 }), (capacity, items) => {
        const ring = createRing<number>(capacity);
        for (const item of items) {
          ring.push(item);
        }
        const newest = capacity === 0 ? [] : items.slice(-capacity);
        expect(ring.newestFirst()).toEqual(newest.reverse());
      }),
      { seed: 11, numRuns: 500 },
    );
  });

  test("hands out a copy", () => {
    const ring = createRing<string>(2);
    ring.push("a");
    ring.newestFirst().push("b");
    expect(ring.newestFirst()).toEqual(["a"]);
  });
});
