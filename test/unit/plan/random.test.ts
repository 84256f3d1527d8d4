import { describe, expect, test } from "vitest";
import { createRandom, hashOf, mix } from "../../../src/plan/random.ts";

function drawn(seed: string, count: number): readonly number[] {
  const random = createRandom(seed);
  return Array.from({ length: count }, () => random());
}

describe("createRandom()", () => {
  test("repeats its sequence for the same seed and has another for the next one", () => {
    expect(drawn("a", 5)).toEqual(drawn("a", 5));
    expect(drawn("a", 5)).not.toEqual(drawn("b", 5));
  });

  test("stays inside (0, 1) and fills it evenly", () => {
    const bins = new Array<number>(10).fill(0);
    for (const value of drawn("seed", 100_000)) {
      expect(value > 0 && value < 1).toBe(true);
      const bin = Math.floor(value * 10);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    expect(Math.min(...bins)).toBeGreaterThan(9_600);
    expect(Math.max(...bins)).toBeLessThan(10_400);
  });

  test("begins evenly over seeds that differ in their last digits", () => {
    const firsts = Array.from({ length: 20_000 }, (_, index) => drawn(`call-${index}`, 1)[0] ?? 0);
    const mean = firsts.reduce((sum, value) => sum + value, 0) / firsts.length;
    expect(mean).toBeCloseTo(0.5, 2);
    expect(firsts.filter((value) => value < 0.1).length / firsts.length).toBeCloseTo(0.1, 2);
  });
});

describe("hashOf() and mix()", () => {
  test("give unsigned 32-bit numbers that differ for texts that nearly agree", () => {
    const hashes = Array.from({ length: 1_000 }, (_, index) => hashOf(`endpoint/${index}`));
    expect(new Set(hashes).size).toBe(1_000);
    expect(hashes.every((hash) => Number.isInteger(hash) && hash >= 0 && hash < 2 ** 32)).toBe(
      true,
    );
    expect(mix(1)).not.toBe(mix(2));
  });
});
