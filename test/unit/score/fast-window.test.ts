import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { binOf, createFastWindow, isDegraded } from "../../../src/score/fast-window.ts";

describe("binOf()", () => {
  test("changes every five seconds", () => {
    expect([0, 4_999.9, 5_000].map(binOf)).toEqual([0, 0, 1]);
  });
});

describe("createFastWindow()", () => {
  test("sums six bins, the running one among them", () => {
    const recent = createFastWindow();
    recent.addResults(10, 1, 2);
    recent.addResults(15, 10, 20);
    expect(recent.read(15)).toEqual({ successes: 11, failures: 22 });
    expect(recent.read(16)).toEqual({ successes: 10, failures: 20 });
    expect(recent.read(21)).toEqual({ successes: 0, failures: 0 });
  });

  test("takes results that come up to a minute late", () => {
    const recent = createFastWindow();
    recent.addResults(20, 1, 0);
    recent.addResults(15, 0, 1);
    recent.addResults(8, 0, 50);
    expect(recent.read(20)).toEqual({ successes: 1, failures: 1 });
  });

  test("is empty after it was cleared", () => {
    const recent = createFastWindow();
    recent.addResults(20, 1, 1);
    recent.clear();
    expect(recent.read(20)).toEqual({ successes: 0, failures: 0 });
  });

  test("holds less than a kilobyte", () => {
    expect(createFastWindow().heldBytes()).toBeLessThan(1_024);
  });
});

describe("isDegraded()", () => {
  test.each([
    { name: "nothing", successes: 0, failures: 0, degraded: false },
    { name: "four failures alone", successes: 0, failures: 4, degraded: false },
    { name: "five failures alone", successes: 0, failures: 5, degraded: true },
    { name: "a success among nine", successes: 1, failures: 8, degraded: false },
    { name: "half of ten", successes: 5, failures: 5, degraded: true },
    { name: "less than half of ten", successes: 6, failures: 4, degraded: false },
    { name: "successes alone", successes: 100, failures: 0, degraded: false },
  ])("says $degraded of $name", ({ successes, failures, degraded }) => {
    expect(isDegraded({ successes, failures })).toBe(degraded);
  });

  test("is never ended by a failure nor begun by a success", () => {
    fc.assert(
      fc.property(fc.nat(40), fc.nat(40), (successes, failures) => {
        const before = isDegraded({ successes, failures });
        expect(isDegraded({ successes, failures: failures + 1 }) || !before).toBe(true);
        expect(isDegraded({ successes: successes + 1, failures }) && !before).toBe(
          // Ten results are judged where nine were too few to judge.
          successes + failures === 9 && failures >= 5 && successes > 0,
        );
      }),
      { seed: 1, numRuns: 1_000 },
    );
  });
});
