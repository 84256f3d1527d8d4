import { expect, test } from "vitest";
import { nextMultiple } from "../../../src/score/next-multiple.ts";

test("nextMultiple() is after the time it is given, also on a multiple", () => {
  expect([0, 1, 29_999.9, 30_000].map((nowMs) => nextMultiple(nowMs, 30_000))).toEqual([
    30_000, 30_000, 30_000, 60_000,
  ]);
});
