import { describe, expect, test } from "vitest";
import { createLineSampling } from "../../../src/cli/line-sampling.ts";

describe("createLineSampling()", () => {
  test("passes so many lines a second, and tells how many it left out before each", () => {
    const { pass } = createLineSampling(() => 2);
    const passed = [0, 1, 2, 999, 1_000, 1_001, 1_002, 5_000].map((atMs) => pass(atMs));
    expect(passed).toEqual([0, 0, undefined, undefined, 2, 0, undefined, 1]);
  });

  test("passes what is certain whatever the limit, which it counts towards", () => {
    const { pass } = createLineSampling(() => 1);
    expect([pass(0, true), pass(1), pass(2, true)]).toEqual([0, undefined, 1]);
  });

  test("reads the limit anew", () => {
    let limit = 0;
    const { pass } = createLineSampling(() => limit);
    const before = pass(0);
    limit = 1;
    expect([before, pass(1)]).toEqual([undefined, 1]);
  });
});
