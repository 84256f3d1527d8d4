import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom } from "../../../src/plan/random.ts";
import { createCellCounts, readDelta } from "../../../src/score/delta-cells.ts";
import { bucketOf, firstTokenLayout, percentilesOf } from "../../../src/score/log-histogram.ts";
import {
  createRecentFirstTokens,
  isSlow,
  type RecentFirstTokens,
  typicalOf,
} from "../../../src/score/recent-first-tokens.ts";
import { makeDelta } from "./make-report.ts";

/** One report of so many answers, each in the bucket of its milliseconds. */
function add(recent: RecentFirstTokens, second: number, ms: number, answers: number): void {
  const counts = createCellCounts();
  readDelta(
    makeDelta({
      successes: answers,
      firstToken: { buckets: [bucketOf(firstTokenLayout, ms)], counts: [answers] },
      throughput: { buckets: [7], counts: [1] },
      duration: { buckets: [9], counts: [answers] },
    }),
    counts,
  );
  recent.add(second * 1_000, counts);
}

const typicalMsAt = (
  recent: RecentFirstTokens,
  second: number,
  usualMs: number | undefined = 100,
) => typicalOf(recent.read(second * 1_000, usualMs)).typicalMs;

const nothing = { samples: 0, bucketSum: 0, untilMs: Number.POSITIVE_INFINITY };

describe("createRecentFirstTokens()", () => {
  test("takes two slow answers that came after many fast ones, and leaves out the fast ones", () => {
    const recent = createRecentFirstTokens();
    add(recent, 10, 100, 1_000);
    add(recent, 11, 10_000, 1);
    add(recent, 13, 10_000, 1);
    expect(recent.read(13_000, 100)).toMatchObject({ samples: 2, untilMs: 41_000 });
    expect(typicalMsAt(recent, 13)).toBeGreaterThan(9_800);
    expect(typicalMsAt(recent, 13)).toBeLessThan(10_200);
  });

  test("takes all that are a little slow, because together they say more", () => {
    const recent = createRecentFirstTokens();
    for (let second = 0; second < 20; second++) {
      add(recent, second, 250, 1);
    }
    expect(recent.read(19_000, 100)).toMatchObject({ samples: 20, untilMs: 30_000 });
    expect(typicalMsAt(recent, 19)).toBeCloseTo(250, -1);
  });

  test("does not take one straggler for slowness, if another has come since", () => {
    const recent = createRecentFirstTokens();
    add(recent, 4, 100, 20);
    add(recent, 5, 10_000, 1);
    add(recent, 6, 100, 20);
    expect(typicalMsAt(recent, 6)).toBeLessThan(130);
  });

  test("takes all that are there while nobody knows what is usual", () => {
    const recent = createRecentFirstTokens();
    add(recent, 4, 100, 2);
    add(recent, 5, 10_000, 2);
    expect(recent.read(6_000, undefined).samples).toBe(4);
  });

  test("knows nothing older than 30 s", () => {
    const recent = createRecentFirstTokens();
    add(recent, 20, 100, 50);
    expect(recent.read(49_999, 100)).toMatchObject({ samples: 50, untilMs: 50_000 });
    expect(recent.read(50_000, 100)).toEqual(nothing);
    add(recent, 50, 100, 1);
    add(recent, 20, 100, 50);
    expect(recent.read(50_000, 100)).toMatchObject({ samples: 1, untilMs: 80_000 });
  });

  test("says nothing of a single answer", () => {
    const recent = createRecentFirstTokens();
    add(recent, 0, 900, 1);
    expect(typicalOf(recent.read(0, 100))).toEqual({ samples: 1, typicalMs: undefined });
    add(recent, 0, 900, 1);
    expect(typicalMsAt(recent, 0)).toBeCloseTo(907.03, 2);
  });

  test("counts first tokens and nothing else of a report", () => {
    const recent = createRecentFirstTokens();
    const counts = createCellCounts();
    readDelta(makeDelta({ successes: 9, duration: { buckets: [3], counts: [9] } }), counts);
    recent.add(0, counts);
    readDelta(
      makeDelta({
        failures: new Map([["network", 4]]),
        firstToken: { buckets: [0, 665], counts: [2, 3] },
      }),
      counts,
    );
    recent.add(0, counts);
    expect(recent.read(0, 1)).toMatchObject({ samples: 5, bucketSum: 3 * 665 });
    expect(recent.heldBytes()).toBe(720);
  });

  test("is the same in whatever order reports of a second come", () => {
    const answers = fc.array(
      fc.record({
        second: fc.integer({ min: 0, max: 3 }),
        ms: fc.integer({ min: 1, max: 900_000 }),
        answers: fc.integer({ min: 1, max: 20 }),
      }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(answers, answers, fc.integer({ min: 1, max: 900_000 }), (one, two, usualMs) => {
        const [first, second] = [createRecentFirstTokens(), createRecentFirstTokens()];
        const told = [...one, ...two].toSorted((left, right) => left.second - right.second);
        const other = told.toReversed().toSorted((left, right) => left.second - right.second);
        for (const { second: at, ms, answers: count } of told) {
          add(first, at, ms, count);
        }
        for (const { second: at, ms, answers: count } of other) {
          add(second, at, ms, count);
        }
        expect(second.read(3_000, usualMs)).toEqual(first.read(3_000, usualMs));
      }),
      { seed: 4, numRuns: 300 },
    );
  });
});

describe("isSlow()", () => {
  const usual = { p50: 300, p95: 900 };

  test.each([
    { samples: 10, typicalMs: 850, is: false },
    { samples: 10, typicalMs: 880, is: true },
    { samples: 5, typicalMs: 1_300, is: false },
    { samples: 5, typicalMs: 1_350, is: true },
    { samples: 1_000, typicalMs: 590, is: false },
    { samples: 1_000, typicalMs: 610, is: true },
    { samples: 4, typicalMs: undefined, is: false },
  ])(
    "is $is of $samples answers at $typicalMs ms where 300 and 900 are usual",
    ({ is, ...told }) => {
      expect(isSlow(told, usual)).toBe(is);
    },
  );

  test("is false of what nobody notices", () => {
    const fast = { p50: 10, p95: 11 };
    expect(isSlow({ samples: 100, typicalMs: 109 }, fast)).toBe(false);
    expect(isSlow({ samples: 100, typicalMs: 110 }, fast)).toBe(true);
  });

  test("is false where the window has too few samples to say what is usual", () => {
    const told = { samples: 100, typicalMs: 9_000 };
    expect(isSlow(told, { p50: undefined, p95: undefined })).toBe(false);
    expect(isSlow(told, { p50: 100, p95: undefined })).toBe(false);
  });

  test("is true of fewer than one in 10,000 readings of an endpoint as it ever was", () => {
    const random = createRandom("draws");
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    // A spread of 1: one in twenty takes five times the median.
    const draw = () => 400 * Math.exp(normal());
    const counts = new Uint32Array(firstTokenLayout.buckets);
    for (let sample = 0; sample < 20_000; sample++) {
      const bucket = bucketOf(firstTokenLayout, draw());
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    const [p50, p95] = percentilesOf(firstTokenLayout, counts, 20_000, [50, 95]);
    const recent = createRecentFirstTokens();
    let slow = 0;
    for (let second = 0; second < 100_000; second++) {
      add(recent, second, draw(), 1);
      slow += isSlow(typicalOf(recent.read(second * 1_000, p50)), { p50, p95 }) ? 1 : 0;
    }
    expect(slow).toBeLessThan(10);
  });
});
