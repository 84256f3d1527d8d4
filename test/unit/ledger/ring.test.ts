import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRing, type RingWalk } from "../../../src/ledger/ring.ts";

function restOf<Item>(walk: RingWalk<Item>): readonly Item[] {
  const items: Item[] = [];
  for (; walk.sequence() >= 0; walk.next()) {
    items.push(walk.item());
  }
  return items;
}

describe("createRing()", () => {
  test("keeps the newest items of any sequence, with their numbers, newest first", () => {
    fc.assert(
      fc.property(fc.array(fc.integer()), fc.integer({ min: 0, max: 9 }), (items, capacity) => {
        const ring = createRing<number>(capacity);
        items.forEach((item, index) => {
          ring.push(item, index * 3);
        });
        const expected = capacity === 0 ? [] : items.slice(-capacity).reverse();
        expect(restOf(ring.walk())).toEqual(expected);
        const newest = items.length === 0 || capacity === 0 ? -1 : (items.length - 1) * 3;
        expect(ring.walk().sequence()).toBe(newest);
      }),
      { seed: 4 },
    );
  });

  test("is not changed by who reads it", () => {
    const ring = createRing<string>(2);
    ring.push("a", 0);
    restOf(ring.walk());
    expect(restOf(ring.walk())).toEqual(["a"]);
  });

  test("shows a walk neither what is pushed behind it nor what made room for that", () => {
    const ring = createRing<number>(4);
    for (const item of [0, 1, 2, 3]) {
      ring.push(item, item);
    }
    const walk = ring.walk();
    walk.next();
    ring.push(4, 4);
    ring.push(5, 5);
    expect(restOf(walk)).toEqual([2]);
  });
});
