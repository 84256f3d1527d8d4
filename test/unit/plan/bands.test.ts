import { describe, expect, test } from "vitest";
import { defaultPolicy, type RoutingPolicy } from "../../../src/domain/policy.ts";
import { admitExplorers, assignBands } from "../../../src/plan/bands.ts";
import type { Contender } from "../../../src/plan/contender.ts";
import { contender, forecast, live, NOW_MS } from "./plan-fixture.ts";

const stable = () => contender("stable/1");
const degraded = (id = "degraded/1") =>
  contender(id, { forecast: forecast(id, { degraded: true }) });
const recovering = (inflight = 0) =>
  contender("recovering/1", { live: live({ breaker: "half-open", inflight }) });
const refused = () =>
  contender("refused/1", { block: { reason: "breaker-open", untilMs: NOW_MS + 1 } });
const slow = () => {
  const base = forecast("slow/1");
  return contender("slow/1", {
    forecast: { ...base, prediction: { ...base.prediction, firstTokenP50Ms: 9_000 } },
  });
};
const cold = (inflight: number) =>
  contender("cold/1", { cold: true, live: live({ cold: true, inflight }) });

function policyOf(changes: Partial<RoutingPolicy> = {}): RoutingPolicy {
  return { ...defaultPolicy, ...changes };
}

/** Ids from the first group to the last. */
function sorted(contenders: readonly Contender[], policy = policyOf()) {
  assignBands(contenders, policy);
  return contenders
    .toSorted((left, right) => left.group - right.group)
    .map(({ forecast: { endpoint } }) => endpoint.id);
}

function bandsOf(contenders: readonly Contender[], policy = policyOf()) {
  assignBands(contenders, policy);
  return contenders.map(({ band }) => band);
}

describe("assignBands()", () => {
  test("tries stable, degraded, recovering and refused endpoints in this order", () => {
    const all = [refused(), recovering(), degraded(), stable()];
    expect(sorted(all)).toEqual(["stable/1", "degraded/1", "recovering/1", "refused/1"]);
    expect(bandsOf(all)).toEqual([2, 2, 1, 0]);
  });

  test("tries an endpoint above its learnt limit after its peers, and refuses it never", () => {
    const full = contender("full/1", { live: live({ inflight: 5, limit: 5 }) });
    const free = contender("free/1", { live: live({ inflight: 4, limit: 5 }) });
    expect(bandsOf([full, free])).toEqual([1, 0]);
    expect(sorted([full, free])).toEqual(["free/1", "full/1"]);
  });

  test("returns the group that is tried first", () => {
    const all = [recovering(), degraded()];
    expect(assignBands(all, policyOf())).toBe(all[1]?.group);
  });

  test("puts who misses a wish for speed behind everybody who meets it", () => {
    const wish = policyOf({ preferredMaxFirstTokenMs: 1_000 });
    expect(sorted([slow(), degraded()], wish)).toEqual(["degraded/1", "slow/1"]);
    expect(bandsOf([slow(), degraded()], wish)).toEqual([3, 1]);
    expect(bandsOf([stable()], policyOf({ preferredMinTokensPerSecond: 51 }))).toEqual([3]);
    expect(bandsOf([stable()], policyOf({ preferredMinTokensPerSecond: 50 }))).toEqual([0]);
  });

  test("keeps the caller's order of providers among equally healthy ones", () => {
    const order = policyOf({ providerOrder: ["b", "degraded"] });
    const all = [contender("a/1"), contender("b/1"), contender("b/2"), degraded(), degraded("c/1")];
    expect(sorted(all, order)).toEqual(["b/1", "b/2", "a/1", "degraded/1", "c/1"]);
  });

  test("makes a cold endpoint with a call in flight wait while a proven one is there", () => {
    expect(bandsOf([cold(1), stable()])).toEqual([2, 0]);
    expect(bandsOf([cold(0), stable()])).toEqual([0, 0]);
    expect(bandsOf([contender("new/1", { cold: true }), stable()])).toEqual([0, 0]);
  });

  test.each([
    ["cold", cold(3)],
    ["degraded", degraded()],
    ["recovering", recovering()],
    ["refused", refused()],
  ])("lets a cold endpoint take many calls when the other is %s", (_name, other) => {
    expect(bandsOf([cold(3), other])[0]).toBe(0);
  });
});

describe("admitExplorers()", () => {
  function explorers(contenders: readonly Contender[], policy = policyOf()) {
    admitExplorers(contenders, assignBands(contenders, policy), policy);
    return contenders
      .filter(({ explores }) => explores)
      .map(({ forecast: { endpoint } }) => endpoint.id);
  }

  test("admits cold endpoints of the first group and idle recovering ones", () => {
    expect(explorers([stable(), cold(0), recovering()])).toEqual(["cold/1", "recovering/1"]);
    expect(explorers([degraded(), recovering()])).toEqual(["recovering/1"]);
  });

  test("admits no recovering endpoint that has a call in flight", () => {
    expect(explorers([stable(), recovering(1)])).toEqual([]);
  });

  test("admits nobody from a refused group, nor when recovering ones come first anyway", () => {
    expect(explorers([stable(), refused()])).toEqual([]);
    expect(explorers([recovering(), refused()])).toEqual([]);
  });

  test("does not explore against the caller's order or wishes", () => {
    expect(explorers([stable(), recovering()], policyOf({ providerOrder: ["stable"] }))).toEqual(
      [],
    );
    expect(
      explorers([recovering(), slow()], policyOf({ preferredMaxFirstTokenMs: 1_000 })),
    ).toEqual([]);
  });

  test("admits no cold endpoint that waits for its call in flight", () => {
    expect(explorers([stable(), cold(2)])).toEqual([]);
  });
});
