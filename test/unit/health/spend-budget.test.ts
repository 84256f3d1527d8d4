import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createSpendBudget } from "../../../src/health/spend-budget.ts";

const HOUR = 3_600_000;

describe("createSpendBudget()", () => {
  test("has nothing at first, and a 25th of the cap an hour later", () => {
    const budget = createSpendBudget(2_500, 0);
    expect(budget.take(1, 0)).toBe(false);
    expect(budget.take(101, HOUR)).toBe(false);
    expect(budget.take(100, HOUR)).toBe(true);
    expect(budget.take(1, HOUR)).toBe(false);
  });

  test("saves up no more than one hour's allowance", () => {
    const budget = createSpendBudget(2_500, 0);
    expect(budget.take(101, 20 * HOUR)).toBe(false);
    expect(budget.take(100, 20 * HOUR)).toBe(true);
  });

  test("lets what costs nothing pass, even without an allowance or in debt", () => {
    const none = createSpendBudget(0, 0);
    expect(none.take(0, 0)).toBe(true);
    none.settle(0, 50);
    expect(none.take(0, HOUR)).toBe(true);
  });

  test("gives back what was booked too much, up to what can be saved", () => {
    const budget = createSpendBudget(2_500, 0);
    budget.take(100, HOUR);
    budget.settle(100, 40);
    expect(budget.take(61, HOUR)).toBe(false);
    expect(budget.take(60, HOUR)).toBe(true);
    budget.settle(1_000, 0);
    expect(budget.take(101, HOUR)).toBe(false);
  });

  test("pays off what was booked too little before it spends again", () => {
    const budget = createSpendBudget(2_500, 0);
    budget.take(100, HOUR);
    budget.settle(100, 200);
    expect(budget.take(1, 2 * HOUR)).toBe(false);
    expect(budget.take(100, 3 * HOUR)).toBe(true);
  });

  test("stays within the cap in any 24 hours, whoever takes over when", () => {
    const steps = fc.array(
      fc.record({
        waitMs: fc.integer({ min: 0, max: 4 * HOUR }),
        cost: fc.integer({ min: 1, max: 900 }),
        takesOver: fc.boolean(),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(steps, (all) => {
        const cap = 10_000;
        const spent: { readonly atMs: number; readonly cost: number }[] = [];
        let nowMs = 0;
        let budget = createSpendBudget(cap, nowMs);
        for (const { waitMs, cost, takesOver } of all) {
          nowMs += waitMs;
          budget = takesOver ? createSpendBudget(cap, nowMs) : budget;
          for (let tries = 0; tries < 5 && budget.take(cost, nowMs); tries += 1) {
            spent.push({ atMs: nowMs, cost });
          }
        }
        const inDayFrom = (start: number) =>
          spent
            .filter(({ atMs }) => atMs >= start && atMs < start + 24 * HOUR)
            .reduce((sum, { cost }) => sum + cost, 0);
        expect(Math.max(0, ...spent.map(({ atMs }) => inDayFrom(atMs)))).toBeLessThanOrEqual(cap);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});
