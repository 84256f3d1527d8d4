import { describe, expect, test } from "vitest";
import { createBusClock } from "../../../src/health/bus-clock.ts";

describe("createBusClock()", () => {
  test("takes both clocks for one until something was observed", () => {
    const clock = createBusClock();
    expect(clock.skewMs()).toBeUndefined();
    expect(clock.toOurs(1_000)).toBe(1_000);
    expect(clock.toBus(1_000)).toBe(1_000);
  });

  test.each([
    { name: "ahead", skewMs: 60_000 },
    { name: "behind", skewMs: -60_000 },
  ])("learns that our clock is a minute $name", ({ skewMs }) => {
    const clock = createBusClock();
    clock.observe(1_000_000, 1_000_000 + skewMs);
    expect(clock.toOurs(2_000_000)).toBe(2_000_000 + skewMs);
    expect(clock.toBus(2_000_000 + skewMs)).toBe(2_000_000);
  });

  test("what was held up on its way does not move the skew", () => {
    const clock = createBusClock();
    clock.observe(1_000, 1_050);
    clock.observe(2_000, 602_000);
    expect(clock.skewMs()).toBe(50);
  });

  test("forgives a clock that was set, after 32 advances", () => {
    const clock = createBusClock();
    clock.observe(1_000, 1_000);
    for (let advance = 0; advance < 31; advance += 1) {
      clock.observe(1_000, 61_000);
    }
    expect(clock.skewMs()).toBe(0);
    clock.observe(1_000, 61_000);
    expect(clock.skewMs()).toBe(60_000);
  });
});
