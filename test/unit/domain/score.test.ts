import { expect, test } from "vitest";
import { EMPTY_SCORES } from "../../../src/domain/score.ts";

test("EMPTY_SCORES is older than every snapshot and knows no endpoint", () => {
  expect(EMPTY_SCORES).toEqual({ revision: 0, windowEndMs: 0, scores: new Map() });
});
