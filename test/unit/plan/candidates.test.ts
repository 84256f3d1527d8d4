import { describe, expect, test } from "vitest";
import type { Candidate, PlanInput } from "../../../src/domain/plan.ts";
import { createPlanner } from "../../../src/plan/plan-route.ts";
import {
  blocked,
  inputOf,
  live,
  liveOf,
  NOW_MS,
  priced,
  pricing,
  score,
  scoresOf,
} from "./plan-fixture.ts";

function candidates(input: PlanInput): Readonly<Record<string, Candidate>> {
  return Object.fromEntries(
    createPlanner()
      .explain(input)
      .candidates.map((candidate) => [candidate.endpoint.id, candidate]),
  );
}

describe("candidatesOf()", () => {
  test("lists every hard reason of a refused endpoint, not the first one only", () => {
    const bad = priced("bad", 1, {
      enabled: false,
      native: false,
      pricing: pricing(1, 1, { inputPerMtok: undefined }),
    });
    const states = liveOf({ bad: live({ block: { reason: "credentials", untilMs: Infinity } }) });
    const { bad: refused } = candidates(inputOf([bad, priced("a", 1)], { live: states }));
    expect(refused?.rejections.map(({ reason, soft }) => [reason, soft])).toEqual([
      ["disabled", false],
      ["gate-not-green", false],
      ["price-unknown", false],
      ["credentials", false],
    ]);
    expect(refused?.rejections.at(-1)?.detail).toBe("credentials until the operator acts");
    expect(refused).toMatchObject({ eligible: false, share: 0, band: 0, gate: "unknown" });
    expect(refused?.estimatedCost.total).toBeUndefined();
    expect(Object.keys(refused?.terms ?? {})).not.toContain("weight");
  });

  test("tells the figures behind a soft reason", () => {
    const scores = scoresOf({ slow: score({ ttft: 2_000 }), a: score(), b: score() });
    const input = inputOf([priced("slow", 1), priced("a", 1), priced("b", 1)], {
      scores,
      remainingMs: 1_000,
      live: liveOf({ a: blocked("rate-limited", 1_500) }),
    });
    const { slow, a, b } = candidates(input);
    expect(slow?.rejections).toEqual([
      {
        reason: "too-slow-for-deadline",
        detail: "first token after about 2000 ms, 1000 ms are left",
        soft: true,
      },
    ]);
    expect(a?.rejections).toEqual([
      { reason: "rate-limited", detail: "rate-limited for 1500 ms more", soft: true },
    ]);
    expect([slow?.eligible, a?.eligible, b?.eligible]).toEqual([false, false, true]);
  });

  test("says 0 ms of a block that ends in the past", () => {
    const past = live({ block: { reason: "rate-limited", untilMs: NOW_MS - 5 } });
    const { a } = candidates(
      inputOf([priced("a", 1), priced("b", 1)], { live: liveOf({ a: past }) }),
    );
    expect(a?.rejections[0]?.detail).toBe("rate-limited for 0 ms more");
  });

  test("keeps soft reasons of endpoints that panic calls nevertheless", () => {
    const { a } = candidates(
      inputOf([priced("a", 1)], { live: liveOf({ a: blocked("breaker-open") }) }),
    );
    expect(a).toMatchObject({ eligible: true, share: 1, band: 2 });
    expect(a?.rejections).toMatchObject([{ reason: "breaker-open", soft: true }]);
  });

  test("names the terms of the weight", () => {
    const scores = scoresOf({ a: score(), b: score() });
    const { b } = candidates(inputOf([priced("a", 1), priced("b", 2)], { scores }));
    expect(b?.terms).toEqual({
      first_token_p50_ms: expect.closeTo(500, 6),
      first_token_p95_ms: expect.closeTo(1_000, 6),
      tokens_per_second: expect.closeTo(50, 6),
      success: 1,
      price_nano_usd: 2 * (8_000 + 256_000),
      cost_ratio: 2,
      performance: 1,
      slow_start: 1,
      affinity: 1,
      weight: expect.closeTo(2 ** -10, 9),
    });
  });

  test("asks the gate for what is not native and tells what is cold", () => {
    const input = inputOf([priced("a", 1), priced("green", 1, { native: false })], {
      gates: () => "green",
      scores: scoresOf({ green: score() }),
    });
    const { a, green } = candidates(input);
    expect([a?.gate, green?.gate]).toEqual(["native", "green"]);
    expect([a?.cold, green?.cold]).toEqual([true, false]);
  });
});
