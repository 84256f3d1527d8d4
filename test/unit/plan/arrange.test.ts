import { describe, expect, test } from "vitest";
import type { RoutingPolicy } from "../../../src/domain/policy.ts";
import { type Arrangement, arrange, sharesOf } from "../../../src/plan/arrange.ts";
import type { Contender } from "../../../src/plan/contender.ts";
import { createRandom } from "../../../src/plan/random.ts";
import { contender, demand, live, NOW_MS } from "./plan-fixture.ts";

function arranged(usable: readonly Contender[], policy: Partial<RoutingPolicy> = {}): Arrangement {
  return arrange(
    { kind: "ready", usable, tooSlow: false },
    demand({ policy }),
    createRandom("arrange"),
  );
}

function idsOf(contenders: readonly Contender[]): readonly string[] {
  return contenders.map(({ forecast: { endpoint } }) => endpoint.id);
}

function shares(arrangement: Arrangement): readonly number[] {
  return [...sharesOf(arrangement, NOW_MS).values()];
}

describe("arrange()", () => {
  test("weighs by the tier of the call", () => {
    const both = () => [contender("cheap", { price: 1_000 }), contender("dear", { price: 2_000 })];
    expect(shares(arranged(both()))[1]).toBeLessThan(0.01);
    expect(shares(arranged(both(), { tier: "realtime" }))[1]).toBeCloseTo(0.5, 9);
  });

  test("slows the start of an endpoint that has just recovered", () => {
    const usable = [contender("a"), contender("b", { slowStart: 0.25 })];
    expect(shares(arranged(usable))).toEqual([0.8, 0.2]);
  });

  test("prefers the endpoint of the session among equals", () => {
    const usable = [contender("a"), contender("b")];
    const both = shares(arranged(usable, { sessionAffinityKey: "s" }));
    expect(both.toSorted()).toEqual([expect.closeTo(1 / 3, 9), expect.closeTo(2 / 3, 9)]);
  });

  test("puts the soonest to recover first in panic, with all of the share", () => {
    const at = (id: string, ms: number) =>
      contender(id, { block: { reason: "breaker-open", untilMs: NOW_MS + ms } });
    const usable = [at("late", 9), at("soon", 1)];
    const arrangement = arrange({ kind: "panic", usable }, demand(), createRandom("panic"));
    expect(idsOf(arrangement.order)).toEqual(["soon", "late"]);
    expect(arrangement.order.map(({ weight, band }) => [weight, band])).toEqual([
      [1, 2],
      [0, 2],
    ]);
    expect([...sharesOf(arrangement, NOW_MS)]).toEqual([[usable[1], 1]]);
  });

  test("moves the first to the second place when it struggles at this moment", () => {
    const slow = contender("slow", { price: 1_000, live: live({ felt: 60_000 }) });
    const fast = contender("fast", { price: 5_000 });
    expect(idsOf(arranged([slow, fast]).order)).toEqual(["fast", "slow"]);
  });

  test("explores only with calls that can be tried elsewhere and may wait", () => {
    const share = (policy: Partial<RoutingPolicy>) =>
      shares(arranged([contender("a"), contender("b", { price: 9_000, cold: true })], policy))[1];
    expect(share({})).toBeGreaterThan(0.003);
    expect(share({ priority: "critical" })).toBeLessThan(1e-6);
    expect(share({ maxAttempts: 1 })).toBeLessThan(1e-6);
    expect(share({ disableFallbacks: true })).toBeLessThan(1e-6);
  });
});

describe("sharesOf()", () => {
  test("gives later groups nothing", () => {
    const recovering = contender("b", { live: live({ breaker: "half-open", inflight: 1 }) });
    expect(shares(arranged([contender("a"), recovering]))).toEqual([1, 0]);
  });

  test("counts the swaps that the live correction makes", () => {
    const slow = contender("slow", { live: live({ felt: 60_000 }) });
    // Never called first: whoever is drawn second takes its place.
    expect(shares(arranged([slow, contender("a"), contender("b")]))).toEqual([
      expect.closeTo(0, 9),
      expect.closeTo(0.5, 9),
      expect.closeTo(0.5, 9),
    ]);
  });
});
