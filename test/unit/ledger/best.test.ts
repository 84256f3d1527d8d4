import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createBest } from "../../../src/ledger/best.ts";

type Item = { readonly rank: number; readonly index: number };

const isBefore = (left: Item, right: Item) => left.rank < right.rank;

describe("createBest()", () => {
  test("chooses what a stable sort would, and gives back everything else once", () => {
    const ranks = fc.array(fc.nat({ max: 5 }), { maxLength: 40 });
    fc.assert(
      fc.property(ranks, fc.nat({ max: 9 }), (all, limit) => {
        const items = all.map((rank, index) => ({ rank, index }));
        const best = createBest<Item>(limit, isBefore);
        const given = items.flatMap((item) => best.offer(item) ?? []);
        const sorted = items.toSorted((left, right) => left.rank - right.rank);
        expect(best.items()).toEqual(sorted.slice(0, limit));
        expect(new Set([...best.items(), ...given])).toEqual(new Set(items));
        expect(best.items().length + given.length).toBe(items.length);
      }),
      { seed: 6, numRuns: 500 },
    );
  });

  test("costs one comparison for what is not among the best", () => {
    let comparisons = 0;
    const best = createBest<number>(100, (left, right) => {
      comparisons += 1;
      return left < right;
    });
    for (let item = 0; item < 100; item++) {
      best.offer(item);
    }
    comparisons = 0;
    best.offer(1_000);
    expect(comparisons).toBe(1);
  });
});
