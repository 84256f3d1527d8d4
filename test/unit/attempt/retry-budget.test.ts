import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRetryBudget } from "../../../src/attempt/retry-budget.ts";

describe("createRetryBudget()", () => {
  test("keeps a reserve for a replica without traffic", () => {
    const budget = createRetryBudget({ reservePerSecond: 1 });
    const granted = Array.from({ length: 15 }, () => budget.withdraw(0)).filter(Boolean);
    expect(granted).toHaveLength(10);
  });

  test("adds a share of the first attempts", () => {
    const budget = createRetryBudget({ ratio: 0.2, reservePerSecond: 0 });
    for (let index = 0; index < 10; index++) {
      budget.deposit(0);
    }
    expect([budget.withdraw(0), budget.withdraw(0), budget.withdraw(0)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test("lets deposits lapse after ten seconds", () => {
    const budget = createRetryBudget({ ratio: 1, reservePerSecond: 0 });
    budget.deposit(0);
    budget.deposit(0);
    expect(budget.withdraw(9_999)).toBe(true);
    expect(budget.withdraw(10_000)).toBe(false);
  });

  test("says what it would grant without granting it", () => {
    const budget = createRetryBudget({ ratio: 1, reservePerSecond: 0 });
    expect(budget.canWithdraw(0)).toBe(false);
    budget.deposit(0);
    expect([budget.canWithdraw(0), budget.canWithdraw(0)]).toEqual([true, true]);
    expect([budget.withdraw(0), budget.canWithdraw(0)]).toEqual([true, false]);
  });

  test("counts what lapsed before it says what it would grant", () => {
    const budget = createRetryBudget({ ratio: 1, reservePerSecond: 0 });
    budget.deposit(0);
    expect(budget.canWithdraw(10_000)).toBe(false);
  });

  test("survives a gap longer than its memory and a clock that goes back", () => {
    const budget = createRetryBudget({ ratio: 1, reservePerSecond: 0 });
    budget.deposit(1_000);
    budget.deposit(1e12);
    budget.deposit(1e12);
    expect(budget.withdraw(1e12 - 50_000)).toBe(true);
    expect(budget.withdraw(1e12)).toBe(true);
    expect(budget.withdraw(1e12)).toBe(false);
  });

  test("grants never more than ratio and reserve allow in any time to live", () => {
    const step = fc.record({ retry: fc.boolean(), gapMs: fc.integer({ min: 0, max: 3_000 }) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        for (const { granted, deposited } of replay(steps)) {
          // What paid for a retry may lapse while the retry still counts: hence two lives of deposits.
          expect(granted).toBeLessThanOrEqual(0.2 * deposited + 5);
        }
      }),
      { seed: 7, numRuns: 200 },
    );
  });
});

/** After each step: retries granted within one time to live, first attempts within two. */
function replay(steps: readonly { readonly retry: boolean; readonly gapMs: number }[]) {
  const budget = createRetryBudget({ ratio: 0.2, reservePerSecond: 0.5 });
  const deposits: number[] = [];
  const grants: number[] = [];
  let nowMs = 0;
  return steps.map(({ retry, gapMs }) => {
    nowMs += gapMs;
    if (!retry) {
      budget.deposit(nowMs);
      deposits.push(nowMs);
    } else if (budget.withdraw(nowMs)) {
      grants.push(nowMs);
    }
    return {
      granted: grants.filter((atMs) => atMs >= nowMs - 9_000).length,
      deposited: deposits.filter((atMs) => atMs > nowMs - 20_000).length,
    };
  });
}
