import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { failureKinds, failureTraits, type Outcome } from "../../../src/domain/outcome.ts";
import type { EndpointScore } from "../../../src/domain/score.ts";
import { createScoreWindow } from "../../../src/score/score-window.ts";
import { failed, makeObservation, type ObservationChanges } from "./make-observation.ts";

const SLICE_MS = 30_000;
const MINUTE_MS = 60_000;

function windowOf(list: readonly ObservationChanges[]) {
  const window = createScoreWindow(0);
  for (const changes of list) {
    window.record(makeObservation(changes), changes.endedAtMs ?? 0);
  }
  return window;
}

function repeat(times: number, changes: ObservationChanges = {}): ObservationChanges[] {
  return new Array<ObservationChanges>(times).fill(changes);
}

function scoreOf(list: readonly ObservationChanges[], nowMs = 0): EndpointScore {
  const score = windowOf(list).read(nowMs);
  expect(score).toBeDefined();
  return score as EndpointScore;
}

describe("createScoreWindow()", () => {
  test("has no score without evidence", () => {
    expect(createScoreWindow(0).read(0)).toBeUndefined();
  });

  test("counts results, and rate limits apart", () => {
    const score = scoreOf([
      ...repeat(3),
      ...repeat(2, { outcome: failed("server-error") }),
      ...repeat(4, { outcome: failed("rate-limited") }),
    ]);
    expect(score).toMatchObject({ successes: 3, failures: 2, rateLimited: 4, success: 0.6 });
  });

  test.each(failureKinds.filter((kind) => failureTraits[kind].evidence === "none"))(
    "does not hold %s against the endpoint",
    (kind) => {
      const score = scoreOf([...repeat(5), ...repeat(9, { outcome: failed(kind) })]);
      expect(score).toMatchObject({ successes: 5, failures: 0, rateLimited: 0, success: 1 });
    },
  );

  test.each(failureKinds.filter((kind) => failureTraits[kind].evidence === "bad"))(
    "holds %s against the endpoint",
    (kind) => {
      const score = scoreOf([...repeat(3), ...repeat(3, { outcome: failed(kind) })]);
      expect(score).toMatchObject({ successes: 3, failures: 3, success: 0.5 });
    },
  );

  test("has no success ratio of fewer than five results", () => {
    expect(scoreOf(repeat(4)).success).toBeUndefined();
    expect(scoreOf(repeat(5)).success).toBe(1);
  });

  test("has a median of five samples and tails of twenty", () => {
    expect(scoreOf(repeat(4))).toMatchObject({
      firstTokenMs: { count: 4, p50: undefined, p95: undefined },
      tokensPerSecond: { count: 4, p5: undefined, p50: undefined, p95: undefined },
      durationMs: { count: 4, p50: undefined, p95: undefined },
    });
    const five = scoreOf(repeat(5));
    expect(five.firstTokenMs.p50).toBeCloseTo(500, -1);
    expect(five.tokensPerSecond.p50).toBeCloseTo(100, 0);
    expect(five).toMatchObject({
      firstTokenMs: { count: 5, p95: undefined },
      tokensPerSecond: { p5: undefined, p95: undefined },
      durationMs: { p95: undefined },
    });
    const twenty = scoreOf(repeat(20));
    expect(twenty.firstTokenMs.p95).toBeCloseTo(500, -1);
    expect(twenty.tokensPerSecond.p5).toBeCloseTo(100, 0);
    expect(twenty.tokensPerSecond.p95).toBeCloseTo(100, 0);
    expect(twenty.durationMs.p95).toBeCloseTo(2_000, -2);
  });

  test("knows neither first token nor throughput of an answer that came whole", () => {
    const score = scoreOf(repeat(5, { streamed: false }));
    expect(score.firstTokenMs.count).toBe(0);
    expect(score.tokensPerSecond.count).toBe(0);
    expect(score.durationMs.count).toBe(5);
  });

  test.each<{ name: string; changes: ObservationChanges }>([
    { name: "fewer than eight tokens", changes: { outputTokens: 7 } },
    { name: "less than 50 ms of generation", changes: { generationMs: 49.9 } },
    { name: "no generation", changes: { generationMs: undefined } },
    { name: "no usage", changes: { outputTokens: undefined } },
    { name: "tokens that are not a number", changes: { outputTokens: Number.NaN } },
  ])("takes no throughput of $name", ({ changes }) => {
    expect(scoreOf([changes]).tokensPerSecond.count).toBe(0);
  });

  test("takes the throughput of eight tokens in 50 ms", () => {
    const score = scoreOf(repeat(5, { outputTokens: 8, generationMs: 50 }));
    expect(score.tokensPerSecond.p50).toBeCloseTo(140, -1);
  });

  test("times the first token of attempts that the caller ended", () => {
    const canceled = { outcome: failed("canceled") };
    const score = scoreOf(repeat(5, canceled));
    expect(score.firstTokenMs.count).toBe(5);
    expect(score.durationMs.count + score.tokensPerSecond.count).toBe(0);
    expect(windowOf([{ ...canceled, firstTokenMs: undefined }]).read(0)).toBeUndefined();
  });

  test("does not time failures", () => {
    const score = scoreOf(repeat(5, { outcome: failed("idle-timeout") }));
    expect(score.firstTokenMs.count + score.durationMs.count).toBe(0);
  });

  test("drops what is not a number and what is negative", () => {
    const score = scoreOf([
      { firstTokenMs: Number.NaN, durationMs: -1 },
      { firstTokenMs: -5, durationMs: Number.NaN },
    ]);
    expect(score.firstTokenMs.count + score.durationMs.count).toBe(0);
  });

  test("judges minutes by their results", () => {
    const bad = { outcome: failed("overloaded"), endedAtMs: 2 * MINUTE_MS };
    const list = [...[0, 1, 2, 3, 4].map((minute) => ({ endedAtMs: minute * MINUTE_MS })), bad];
    expect(scoreOf(list, 5 * MINUTE_MS).uptime).toBe(0.8);
    expect(scoreOf(list, 5 * MINUTE_MS - 1).uptime).toBeUndefined();
  });

  test("is degraded by what happened in the last thirty seconds, and only then", () => {
    const list = repeat(5, { outcome: failed("server-error"), endedAtMs: 1_000 });
    expect(scoreOf(list, 29_999)).toMatchObject({ degraded: true, recent: { failures: 5 } });
    expect(scoreOf(list, 30_000)).toMatchObject({ degraded: false, recent: { failures: 0 } });
  });

  test("keeps the published figures out of reach of the last thirty seconds", () => {
    const list = [...repeat(100), ...repeat(60, { outcome: failed("network"), endedAtMs: 60_000 })];
    const during = scoreOf(list, 60_000);
    const after = scoreOf(list, 120_000);
    expect({ ...during, degraded: false, recent: after.recent, uptime: after.uptime }).toEqual(
      after,
    );
  });

  test("forgets everything after the window, and keeps uptime to the end of its minute", () => {
    const window = windowOf(repeat(30));
    expect(window.read(60 * SLICE_MS)).toMatchObject({ successes: 30 });
    expect(window.read(61 * SLICE_MS)).toBeUndefined();
    expect(window.firstTokenSamples()).toBe(0);
    const late = windowOf([{ endedAtMs: SLICE_MS * 2 }]);
    expect(late.read(62.5 * SLICE_MS)).toMatchObject({ successes: 1 });
  });

  test("tells when time alone changes the score", () => {
    const window = windowOf(repeat(1, { endedAtMs: 1_000 }));
    expect(window.nextChangeMs(1_000)).toBe(5_000);
    expect(window.nextChangeMs(31_000)).toBe(60_000);
    window.read(61 * SLICE_MS);
    expect(window.nextChangeMs(30.5 * MINUTE_MS)).toBe(31 * MINUTE_MS);
    expect(window.nextChangeMs(31 * MINUTE_MS)).toBe(Number.POSITIVE_INFINITY);
  });

  test("does not change before the time it tells", () => {
    const windowed = fc.array(fc.nat(400_000), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(windowed, fc.double({ min: 0, max: 0.999, noNaN: true }), (times, part) => {
        const sorted = times.toSorted((a, b) => a - b);
        const window = windowOf(sorted.map((endedAtMs) => ({ endedAtMs })));
        let nowMs = sorted.at(-1) ?? 0;
        for (let step = 0; step < 40; step++) {
          const before = window.read(nowMs);
          const nextMs = Math.min(window.nextChangeMs(nowMs), nowMs + SLICE_MS);
          expect(window.read(nowMs + (nextMs - nowMs) * part)).toEqual(before);
          nowMs = nextMs;
        }
      }),
      { seed: 1, numRuns: 50 },
    );
  });

  test("is frozen through and through", () => {
    const score = scoreOf(repeat(20));
    expect(Object.isFrozen(score)).toBe(true);
    for (const part of [score.firstTokenMs, score.tokensPerSecond, score.durationMs]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
    expect(Object.isFrozen(score.recent)).toBe(true);
  });

  test("does not depend on the order within a slice, and has no figure that is not a number", () => {
    const outcome: fc.Arbitrary<Outcome> = fc.oneof(
      fc.constant<Outcome>({ kind: "success" }),
      fc.constantFrom(...failureKinds).map((kind) => failed(kind)),
    );
    const changes = fc.record({
      outcome,
      endedAtMs: fc.nat(29_999),
      durationMs: fc.double(),
      firstTokenMs: fc.option(fc.double(), { nil: undefined }),
      generationMs: fc.option(fc.double(), { nil: undefined }),
      outputTokens: fc.option(fc.double(), { nil: undefined }),
      streamed: fc.boolean(),
    });
    const shuffled = fc
      .array(changes, { maxLength: 80 })
      .chain((list) =>
        fc.tuple(
          fc.constant(list),
          fc.shuffledSubarray(list, { minLength: list.length, maxLength: list.length }),
        ),
      );
    fc.assert(
      fc.property(shuffled, ([list, permuted]) => {
        const score = windowOf(list).read(30_000);
        expect(windowOf(permuted).read(30_000)).toEqual(score);
        expect(JSON.stringify(score ?? {})).not.toContain("null");
        const { p5, p50, p95 } = score?.tokensPerSecond ?? { p5: 0, p50: 0, p95: 0 };
        expect((p5 ?? 0) <= (p50 ?? 0)).toBe(true);
        expect((p50 ?? 0) <= (p95 ?? p50 ?? 0)).toBe(true);
      }),
      { seed: 2, numRuns: 300 },
    );
  });

  test("holds at most 100 KB at fifty calls a second for half an hour", () => {
    const window = createScoreWindow(0);
    const random = seeded(7);
    for (let index = 0; index < 90_000; index++) {
      // Log-normal with a 95th percentile of 3.3 medians, as live endpoints have.
      const firstTokenMs = 700 * Math.exp(0.73 * normal(random));
      const generationMs = 2_000 * Math.exp(0.7 * normal(random));
      const durationMs = firstTokenMs + generationMs;
      const outputTokens = 9 + Math.floor(200 * random());
      const changes = { firstTokenMs, generationMs, durationMs, outputTokens };
      window.record(makeObservation(changes), index * 20);
    }
    expect(window.read(1_800_000)?.successes).toBe(90_000);
    expect(window.heldBytes()).toBeLessThan(100 * 1_024);
  });
});

function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
}
