import { describe, expect, test } from "vitest";
import * as buckets from "../../../src/metrics/buckets.ts";

describe("bounds of buckets", () => {
  test.each(Object.entries(buckets))("%s ascend and are positive", (_, bounds) => {
    expect(bounds).toEqual([...new Set(bounds)].sort((left, right) => left - right));
    expect(bounds[0]).toBeGreaterThan(0);
  });

  test("those of calls hold those that the RPC conventions advise", () => {
    expect(buckets.callSeconds).toEqual(expect.arrayContaining([...buckets.messageSeconds]));
  });

  test("those of generations double", () => {
    const doubled = buckets.generationSeconds.map((_, index) => 0.01 * 2 ** index);
    expect(buckets.generationSeconds).toEqual(doubled);
  });
});
