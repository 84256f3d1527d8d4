import { describe, expect, test } from "vitest";
import type { PlanInput } from "../../../src/domain/plan.ts";
import { createPlanner } from "../../../src/plan/plan-route.ts";
import { exampleEndpoint } from "../../support/examples.ts";
import { blocked, inputOf, liveOf, priced } from "./plan-fixture.ts";

const refusalsIn = (input: PlanInput) => createPlanner().plan(input).decision.refusals;

describe("refusalsOf()", () => {
  test("has nothing where nothing was held against anyone", () => {
    expect(refusalsIn(inputOf([priced("a/1", 1), priced("b/1", 1)]))).toBeUndefined();
  });

  test("counts every endpoint once, by the first rule against it", () => {
    const endpoints = [
      priced("a/1", 1),
      priced("b/1", 1, { enabled: false }),
      priced("b/2", 1, { enabled: false }),
      priced("c/1", 1),
    ];
    const input = inputOf(endpoints, { policy: { onlyProviders: ["a"] } });
    expect(refusalsIn(input)).toEqual([
      { model: "acme/one", reason: "disabled", endpoints: 2 },
      { model: "acme/one", reason: "provider-not-allowed", endpoints: 1 },
    ]);
  });

  test("counts what is blocked at the moment, and what would come too late", () => {
    const live = liveOf({ "a/1": blocked("rate-limited"), "a/2": blocked("rate-limited") });
    const endpoints = ["a/1", "a/2", "a/3", "a/4"].map((id) => exampleEndpoint(id));
    expect(refusalsIn(inputOf(endpoints, { live }))).toEqual([
      { model: "acme/one", reason: "rate-limited", endpoints: 2 },
    ]);
    expect(refusalsIn(inputOf(endpoints, { live, remainingMs: 1 }))).toEqual([
      { model: "acme/one", reason: "rate-limited", endpoints: 2 },
      { model: "acme/one", reason: "too-slow-for-deadline", endpoints: 2 },
    ]);
  });

  test("counts blocks that were overruled, because nothing else was left", () => {
    const live = liveOf({ "a/1": blocked("breaker-open") });
    expect(refusalsIn(inputOf([exampleEndpoint("a/1")], { live }))).toEqual([
      { model: "acme/one", reason: "breaker-open", endpoints: 1 },
    ]);
  });
});
