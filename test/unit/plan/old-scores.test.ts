import { describe, expect, test } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { EMPTY_SCORES } from "../../../src/domain/score.ts";
import { createOldScores } from "../../../src/plan/old-scores.ts";
import { forecast } from "../../../src/plan/rank.ts";
import { priced, score, scoresOf } from "./plan-fixture.ts";

const claimed = { ...score(), claimed: true, degraded: true };

describe("createOldScores()", () => {
  test("keeps nothing where nothing is claimed", () => {
    const bad = score({ degraded: true });
    expect(createOldScores()(scoresOf({ a: bad, b: { ...score(), claimed: false } }))).toBe(
      EMPTY_SCORES,
    );
  });

  test("keeps of a claimed endpoint that it is, and no figure", () => {
    const scores = scoresOf({ a: claimed, b: score(), c: score({ degraded: true }) });
    const left = createOldScores()(scores);
    expect(left).toMatchObject({ revision: scores.revision, windowEndMs: scores.windowEndMs });
    expect([...left.scores.keys()]).toEqual(["a"]);
    expect(left.scores.get("a" as EndpointId)).toMatchObject({ claimed: true, degraded: true });
    const endpoints = [priced("a", 1)];
    const [unknown] = forecast(endpoints, EMPTY_SCORES);
    expect(forecast(endpoints, left)).toEqual([{ ...unknown, degraded: true }]);
  });

  test("is the same for the same snapshot, whatever was asked in between", () => {
    const oldScores = createOldScores();
    const scores = scoresOf({ a: claimed });
    const left = oldScores(scores);
    expect(oldScores(scoresOf({ b: claimed }))).not.toBe(left);
    expect(oldScores(scores)).toBe(left);
  });
});
