import { describe, expect, it } from "vitest";
import { createSeriesIndex, type SeriesNames } from "../../../src/ledger/series-index.ts";
import type { Series } from "../../../src/ledger/spend-report.ts";
import { createTally } from "../../../src/ledger/spend-sums.ts";

const names: SeriesNames = {
  application: "mail",
  operation: "summarize",
  model: "acme/one",
  endpoint: "acme/one@east",
  tier: "standard",
  labels: { team: "red" },
};

function createHour(limit = 10) {
  const series: Series[] = [];
  const other = createTally();
  return { series, other, tallyOf: createSeriesIndex({ series, other }, limit) };
}

describe("createSeriesIndex()", () => {
  it("gives calls of one series the one tally", () => {
    const { series, tallyOf } = createHour();
    const tally = tallyOf(names);
    expect(tallyOf({ ...names, labels: { team: "red" } })).toBe(tally);
    expect(series).toEqual([{ ...names, tally }]);
  });

  it.each([
    { what: "applications", other: { application: "chat" } },
    { what: "operations", other: { operation: "translate" } },
    { what: "endpoints", other: { endpoint: "acme/one@west" } },
    { what: "tiers", other: { tier: "realtime" as const } },
    { what: "labels", other: { labels: { team: "blue" } } },
  ])("keeps calls of different $what apart, also by turns", ({ other }) => {
    const { series, tallyOf } = createHour();
    const first = tallyOf(names);
    const second = tallyOf({ ...names, ...other });
    expect(second).not.toBe(first);
    expect([tallyOf(names), tallyOf({ ...names, ...other })]).toEqual([first, second]);
    expect(tallyOf(names)).toBe(first);
    expect(series).toHaveLength(2);
  });

  it("puts what exceeds the limit, or has a key too long to be kept, into the other tally", () => {
    const { series, other, tallyOf } = createHour(1);
    expect(tallyOf({ ...names, application: "x".repeat(2_000) })).toBe(other);
    const first = tallyOf(names);
    expect(tallyOf({ ...names, application: "chat" })).toBe(other);
    expect(tallyOf(names)).toBe(first);
    expect(series).toHaveLength(1);
  });
});
