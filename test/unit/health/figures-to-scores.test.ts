import { describe, expect, test } from "vitest";
import {
  figuresToScore,
  hasRecent,
  holdsClaim,
  RECENT_MS,
} from "../../../src/health/figures-to-scores.ts";
import { figuresOf, START_MS } from "./score-fixture.ts";

const percentiles = { count: 40, p5Micro: 1_500_000, p50Micro: 20_000_000, p95Micro: 99_000_001 };

describe("figuresToScore()", () => {
  test("tells millionths in units, and no 5th percentile of times", () => {
    const figures = figuresOf("a", {
      successes: 30,
      failures: 10,
      rateLimited: 3,
      firstTokenMs: percentiles,
      tokensPerSecond: percentiles,
      durationMs: percentiles,
      goodMinutes: 4,
      observedMinutes: 5,
      recentSuccesses: 2,
      recentFailures: 1,
      recentFirstTokens: 5,
      recentFirstTokenMicro: 30_000_000,
    });
    const times = { count: 40, p50: 20, p95: 99.000001 };
    const score = figuresToScore(figures, START_MS, START_MS);
    expect(score).toEqual({
      successes: 30,
      failures: 10,
      rateLimited: 3,
      firstTokenMs: times,
      tokensPerSecond: { ...times, p5: 1.5 },
      durationMs: times,
      success: 0.75,
      uptime: 0.8,
      recent: { successes: 2, failures: 1, firstTokenMs: 30, isSlow: false },
      claimed: false,
      degraded: false,
    });
    expect(Object.isFrozen(score)).toBe(true);
  });

  test("ratios are absent below five results and five observed minutes", () => {
    const few = { successes: 3, failures: 1, goodMinutes: 4, observedMinutes: 4 };
    expect(figuresToScore(figuresOf("a", few), START_MS, START_MS)).toMatchObject({
      success: undefined,
      uptime: undefined,
    });
    const enough = { successes: 4, failures: 1, goodMinutes: 5, observedMinutes: 5 };
    expect(figuresToScore(figuresOf("a", enough), START_MS, START_MS)).toMatchObject({
      success: 0.8,
      uptime: 1,
    });
  });

  test("percentiles without enough samples stay absent", () => {
    expect(figuresToScore(figuresOf("a"), START_MS, START_MS).tokensPerSecond).toEqual({
      count: 0,
      p5: undefined,
      p50: undefined,
      p95: undefined,
    });
  });

  test("slow last seconds degrade it", () => {
    const slow = { recentFirstTokens: 10, recentFirstTokenMicro: 900_000_000 };
    const figures = figuresOf("a", { firstTokenMs: percentiles, ...slow });
    expect(figuresToScore(figures, START_MS, START_MS)).toMatchObject({
      recent: { firstTokenMs: 900, isSlow: true },
      degraded: true,
    });
  });

  test("bad last seconds degrade it", () => {
    const bad = figuresOf("a", { recentSuccesses: 0, recentFailures: 5 });
    expect(figuresToScore(bad, START_MS, START_MS).degraded).toBe(true);
  });

  test("last seconds of 30 s ago are no longer the last ones, and change nothing else", () => {
    const slow = { recentFirstTokens: 10, recentFirstTokenMicro: 900_000_000 };
    const bad = { recentSuccesses: 1, recentFailures: 9 };
    const figures = figuresOf("a", { firstTokenMs: percentiles, ...slow, ...bad });
    const before = figuresToScore(figures, START_MS, START_MS + RECENT_MS - 1);
    expect(before).toMatchObject({ recent: { failures: 9, isSlow: true }, degraded: true });
    expect(figuresToScore(figures, START_MS, START_MS + RECENT_MS)).toEqual({
      ...before,
      recent: { successes: 0, failures: 0, firstTokenMs: undefined, isSlow: false },
      degraded: false,
    });
    expect(RECENT_MS).toBe(30_000);
  });

  test.each([
    { name: "a claim that holds", state: "degraded", untilMs: START_MS + 1, degraded: true },
    { name: "a claim that has lapsed", state: "degraded", untilMs: START_MS, degraded: false },
    { name: "a claim that it is down", state: "down", untilMs: START_MS + 1, degraded: true },
    { name: "a claim that it goes away", state: "draining", untilMs: START_MS + 1, degraded: true },
    { name: "a claim that it is up", state: "up", untilMs: START_MS + 1, degraded: false },
  ] as const)("$name makes claimed and degraded $degraded", ({ state, untilMs, degraded }) => {
    const claimed = figuresOf("a", { outside: { state, reason: "", untilMs } });
    expect(figuresToScore(claimed, START_MS, START_MS)).toMatchObject({
      claimed: degraded,
      degraded,
    });
  });
});

describe("hasRecent()", () => {
  test.each([
    { name: "successes", figures: { recentSuccesses: 1 } },
    { name: "failures", figures: { recentFailures: 1 } },
    { name: "first tokens", figures: { recentFirstTokens: 1 } },
  ])("sees $name", ({ figures }) => {
    expect(hasRecent(figuresOf("a", figures))).toBe(true);
  });

  test("sees nothing in figures of the window alone", () => {
    expect(hasRecent(figuresOf("a", { successes: 10, failures: 3 }))).toBe(false);
  });
});

describe("holdsClaim()", () => {
  test("a claim has lapsed at its end", () => {
    const claim = { state: "up", reason: "", untilMs: 10 } as const;
    expect(holdsClaim(claim, 9)).toBe(true);
    expect(holdsClaim(claim, 10)).toBe(false);
  });
});
