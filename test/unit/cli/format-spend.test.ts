import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  GetSpendResponseSchema,
  type SpendSums,
  SpendSumsSchema,
} from "../../../gen/atlas/v1/insight_service_pb.ts";
import { UsageSchema } from "../../../gen/atlas/v1/types_pb.ts";
import { formatSpend } from "../../../src/cli/format-spend.ts";
import { createPaint } from "../../../src/cli/paint.ts";
import { timestampFromMs } from "../../../src/wire/wire-time.ts";

const layout = {
  columns: undefined,
  paint: createPaint(false),
  groupBy: ["application", "label:team"],
  hours: 24,
};
const STARTED_MS = Date.UTC(2026, 10, 22, 9, 0);

const sums = (callCount: bigint, totalNanoUsd: bigint, changes: Partial<SpendSums> = {}) => ({
  ...create(SpendSumsSchema, {
    callCount,
    usage: { freshInputTokens: 1_000n * callCount, visibleOutputTokens: 10n * callCount },
    cost: { totalNanoUsd },
    priceVersions: ["0a1b2c3d4e5f"],
  }),
  ...changes,
});

const answer = (changes: MessageInitShape<typeof GetSpendResponseSchema>) =>
  create(GetSpendResponseSchema, {
    keptHours: 72,
    startTime: timestampFromMs(STARTED_MS),
    sinceTime: timestampFromMs(STARTED_MS - 1),
    ...changes,
  });

describe("formatSpend()", () => {
  it("shows the sums of each group, what is left over, and the total", () => {
    const response = answer({
      rows: [
        { values: ["checkout", "pay"], sums: sums(3n, 750_000_000n, { failedCallCount: 1n }) },
        { values: ["search", ""], sums: sums(1n, 100_000_000n) },
      ],
      restGroupCount: 2,
      rest: sums(2n, 100_000_000n),
      other: sums(1n, 50_000_000n),
      total: sums(7n, 1_000_000_000n, { failedCallCount: 1n }),
    });
    expect(formatSpend(response, layout)).toBe(`\
application       label:team  calls  failed  input tokens  output tokens   cost    share
checkout          pay             3       1         3,000             30  $0.75   75.0 %
search            —               1       0         1,000             10  $0.10   10.0 %
(2 more)                          2       0         2,000             20  $0.10   10.0 %
(not told apart)                  1       0         1,000             10  $0.05    5.0 %
total                             7       1         7,000             70  $1.00  100.0 %

this replica since 2026-11-22 09:00 UTC, at prices 0a1b2c3d4e5f
`);
  });

  it("counts calls of unknown price apart and never shows them as free", () => {
    const unpriced = {
      unpricedCallCount: 2n,
      unpricedUsage: create(UsageSchema, { freshInputTokens: 50n, visibleOutputTokens: 5n }),
    };
    const response = answer({
      rows: [{ values: ["a", ""], sums: { callCount: 2n, ...unpriced } }],
      total: sums(3n, 21_000n, unpriced),
    });
    const text = formatSpend(response, layout);
    expect(text).toMatch(/^a +— +2 +0 +50 +5 +— +—$/m);
    expect(text).toContain(
      "2 calls of unknown price, with 50 input and 5 output tokens: what they cost is in no sum\n",
    );
  });

  it.each([
    [[], "UTC"],
    [["a", "b"], "UTC, at prices a, b"],
    [[..."abcdefgh"], "UTC, at prices a, b, c, d, e, f, g, h and perhaps others"],
  ])("names the versions of the prices: %j", (priceVersions, shown) => {
    const text = formatSpend(answer({ total: sums(1n, 1n, { priceVersions }) }), layout);
    expect(text).toContain(`this replica since 2026-11-22 09:00 ${shown}\n`);
  });

  it("shows what attempts that were given up cost, beside the calls", () => {
    const lost = { givenUpAttemptCount: 2n, givenUpNanoUsd: 250_000_000n };
    const unknown = { givenUpAttemptCount: 1n, unknownGivenUpAttemptCount: 1n };
    const response = answer({
      rows: [
        { values: ["a", ""], sums: sums(1n, 500_000_000n) },
        { values: ["b", ""], sums: lost },
        { values: ["c", ""], sums: { callCount: 0n, ...unknown } },
      ],
      total: sums(1n, 500_000_000n, {
        givenUpAttemptCount: 3n,
        unknownGivenUpAttemptCount: 1n,
        givenUpNanoUsd: 250_000_000n,
      }),
    });
    expect(formatSpend(response, layout)).toBe(`\
application  label:team  calls  failed  input tokens  output tokens   cost    share  given up
a            —               1       0         1,000             10  $0.50  100.0 %     $0.00
b            —               0       0             0              0  $0.00    0.0 %     $0.25
c            —               0       0             0              0  $0.00    0.0 %         —
total                        1       0         1,000             10  $0.50  100.0 %     $0.25

this replica since 2026-11-22 09:00 UTC, at prices 0a1b2c3d4e5f
3 attempts given up after the answer began, for $0.25, 1 of them of unknown cost: beside the costs above
`);
  });

  it("shows one sum when nothing is told apart", () => {
    const total = sums(2n, 42_000n);
    const text = formatSpend(answer({ rows: [{ values: [], sums: total }], total }), {
      ...layout,
      groupBy: [],
    });
    expect(text.split("\n").slice(1, 3)).toEqual([
      "total      2       0         2,000             20  $0.000042  100.0 %",
      "",
    ]);
  });

  it("says when the replica has not counted for so long, or keeps less", () => {
    const total = sums(1n, 0n);
    const response = answer({ total, sinceTime: timestampFromMs(STARTED_MS), keptHours: 12 });
    const text = formatSpend(response, layout);
    expect(text).toContain("this replica since 2026-11-22 09:00 UTC, when it started, at");
    expect(text).toContain("hours beyond 12 are not kept: telemetry.spend.hours\n");
  });

  it("says that there were no calls", () => {
    expect(formatSpend(answer({ total: {} }), layout)).toBe(
      "no calls since 2026-11-22 09:00 UTC\n",
    );
  });

  it("says that nothing is summed up", () => {
    expect(formatSpend(answer({ keptHours: 0 }), layout)).toBe(
      "this router sums up nothing: telemetry.spend.hours is 0\n",
    );
  });
});
