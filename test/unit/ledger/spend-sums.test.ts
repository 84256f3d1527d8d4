import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Cost, UNKNOWN_COST } from "../../../src/domain/money.ts";
import type { Usage } from "../../../src/domain/usage.ts";
import {
  addCall,
  addGivenUp,
  addTally,
  createTally,
  dearness,
  type GivenUpAttempt,
  type SpentCall,
  sumsOf,
  type Tally,
} from "../../../src/ledger/spend-sums.ts";
import { someUsage } from "./make-call-end.ts";

const nano = fc.oneof(fc.nat(), fc.maxSafeNat());
const count = fc.nat({ max: 1_000_000 });
const cost: fc.Arbitrary<Cost> = fc
  .record({ input: nano, output: nano, cache: nano, request: nano })
  .map((parts) => ({ ...parts, total: 0 }));
const usage: fc.Arbitrary<Usage> = fc.record({
  freshInput: count,
  cacheRead: count,
  cacheWrite: count,
  visibleOutput: count,
  reasoningOutput: count,
  source: fc.constantFrom("provider", "estimated", "partial"),
});
const prices = {
  catalogRevision: fc.integer({ min: 1, max: 9 }),
  priceVersion: fc.constantFrom("a", "b", "c"),
};
const call: fc.Arbitrary<SpentCall> = fc.record({
  failed: fc.boolean(),
  usage: fc.option(usage, { nil: undefined }),
  cost: fc.oneof({ weight: 5, arbitrary: cost }, fc.constant(UNKNOWN_COST)),
  ...prices,
});

const givenUp: fc.Arbitrary<GivenUpAttempt> = fc.record({
  cost: fc.option(nano, { nil: undefined }),
  ...prices,
});

/** The obvious way: everything in `bigint`, one field after the other. */
function recount(calls: readonly SpentCall[], attempts: readonly GivenUpAttempt[] = []) {
  const priced = calls.filter((each) => each.cost.total !== undefined);
  const sum = (list: readonly number[]) => list.reduce((left, each) => left + BigInt(each), 0n);
  const tokens = (list: readonly SpentCall[]) => {
    const usages = list.flatMap((each) => each.usage ?? []);
    const of = (field: Exclude<keyof Usage, "source">) =>
      Number(sum(usages.map((each) => each[field])));
    const worst = (["partial", "estimated", "provider"] as const).find((source) =>
      usages.some((each) => each.source === source),
    );
    return worst === undefined
      ? undefined
      : {
          freshInput: of("freshInput"),
          cacheRead: of("cacheRead"),
          cacheWrite: of("cacheWrite"),
          visibleOutput: of("visibleOutput"),
          reasoningOutput: of("reasoningOutput"),
          source: worst,
        };
  };
  const part = (field: "input" | "output" | "cache" | "request") =>
    sum(priced.map((each) => each.cost[field]));
  const parts = {
    input: part("input"),
    output: part("output"),
    cache: part("cache"),
    request: part("request"),
  };
  const revisions = [...calls, ...attempts].map(({ catalogRevision }) => catalogRevision);
  return {
    calls: calls.length,
    failedCalls: calls.filter(({ failed }) => failed).length,
    unpricedCalls: calls.length - priced.length,
    usage: tokens(priced),
    unpricedUsage: tokens(calls.filter((each) => each.cost.total === undefined)),
    cost: { total: parts.input + parts.output + parts.cache + parts.request, ...parts },
    givenUp: {
      attempts: attempts.length,
      unknown: attempts.filter((each) => each.cost === undefined).length,
      cost: sum(attempts.map((each) => each.cost ?? 0)),
    },
    minCatalogRevision: revisions.length === 0 ? 0 : Math.min(...revisions),
    maxCatalogRevision: Math.max(0, ...revisions),
    priceVersions: [
      ...new Set([...calls, ...attempts].map(({ priceVersion }) => priceVersion)),
    ].sort(),
  };
}

/** What came first depends on who added it up. */
function sortedSumsOf(tally: Tally) {
  const sums = sumsOf(tally);
  return { ...sums, priceVersions: sums.priceVersions.toSorted() };
}

function tallyOf(calls: readonly SpentCall[], attempts: readonly GivenUpAttempt[] = []) {
  const tally = createTally();
  for (const each of attempts) {
    addGivenUp(tally, each);
  }
  for (const each of calls) {
    addCall(tally, each);
  }
  return tally;
}

const callAt = (priceVersion: string): SpentCall => ({
  failed: false,
  usage: someUsage,
  cost: UNKNOWN_COST,
  catalogRevision: 1,
  priceVersion,
});

describe("a tally", () => {
  test("equals a recount, exactly and far beyond what a number holds", () => {
    fc.assert(
      fc.property(fc.array(call, { maxLength: 40 }), fc.array(givenUp), (calls, attempts) => {
        expect(sortedSumsOf(tallyOf(calls, attempts))).toEqual(recount(calls, attempts));
      }),
      { seed: 5, numRuns: 500 },
    );
  });

  test("of tallies equals one of all their calls", () => {
    const group = fc.tuple(fc.array(call, { maxLength: 8 }), fc.array(givenUp, { maxLength: 8 }));
    fc.assert(
      fc.property(fc.array(group, { maxLength: 8 }), (groups) => {
        const sum = createTally();
        for (const [calls, attempts] of groups) {
          addTally(sum, tallyOf(calls, attempts));
        }
        const calls = groups.flatMap(([each]) => each);
        const attempts = groups.flatMap(([, each]) => each);
        expect(sortedSumsOf(sum)).toEqual(recount(calls, attempts));
      }),
      { seed: 6, numRuns: 300 },
    );
  });

  test("leaves what it adds as it was", () => {
    const part = tallyOf([callAt("a"), callAt("b")]);
    const before = structuredClone(part);
    const sum = createTally();
    addTally(sum, part);
    addTally(sum, part);
    expect(part).toEqual(before);
    expect(someUsage.freshInput).toBe(100);
  });

  test("names the prices that are in it, and at most eight of them", () => {
    const versions = [..."bacadefghij"];
    const first = [..."bacdefgh"];
    expect(sumsOf(tallyOf(versions.map(callAt))).priceVersions).toEqual(first);
    const sum = createTally();
    addTally(sum, tallyOf(versions.slice(0, 3).map(callAt)));
    addTally(sum, createTally());
    addTally(sum, tallyOf(versions.slice(2).map(callAt)));
    expect(sumsOf(sum).priceVersions).toEqual(first);
    expect(sumsOf(createTally()).priceVersions).toEqual([]);
  });

  test("is as dear as its exact cost, compared in numbers wherever they hold it", () => {
    fc.assert(
      fc.property(fc.array(call), fc.array(call), (left, right) => {
        const [one, other] = [tallyOf(left), tallyOf(right)];
        const [oneCost, otherCost] = [sumsOf(one).cost.total, sumsOf(other).cost.total];
        expect(dearness(one) > dearness(other)).toBe(oneCost > otherCost);
        expect(dearness(one) === dearness(other)).toBe(oneCost === otherCost);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});
