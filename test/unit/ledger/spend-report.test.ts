import { describe, expect, test } from "vitest";
import type { SpendQuery } from "../../../src/domain/ledger.ts";
import type { Cost } from "../../../src/domain/money.ts";
import { type Hour, reportOf, type Series } from "../../../src/ledger/spend-report.ts";
import { addCall, createTally, type Tally } from "../../../src/ledger/spend-sums.ts";

const PRICES = { catalogRevision: 1, priceVersion: "0a1b2c3d4e5f" };
const COST: Cost = { total: 3, input: 1, output: 2, cache: 0, request: 0 };

function count(tally: Tally): void {
  addCall(tally, { failed: false, usage: undefined, cost: COST, ...PRICES });
}

function seriesOf(application: string): Series {
  const tally = createTally();
  count(tally);
  const fields = { application, operation: "", model: "m", endpoint: "e", tier: "standard" };
  return { ...fields, labels: {}, tally };
}

/** 20 hours of 1,000 series each, all of them different. */
function large(): readonly Hour[] {
  return Array.from({ length: 20 }, (_, number) => ({
    number,
    series: Array.from({ length: 1_000 }, (__, index) => seriesOf(`${number * 1_000 + index}`)),
    other: createTally(),
  }));
}

const query = (field: "application" | "endpoint"): SpendQuery => ({
  hours: 24,
  groupBy: [{ kind: "field", field }],
  top: 5,
  nowMs: 0,
});

describe("reportOf()", () => {
  test("pauses every 1,024 series, and every 1,024 groups of them, so that no turn is long", async () => {
    let pauses = 0;
    const { rows, restGroups, total } = await reportOf(large(), query("application"), async () => {
      pauses += 1;
    });
    expect(pauses).toBe(Math.floor(40_000 / 1_024));
    expect([rows.length, restGroups, total.calls]).toEqual([5, 19_995, 20_000]);
  });

  test("adds up whatever is counted while it pauses", async () => {
    const hours = large();
    const { rows, total, other } = await reportOf(hours, query("endpoint"), async () => {
      for (const { series, other: rest } of hours) {
        count(rest);
        for (const { tally } of series.slice(-1)) {
          count(tally);
        }
      }
    });
    const calls = rows.reduce((sum, { sums }) => sum + sums.calls, other.calls);
    expect(total.calls).toBeGreaterThan(20_000);
    expect(calls).toBe(total.calls);
    expect(total.cost.total).toBe(BigInt(3 * total.calls));
  });

  test.each([
    ["a", "b"],
    ["b", "a"],
  ])(
    "names the prices of all hours, whatever groups the calls are in: %s, %s",
    async (...names) => {
      const hours = names.map((name, number) => {
        const tally = createTally();
        const priceVersion = `version-${number}`;
        addCall(tally, { failed: false, usage: undefined, cost: COST, ...PRICES, priceVersion });
        return { number, series: [{ ...seriesOf(name), tally }], other: createTally() };
      });
      const { total } = await reportOf(hours, query("application"), async () => undefined);
      expect(total.priceVersions.toSorted()).toEqual(["version-0", "version-1"]);
    },
  );

  test("names eight versions of prices and no more", async () => {
    const versions = Array.from({ length: 12 }, (_, number) => `version-${number}`);
    const hours = versions.map((priceVersion, number) => {
      const tally = createTally();
      addCall(tally, { failed: false, usage: undefined, cost: COST, ...PRICES, priceVersion });
      return { number, series: [{ ...seriesOf(`${11 - number}`), tally }], other: createTally() };
    });
    const { total } = await reportOf(hours, query("application"), async () => undefined);
    expect(new Set(total.priceVersions).size).toBe(8);
    expect(versions).toEqual(expect.arrayContaining([...total.priceVersions]));
  });

  test("chooses the dearest, then those with most calls, then by name", async () => {
    const series = ["b", "a", "twice", "dear"].map(seriesOf);
    const [, , twice, dear] = series as [Series, Series, Series, Series];
    const free = { total: 0, input: 0, output: 0, cache: 0, request: 0 };
    addCall(twice.tally, { failed: false, usage: undefined, cost: free, ...PRICES });
    count(dear.tally);
    const hour = { number: 0, series, other: createTally() };
    const { rows } = await reportOf([hour], query("application"), async () => undefined);
    expect(rows.map(({ values }) => values[0])).toEqual(["dear", "twice", "a", "b"]);
  });
});
