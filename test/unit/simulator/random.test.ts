import { describe, expect, test } from "vitest";
import {
  createRandom,
  drawId,
  drawInteger,
  drawLogNormal,
  hashText,
} from "../../../src/simulator/random.ts";

function draws(count: number, draw: () => number): readonly number[] {
  return Array.from({ length: count }, draw).sort((left, right) => left - right);
}

describe("createRandom()", () => {
  test("repeats its sequence for the same seed and not for another", () => {
    const sequence = (seed: number) => {
      const random = createRandom(seed);
      return [random(), random(), random()];
    };
    expect(sequence(1)).toEqual(sequence(1));
    expect(sequence(1)).not.toEqual(sequence(2));
  });

  test("is uniform in [0, 1)", () => {
    const random = createRandom(1);
    const sorted = draws(20_000, random);
    expect(sorted[0]).toBeGreaterThanOrEqual(0);
    expect(sorted.at(-1)).toBeLessThan(1);
    expect(sorted[5_000]).toBeCloseTo(0.25, 1);
    expect(sorted[15_000]).toBeCloseTo(0.75, 1);
  });
});

describe("drawLogNormal()", () => {
  test("has the quantiles it is given, within 3 %", () => {
    const random = createRandom(42);
    const sorted = draws(50_000, () => drawLogNormal(random, { p50: 300, p95: 900 }));
    expect(Math.abs((sorted[25_000] ?? 0) / 300 - 1)).toBeLessThan(0.03);
    expect(Math.abs((sorted[47_500] ?? 0) / 900 - 1)).toBeLessThan(0.03);
  });

  test("is constant when its quantiles are equal", () => {
    expect(drawLogNormal(createRandom(1), { p50: 5, p95: 5 })).toBe(5);
  });

  test("is 0 when its median is", () => {
    expect(drawLogNormal(createRandom(1), { p50: 0, p95: 9 })).toBe(0);
  });
});

describe("drawInteger()", () => {
  test("takes every value between its bounds, both included", () => {
    const random = createRandom(1);
    expect(new Set(draws(1_000, () => drawInteger(random, 2, 5)))).toEqual(new Set([2, 3, 4, 5]));
  });
});

describe("drawId()", () => {
  test("has the length asked for, in letters and digits", () => {
    expect(drawId(createRandom(1), 24)).toMatch(/^[0-9A-Za-z]{24}$/);
  });
});

describe("hashText()", () => {
  test("differs by text and by seed", () => {
    expect(hashText("a")).toBe(hashText("a"));
    expect(new Set([hashText("a"), hashText("b"), hashText("a", 1)]).size).toBe(3);
  });
});
