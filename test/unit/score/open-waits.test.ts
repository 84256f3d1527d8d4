import { describe, expect, test } from "vitest";
import { createOpenWaits } from "../../../src/score/open-waits.ts";

describe("createOpenWaits()", () => {
  test("tells how long the oldest has waited", () => {
    const waits = createOpenWaits();
    expect(waits.oldestMs(100)).toBe(0);
    for (const startedAtMs of [10, 20, 30]) {
      waits.begin(startedAtMs);
    }
    expect(waits.oldestMs(100)).toBe(90);
    expect(waits.end(20)).toBe(true);
    expect(waits.oldestMs(100)).toBe(90);
    expect(waits.end(10)).toBe(true);
    expect(waits.oldestMs(100)).toBe(70);
    expect(waits.oldestMs(25)).toBe(0);
    expect(waits.end(30)).toBe(true);
    expect(waits.oldestMs(100)).toBe(0);
  });

  test("counts those that began at once, and ends none twice", () => {
    const waits = createOpenWaits();
    waits.begin(5);
    waits.begin(5);
    expect([waits.end(5), waits.oldestMs(9)]).toEqual([true, 4]);
    expect([waits.end(5), waits.oldestMs(9)]).toEqual([true, 0]);
    expect([waits.end(5), waits.end(6)]).toEqual([false, false]);
  });
});
