import { describe, expect, test } from "vitest";
import { defaultPolicy, type RoutingPolicy } from "../../../src/domain/policy.ts";
import { NOTHING, narrowPolicy, unrestrictedPolicy } from "../../../src/plan/effective-policy.ts";

function narrowed(operator: Partial<RoutingPolicy>, requested: Partial<RoutingPolicy>) {
  return narrowPolicy({ ...defaultPolicy, ...operator }, { ...defaultPolicy, ...requested });
}

describe("narrowPolicy()", () => {
  test("leaves a request alone where the operator restricts nothing", () => {
    const requested: RoutingPolicy = {
      ...defaultPolicy,
      tier: "realtime",
      operation: "support.reply",
      fallbackModels: ["m"],
      onlyProviders: ["a"],
      quantizations: ["fp8"],
      maxCost: 5,
      providerOrder: ["a"],
      preferredMaxFirstTokenMs: 1,
      preferredMinTokensPerSecond: 2,
      weights: { cost: 1, latency: 2, throughput: 3, reliability: 4 },
      sessionAffinityKey: "s",
      allowHedging: true,
      priority: "critical",
    };
    expect(narrowPolicy(unrestrictedPolicy, requested)).toEqual(requested);
  });

  test("applies the operator's restrictions and wishes to a request without any", () => {
    const operator: RoutingPolicy = {
      ...unrestrictedPolicy,
      operation: "any",
      onlyProviders: ["a"],
      ignoreProviders: ["b"],
      regions: ["eu"],
      maxInputPerMtok: 9,
      zeroDataRetention: true,
      providerOrder: ["a"],
      fallbackModels: ["m"],
      sessionAffinityKey: "s",
      preferredMaxFirstTokenMs: 7,
      preferredMinTokensPerSecond: 8,
      weights: { cost: 1, latency: 2, throughput: 3, reliability: 4 },
    };
    expect(narrowPolicy(operator, defaultPolicy)).toEqual({
      ...operator,
      allowHedging: false,
      priority: "default",
    });
  });

  test("intersects what is allowed and joins what is ignored", () => {
    const policy = narrowed(
      { onlyProviders: ["a", "b"], ignoreProviders: ["x"] },
      { onlyProviders: ["c", "b"], ignoreProviders: ["x", "y"] },
    );
    expect(policy.onlyProviders).toEqual(["b"]);
    expect(policy.ignoreProviders).toEqual(["x", "y"]);
  });

  test("allows nothing, and not everything, when an intersection is empty", () => {
    const policy = narrowed(
      { onlyProviders: ["a"], regions: ["eu"], quantizations: ["fp8"] },
      { onlyProviders: ["b"], regions: ["us"], quantizations: ["bf16"] },
    );
    expect(policy.onlyProviders).toEqual([NOTHING]);
    expect(policy.regions).toEqual([NOTHING]);
    expect(policy.quantizations).toEqual([NOTHING]);
  });

  test("takes the lower limit", () => {
    const limits = { maxInputPerMtok: 5, maxOutputPerMtok: 6, maxCost: 7, maxAttempts: 2 };
    expect(narrowed(limits, { maxInputPerMtok: 9, maxOutputPerMtok: 1 })).toMatchObject({
      maxInputPerMtok: 5,
      maxOutputPerMtok: 1,
      maxCost: 7,
      maxAttempts: 2,
    });
    expect(narrowed(limits, { maxAttempts: 1 }).maxAttempts).toBe(1);
  });

  test.each(["requireAllParameters", "zeroDataRetention", "disableFallbacks"] as const)(
    "holds %s when either side has it",
    (name) => {
      expect(narrowed({ [name]: true }, {})[name]).toBe(true);
      expect(narrowed({}, { [name]: true })[name]).toBe(true);
      expect(narrowed({}, {})[name]).toBe(false);
    },
  );

  test("hedges only when both sides allow it", () => {
    expect(narrowed({ allowHedging: true }, { allowHedging: true }).allowHedging).toBe(true);
    expect(narrowed({ allowHedging: true }, {}).allowHedging).toBe(false);
    expect(narrowed({}, { allowHedging: true }).allowHedging).toBe(false);
  });

  test("takes the priority that is shed first", () => {
    expect(narrowed({ priority: "default" }, { priority: "critical" }).priority).toBe("default");
    expect(narrowed({ priority: "critical" }, { priority: "sheddable" }).priority).toBe(
      "sheddable",
    );
  });

  test("takes each wish from the request first", () => {
    const policy = narrowed(
      { providerOrder: ["a"], weights: { ...defaultPolicy.weights, cost: 1, latency: 1 } },
      { providerOrder: ["b"], weights: { ...defaultPolicy.weights, cost: 2 } },
    );
    expect(policy.providerOrder).toEqual(["b"]);
    expect(policy.weights).toEqual({
      cost: 2,
      latency: 1,
      throughput: undefined,
      reliability: undefined,
    });
  });
});
