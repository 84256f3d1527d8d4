import { queryObjects } from "node:v8";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CallEnd, CallResult, CompletionCall } from "../../../src/domain/call.ts";
import type { SpendDimension, SpendField, SpendQuery } from "../../../src/domain/ledger.ts";
import { type Cost, UNKNOWN_COST } from "../../../src/domain/money.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { createSpendLedger, type SpendOptions } from "../../../src/ledger/spend.ts";
import { exampleCall, exampleEndpoint, examplePlan } from "../../support/examples.ts";
import { makeAttempt, makeRefusal, makeResult, someUsage, timingsOf } from "./make-call-end.ts";

const HOUR_MS = 3_600_000;
/** The beginning of an hour. */
const HOUR_0 = 500_000 * HOUR_MS;

const by = (...names: readonly string[]): readonly SpendDimension[] =>
  names.map((name) =>
    name.startsWith("label:")
      ? { kind: "label", key: name.slice(6) }
      : // The tests name fields that exist.
        { kind: "field", field: name as SpendField },
  );

const noPause = async () => undefined;

function ledger(options: Partial<SpendOptions> = {}) {
  const spend = createSpendLedger({
    hours: 24,
    seriesPerHour: 100,
    startedAtMs: HOUR_0,
    ...options,
  });
  return {
    ...spend,
    spend,
    tell(changes: Partial<CompletionCall> = {}, end: CallEnd = makeResult()) {
      spend.record(exampleCall({ receivedAtMs: HOUR_0, ...changes }), end);
    },
    report: (query: Partial<SpendQuery> = {}) =>
      spend.report({ hours: 24, groupBy: [], top: 100, nowMs: HOUR_0, ...query }, noPause),
  };
}

const caller = (application: string, labels: Readonly<Record<string, string>> = {}) => ({
  caller: { application, endUserHash: "", labels },
});

/** 100 tokens at $0.15 and 10 at $0.60 per million. */
const COST = 21_000n;

describe("createSpendLedger()", () => {
  test("sums up the cost and the tokens of calls", async () => {
    const { tell, report } = ledger();
    tell();
    tell();
    const { total, rows } = await report();
    expect(total).toEqual({
      calls: 2,
      failedCalls: 0,
      unpricedCalls: 0,
      usage: { ...someUsage, freshInput: 200, visibleOutput: 20 },
      unpricedUsage: undefined,
      cost: { total: 2n * COST, input: 30_000n, output: 12_000n, cache: 0n, request: 0n },
      givenUp: { attempts: 0, unknown: 0, cost: 0n },
      minCatalogRevision: 1,
      maxCatalogRevision: 1,
      priceVersions: ["0a1b2c3d4e5f"],
    });
    expect(rows).toEqual([{ values: [], sums: total }]);
  });

  test("sums up calls with very long labels as others, so that memory is bounded in bytes too", async () => {
    const { tell, report } = ledger();
    tell(caller("a", { note: "x".repeat(1_024) }));
    tell(caller("a", { note: "x" }));
    const { rows, total } = await report({ groupBy: by("application") });
    expect(total.calls).toBe(2);
    expect(rows.map(({ values, sums }) => [values, sums.calls])).toEqual([[["a"], 1]]);
  });

  test("counts calls of unknown price apart, with their tokens, and never as free", async () => {
    const { tell, report } = ledger();
    tell();
    tell({}, makeResult({ cost: UNKNOWN_COST }));
    const { total } = await report();
    expect(total).toMatchObject({ calls: 2, unpricedCalls: 1, unpricedUsage: someUsage });
    expect([total.usage, total.cost.total]).toEqual([someUsage, COST]);
  });

  test("counts what had come when an answer broke, because it is billed", async () => {
    const { tell, report } = ledger();
    const error = new RouterError("stream-interrupted", "it broke");
    const usage = { ...someUsage, source: "partial" as const };
    tell({}, makeResult({ error, partial: true, usage }));
    const { total } = await report();
    expect(total).toMatchObject({ calls: 1, failedCalls: 1, usage, cost: { total: COST } });
  });

  test("counts what the provider told of when no answer came, because it is billed", async () => {
    const { tell, report } = ledger();
    const error = new RouterError("upstream-unavailable", "empty");
    const told = { ...someUsage, visibleOutput: 0, reasoningOutput: 5_000 };
    const last = makeAttempt({ firstTokenMs: undefined, usage: told });
    const usage = { ...told, source: "partial" as const };
    tell({}, makeResult({ error, usage, attempts: [last] }));
    const { total } = await report();
    expect(total).toMatchObject({ calls: 1, failedCalls: 1, usage, cost: { total: 3_015_000n } });
  });

  test("counts no tokens of a call that failed before its answer began", async () => {
    const { tell, report } = ledger();
    const error = new RouterError("upstream-unavailable", "down");
    const cost = { total: 0, input: 0, output: 0, cache: 0, request: 0 };
    tell({}, makeResult({ error, cost, attempts: [makeAttempt({ firstTokenMs: undefined })] }));
    const { total } = await report();
    expect(total).toMatchObject({
      calls: 1,
      failedCalls: 1,
      usage: undefined,
      cost: { total: 0n },
    });
  });

  test("does not count calls that asked no endpoint", async () => {
    const { tell, report } = ledger();
    tell({}, makeRefusal());
    expect((await report()).total.calls).toBe(0);
  });

  test("sums up nothing when it is told to look back 0 hours", async () => {
    const { tell, report } = ledger({ hours: 0 });
    tell();
    expect((await report()).total.calls).toBe(0);
  });

  test("tells the revisions of the catalogue whose prices are in a sum", async () => {
    const { tell, report } = ledger();
    for (const catalogRevision of [7, 5, 6]) {
      const { decision } = examplePlan(exampleEndpoint("a"));
      tell({}, makeResult({ decision: { ...decision, catalogRevision } }));
    }
    expect((await report()).total).toMatchObject({ minCatalogRevision: 5, maxCatalogRevision: 7 });
  });

  test("tells the versions of the prices that are in a sum", async () => {
    const { tell, report } = ledger();
    for (const priceVersion of ["b", "a", "b"]) {
      const { decision } = examplePlan(exampleEndpoint("a"));
      tell({}, makeResult({ decision: { ...decision, priceVersion } }));
    }
    expect((await report()).total.priceVersions).toEqual(["b", "a"]);
  });
});

describe("groups", () => {
  test("tell calls apart by the endpoint that decided them, its model, and the tier", async () => {
    const { tell, report } = ledger();
    const b = exampleEndpoint("b", { model: "acme/two" });
    const attempts: CallResult["attempts"] = [
      makeAttempt({ firstTokenMs: undefined, outcome: { kind: "overloaded", message: "busy" } }),
      makeAttempt({ number: 2, endpoint: b }),
    ];
    tell({}, makeResult({ attempts }));
    const { rows } = await report({ groupBy: by("endpoint", "model", "tier") });
    expect(rows.map(({ values }) => values)).toEqual([["b", "acme/two", "standard"]]);
  });

  test("tell calls apart by the caller's labels; what is not given is empty", async () => {
    const { tell, report } = ledger();
    tell(caller("checkout", { team: "pay" }));
    tell(caller("checkout", { team: "pay", step: "2" }));
    tell(caller("checkout"));
    const { rows } = await report({ groupBy: by("label:team", "application", "label:toString") });
    expect(rows.map(({ values, sums }) => [...values, sums.calls])).toEqual([
      ["pay", "checkout", "", 2],
      ["", "checkout", "", 1],
    ]);
  });

  test("take labels in any order for the same", async () => {
    const { tell, report } = ledger({ seriesPerHour: 1 });
    tell(caller("x", { a: "1", b: "2" }));
    tell(caller("x", { b: "2", a: "1" }));
    const { other, total } = await report();
    expect([other.calls, total.calls]).toEqual([0, 2]);
  });

  test("come dearest first, ties by number of calls and then by name", async () => {
    const { tell, report } = ledger();
    const free = makeResult({ cost: { total: 0, input: 0, output: 0, cache: 0, request: 0 } });
    tell(caller("free-b"), free);
    tell(caller("free-a"), free);
    tell(caller("busy"), free);
    tell(caller("busy"), free);
    tell(caller("dear"));
    tell(caller("dearest"));
    tell(caller("dearest"));
    const { rows } = await report({ groupBy: by("application") });
    expect(rows.map(({ values }) => values[0])).toEqual([
      "dearest",
      "dear",
      "busy",
      "free-a",
      "free-b",
    ]);
  });

  test("beyond the most rows are summed up as the rest", async () => {
    const { tell, report } = ledger();
    tell(caller("a"));
    tell(caller("a"));
    tell(caller("b"));
    tell(caller("c"));
    const { rows, restGroups, rest, total } = await report({ groupBy: by("application"), top: 1 });
    expect(rows.map(({ values }) => values[0])).toEqual(["a"]);
    expect([restGroups, rest.calls, total.calls]).toEqual([2, 2, 4]);
  });

  test("beyond the most series of an hour are summed up as other and counted", async () => {
    const { tell, report } = ledger({ seriesPerHour: 2 });
    for (const name of ["a", "b", "c", "d", "a"]) {
      tell(caller(name));
    }
    const { rows, other, total } = await report({ groupBy: by("application") });
    expect(rows.map(({ values, sums }) => [values[0], sums.calls])).toEqual([
      ["a", 2],
      ["b", 1],
    ]);
    expect([other.calls, other.cost.total, total.calls]).toEqual([2, 2n * COST, 5]);
  });
});

describe("hours", () => {
  test("count by the end of a call, the running one and those asked for", async () => {
    const { tell, report } = ledger();
    for (const hour of [0, 1, 2]) {
      tell({ receivedAtMs: HOUR_0 + hour * HOUR_MS });
    }
    const nowMs = HOUR_0 + 2 * HOUR_MS + 5;
    const asked = await Promise.all([0, 1, 2].map((hours) => report({ hours, nowMs })));
    expect(asked.map(({ total, fromMs }) => [total.calls, fromMs - HOUR_0])).toEqual([
      [1, 2 * HOUR_MS],
      [2, HOUR_MS],
      [3, 0],
    ]);
  });

  test("take a call that began in the hour before", async () => {
    const { tell, report } = ledger();
    tell({ receivedAtMs: HOUR_0 + HOUR_MS - 50 }, makeResult({ timings: timingsOf(100) }));
    expect((await report({ hours: 0, nowMs: HOUR_0 + HOUR_MS })).total.calls).toBe(1);
  });

  test("are forgotten when they are too old", async () => {
    const { tell, report } = ledger({ hours: 2 });
    for (const hour of [0, 1, 2, 3]) {
      tell({ receivedAtMs: HOUR_0 + hour * HOUR_MS });
    }
    const { total, fromMs } = await report({ hours: 744, nowMs: HOUR_0 + 3 * HOUR_MS });
    expect([total.calls, fromMs]).toEqual([3, HOUR_0 + HOUR_MS]);
  });

  test("are not counted from before the process began", async () => {
    const { report, sinceMs } = ledger({ startedAtMs: HOUR_0 + 5 });
    expect([(await report({ nowMs: HOUR_0 + 10 })).fromMs, sinceMs]).toEqual([
      HOUR_0 + 5,
      HOUR_0 + 5,
    ]);
  });

  test("take what a clock that goes back brings into the newest", async () => {
    const { tell, report } = ledger();
    tell({ receivedAtMs: HOUR_0 + HOUR_MS });
    tell({ receivedAtMs: HOUR_0 });
    expect((await report({ hours: 0, nowMs: HOUR_0 + HOUR_MS })).total.calls).toBe(2);
  });

  test("keep what was counted in them when the next begin, and late calls go into the newest", async () => {
    const told = fc.record({
      application: fc.constantFrom("a", "b", "c"),
      hour: fc.nat({ max: 6 }),
      nanoUsd: fc.maxSafeNat(),
    });
    const settings = fc.record({
      calls: fc.array(told, { minLength: 1, maxLength: 40 }),
      seriesPerHour: fc.integer({ min: 1, max: 3 }),
      hours: fc.nat({ max: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(settings, async ({ calls, seriesPerHour, hours }) => {
        const { tell, report } = ledger({ seriesPerHour });
        const recount = new Map<number, bigint>();
        let newest = 0;
        for (const { application, hour, nanoUsd } of calls) {
          const cost = { total: nanoUsd, input: nanoUsd, output: 0, cache: 0, request: 0 };
          tell(
            { ...caller(application), receivedAtMs: HOUR_0 + hour * HOUR_MS },
            makeResult({ cost }),
          );
          newest = Math.max(newest, hour);
          recount.set(newest, (recount.get(newest) ?? 0n) + BigInt(nanoUsd));
        }
        const { total } = await report({ hours, nowMs: HOUR_0 + newest * HOUR_MS });
        const wanted = [...recount].filter(([hour]) => hour >= newest - hours);
        expect(total.cost.total).toBe(wanted.reduce((sum, [, cost]) => sum + cost, 0n));
      }),
      { seed: 21, numRuns: 300 },
    );
  });

  test("that are over keep no map that finds their series", async () => {
    const { tell, report } = ledger({ hours: 1_000 });
    const fill = (hour: number) => tell({ receivedAtMs: HOUR_0 + hour * HOUR_MS });
    fill(0);
    const before = queryObjects(Map, { format: "count" });
    for (let hour = 1; hour <= 500; hour += 1) {
      fill(hour);
    }
    const made = queryObjects(Map, { format: "count" }) - before;
    // Whatever else runs in this process makes some; an index has two.
    expect(made).toBeLessThan(250);
    const { total } = await report({ hours: 1_000, nowMs: HOUR_0 + 500 * HOUR_MS });
    expect(total.calls).toBe(501);
  });
});

describe("attempts that were given up", () => {
  const failed = { kind: "network", message: "reset" } as const;
  const elsewhere = exampleEndpoint("elsewhere", { model: "acme/two" });
  const costing = (total: number): Cost => ({ ...UNKNOWN_COST, total, input: total });
  const switched = (first: Parameters<typeof makeAttempt>[0]) =>
    makeResult({
      attempts: [
        makeAttempt({ endpoint: elsewhere, outcome: failed, ...first }),
        makeAttempt({ number: 2 }),
      ],
    });

  test("cost what had come of their answer, apart from calls, at their own endpoint", async () => {
    const { tell, report } = ledger();
    tell(caller("a"), switched({ givenUpCost: costing(Number(COST)) }));
    const { rows, total } = await report({ groupBy: by("application", "endpoint", "model") });
    expect(rows).toMatchObject([
      { values: ["a", "a", "acme/one"], sums: { calls: 1, givenUp: { attempts: 0 } } },
      {
        values: ["a", "elsewhere", "acme/two"],
        sums: { calls: 0, givenUp: { attempts: 1, unknown: 0, cost: COST }, maxCatalogRevision: 1 },
      },
    ]);
    expect(total).toMatchObject({
      calls: 1,
      cost: { total: COST },
      givenUp: { attempts: 1, unknown: 0, cost: COST },
    });
  });

  test("are counted apart when their cost is not known", async () => {
    const { tell, report } = ledger();
    tell({}, switched({ givenUpCost: UNKNOWN_COST }));
    expect((await report()).total.givenUp).toEqual({ attempts: 1, unknown: 1, cost: 0n });
  });

  test("are not counted when they are taken not to be billed", async () => {
    const { tell, report } = ledger();
    tell({}, switched({ usage: someUsage }));
    expect((await report()).total.givenUp).toEqual({ attempts: 0, unknown: 0, cost: 0n });
  });

  test("do not count the attempt that decided the call", async () => {
    const { tell, report } = ledger();
    const error = new RouterError("stream-interrupted", "it broke");
    tell({}, makeResult({ error, attempts: [makeAttempt({ outcome: failed, usage: someUsage })] }));
    expect((await report()).total.givenUp.attempts).toBe(0);
  });
});

test("rows, rest and other equal a recount of every call, whatever tells them apart", async () => {
  const word = fc.constantFrom("", "a", "b", "1:a", "a1:");
  const told = fc.record({
    application: word,
    team: word,
    operation: word,
    endpoint: fc.constantFrom("x", "y"),
    minute: fc.nat({ max: 240 }),
    nanoUsd: fc.maxSafeNat(),
  });
  const settings = fc.record({
    calls: fc.array(told, { maxLength: 60 }),
    seriesPerHour: fc.integer({ min: 1, max: 30 }),
    top: fc.integer({ min: 1, max: 10 }),
    groupBy: fc.subarray(["application", "label:team", "operation", "endpoint"]),
  });
  await fc.assert(
    fc.asyncProperty(settings, async ({ calls, seriesPerHour, top, groupBy }) => {
      const { tell, report } = ledger({ seriesPerHour, hours: 24 });
      for (const { application, team, operation, endpoint, minute, nanoUsd } of calls) {
        const served = exampleEndpoint(endpoint);
        const decision = { ...examplePlan(served).decision, operation };
        const cost = { total: nanoUsd, input: nanoUsd, output: 0, cache: 0, request: 0 };
        tell(
          { ...caller(application, { team }), receivedAtMs: HOUR_0 + minute * 60_000 },
          makeResult({ decision, cost }, served),
        );
      }
      const query = { groupBy: by(...groupBy), top, nowMs: HOUR_0 + 5 * HOUR_MS };
      const { rows, rest, other, total } = await report(query);
      const parts = [...rows.map(({ sums }) => sums), rest, other];
      const recounted = calls.reduce((sum, { nanoUsd }) => sum + BigInt(nanoUsd), 0n);
      expect(total.calls).toBe(calls.length);
      expect(total.cost.total).toBe(recounted);
      expect(parts.reduce((sum, part) => sum + part.calls, 0)).toBe(calls.length);
      expect(parts.reduce((sum, part) => sum + part.cost.total, 0n)).toBe(recounted);
    }),
    { seed: 8, numRuns: 300 },
  );
});
