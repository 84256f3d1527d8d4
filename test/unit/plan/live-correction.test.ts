import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Contender } from "../../../src/plan/contender.ts";
import { mayYield, pressureOf, shouldSwap } from "../../../src/plan/live-correction.ts";
import { contender, live, NOW_MS } from "./plan-fixture.ts";

/** Predicted at 500 ms typically and 1000 ms at the tail. */
function swaps(first: Partial<Contender>, second: Partial<Contender>): boolean {
  return shouldSwap(
    pressureOf(contender("first", first), NOW_MS),
    pressureOf(contender("second", second), NOW_MS),
  );
}

describe("pressureOf()", () => {
  test("is the felt time in predicted tails, grown by the calls in flight", () => {
    const state = live({ felt: 2_000, inflight: 10, limit: 20 });
    expect(pressureOf(contender("a", { live: state }), NOW_MS)).toMatchObject({
      load: 3,
      utilization: 0.5,
    });
  });

  test("expects the typical first token of an endpoint that nobody felt", () => {
    expect(pressureOf(contender("a"), NOW_MS)).toMatchObject({ load: 0.5, utilization: 0 });
    expect(pressureOf(contender("a", { live: live({ limit: 0 }) }), NOW_MS).load).toBe(0.5);
  });
});

describe("pressureOf() of an endpoint that is waited for", () => {
  test.each([
    { felt: 400, waiting: 300, load: 0.4 },
    { felt: 400, waiting: 3_000, load: 3 },
    { felt: undefined, waiting: 100, load: 0.5 },
    { felt: undefined, waiting: 3_000, load: 3 },
  ])("is $load when $felt ms were felt and one waits for $waiting ms", ({ load, ...state }) => {
    expect(pressureOf(contender("a", { live: live(state) }), NOW_MS).load).toBe(load);
  });

  test("moves calls off one that hangs", () => {
    const hangs = { live: live({ felt: 500, waiting: 5_000 }) };
    expect(swaps(hangs, { live: live({ felt: 500 }) })).toBe(true);
    expect(swaps({ live: live({ felt: 500 }) }, hangs)).toBe(false);
  });
});

describe("mayYield()", () => {
  test("holds for every first that any second takes the place of", () => {
    const number = (max: number) => fc.double({ min: 0, max, noNaN: true });
    const pressure = fc.record({
      group: fc.constant(0),
      weight: fc.constant(1),
      load: number(5),
      utilization: number(1),
    });
    fc.assert(
      fc.property(pressure, pressure, (first, second) => {
        expect(mayYield(first) || !shouldSwap(first, second)).toBe(true);
      }),
      { seed: 20_261_122 },
    );
  });

  test("does not hold for the expected load", () => {
    expect(mayYield(pressureOf(contender("a"), NOW_MS))).toBe(false);
    expect(mayYield(pressureOf(contender("a", { live: live({ felt: 1_001 }) }), NOW_MS))).toBe(
      true,
    );
    expect(mayYield(pressureOf(contender("a", { live: live({ inflight: 17 }) }), NOW_MS))).toBe(
      true,
    );
  });
});

describe("shouldSwap()", () => {
  test("keeps the draw when the first merely has some calls in flight", () => {
    expect(swaps({ live: live({ inflight: 2 }) }, {})).toBe(false);
  });

  test("moves on when the first is more than twice as loaded as the second", () => {
    expect(swaps({ live: live({ felt: 2_010 }) }, { live: live({ felt: 1_000 }) })).toBe(true);
    expect(swaps({ live: live({ felt: 2_000 }) }, { live: live({ felt: 1_000 }) })).toBe(false);
  });

  test("does not flee from a first that is as fast as predicted", () => {
    expect(swaps({ live: live({ felt: 1_000 }) }, { live: live({ felt: 1 }) })).toBe(false);
    expect(swaps({ live: live({ felt: 1_001 }) }, { live: live({ felt: 1 }) })).toBe(true);
  });

  test("moves from a hot endpoint to one that is not", () => {
    const hot = { live: live({ inflight: 17 }) };
    expect(swaps(hot, { live: live({ inflight: 16 }) })).toBe(true);
    expect(swaps(hot, hot)).toBe(false);
  });

  test("stays inside the group and off what weighs nothing", () => {
    const slow = { live: live({ felt: 60_000 }) };
    expect(swaps(slow, { group: 1 })).toBe(false);
    expect(swaps(slow, { weight: 0 })).toBe(false);
    expect(swaps(slow, {})).toBe(true);
  });
});
