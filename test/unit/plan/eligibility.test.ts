import { describe, expect, test } from "vitest";
import type { Endpoint } from "../../../src/domain/catalog.ts";
import type { Quantization } from "../../../src/domain/endpoint.ts";
import type { GateState } from "../../../src/domain/gate.ts";
import { costOf } from "../../../src/domain/money.ts";
import type { RejectionReason } from "../../../src/domain/plan.ts";
import type { RoutingPolicy } from "../../../src/domain/policy.ts";
import type { Demand } from "../../../src/plan/demand.ts";
import { NOTHING } from "../../../src/plan/effective-policy.ts";
import { hardRules, missing, priceRules } from "../../../src/plan/eligibility.ts";
import { exampleEndpoint } from "../../support/examples.ts";
import { demand, pricing } from "./plan-fixture.ts";

type Case = {
  readonly name: string;
  readonly reason: RejectionReason;
  readonly endpoint?: Partial<Endpoint>;
  readonly policy?: Partial<RoutingPolicy>;
  readonly demand?: Partial<Demand>;
  readonly gate?: GateState;
  readonly detail?: string;
};

/** The rule of that reason: undefined where it does not apply or lets the endpoint pass. */
function refusal({ reason, endpoint: changes, policy, demand: more, gate = "unknown" }: Case) {
  const call = { ...demand({ ...(policy && { policy }), gates: () => gate }), ...more };
  const endpoint = exampleEndpoint("acme/x", changes);
  const { total } = costOf(call.usage, endpoint.pricing, call.images);
  const rule = [...hardRules, ...priceRules].find((one) => one.reason === reason);
  return rule?.applies(call) && rule.refuses(endpoint, call, total)
    ? rule.detail(endpoint, call, total)
    : undefined;
}

const long = { inputTokens: 900, maxOutputTokens: 200 };

describe("a hard rule", () => {
  test.each<Case>([
    { name: "a disabled endpoint", reason: "disabled", endpoint: { enabled: false } },
    {
      name: "a provider that is not listed",
      reason: "provider-not-allowed",
      policy: { onlyProviders: ["other"] },
      detail: "acme is not among other",
    },
    {
      name: "a provider that is ignored",
      reason: "provider-not-allowed",
      policy: { onlyProviders: ["acme"], ignoreProviders: ["acme"] },
      detail: "acme is ignored",
    },
    {
      name: "every provider when the lists have no overlap",
      reason: "provider-not-allowed",
      policy: { onlyProviders: [NOTHING] },
      detail: "the request and the operator allow no provider in common",
    },
    {
      name: "an endpoint that may also run elsewhere",
      reason: "region-not-allowed",
      endpoint: { regions: ["eu", "us"] },
      policy: { regions: ["eu"] },
      detail: "runs in eu, us, allowed: eu",
    },
    {
      name: "an endpoint whose region is unknown",
      reason: "region-not-allowed",
      endpoint: { regions: [] },
      policy: { regions: ["eu"] },
      detail: "runs in an unknown region, allowed: eu",
    },
    {
      name: "an endpoint that may keep data",
      reason: "data-retention",
      policy: { zeroDataRetention: true },
    },
    {
      name: "another quantization",
      reason: "quantization-not-allowed",
      policy: { quantizations: ["fp8"] },
      detail: "bf16 is not among fp8",
    },
    {
      name: "every quantization when the lists have no overlap",
      reason: "quantization-not-allowed",
      policy: { quantizations: [NOTHING as Quantization] },
      detail: "the request and the operator allow no quantization in common",
    },
    {
      name: "every region when the lists have no overlap",
      reason: "region-not-allowed",
      endpoint: { regions: ["eu"] },
      policy: { regions: [NOTHING] },
      detail: "the request and the operator allow no region in common",
    },
    {
      name: "a converted precision in realtime, green or not",
      reason: "not-native-precision",
      endpoint: { native: false, quantization: "fp8", precision: "q8" },
      policy: { tier: "realtime" },
      gate: "green",
      detail: "realtime wants the released precision, this is q8 (fp8)",
    },
    ...(["red", "unknown", "stale"] as const).map((gate) => ({
      name: `a ${gate} gate`,
      reason: "gate-not-green" as const,
      endpoint: { native: false, precision: "q8" as const },
      policy: { operation: "support.reply" },
      gate,
      detail: `gate is ${gate} for "support.reply" at q8 precision`,
    })),
    {
      name: "a gate nobody has asked for by an operation",
      reason: "gate-not-green",
      endpoint: { native: false, precision: "q8" },
      gate: "unknown",
      detail: "gate is unknown for a call without an operation at q8 precision",
    },
    {
      name: "a medium that it cannot read",
      reason: "modality-unsupported",
      demand: { media: ["image", "audio"] },
      detail: "cannot read audio",
    },
    {
      name: "an essential parameter that it cannot take",
      reason: "capability-missing",
      endpoint: { parameters: new Set() },
      demand: { essential: ["tools"] },
      detail: "cannot do tools",
    },
    {
      name: "any parameter that it cannot take when all are required",
      reason: "parameter-unsupported",
      endpoint: { parameters: new Set(["seed"]) },
      policy: { requireAllParameters: true },
      demand: { parameters: ["seed", "top_k"] },
      detail: "cannot take top_k",
    },
    {
      name: "input and output that do not fit its window together",
      reason: "context-too-small",
      endpoint: { contextLength: 1_000 },
      demand: long,
      detail: "900 input and 200 output tokens, window 1000",
    },
    {
      name: "a prompt that does not fit alone",
      reason: "context-too-small",
      endpoint: { contextLength: 899 },
      demand: { inputTokens: 900 },
      detail: "900 input and 0 output tokens, window 899",
    },
    {
      name: "more output than it ever gives",
      reason: "context-too-small",
      endpoint: { maxOutputTokens: 100 },
      demand: long,
      detail: "max_output_tokens 200 is above its 100",
    },
    {
      name: "an unknown price",
      reason: "price-unknown",
      endpoint: { pricing: pricing(1, 1, { outputPerMtok: undefined }) },
    },
    {
      name: "a dear input",
      reason: "price-above-limit",
      policy: { maxInputPerMtok: 149_999_999 },
      detail: "150000000 in and 600000000 out nano-USD per Mtok, at most 149999999 in and any out",
    },
    {
      name: "a dear output",
      reason: "price-above-limit",
      policy: { maxOutputPerMtok: 599_999_999 },
      detail: "150000000 in and 600000000 out nano-USD per Mtok, at most any in and 599999999 out",
    },
    {
      name: "a price that is half unknown and above the limit for the other half",
      reason: "price-above-limit",
      endpoint: { pricing: pricing(1, 1, { inputPerMtok: undefined }) },
      policy: { maxOutputPerMtok: 1 },
      detail: "? in and 1000000000 out nano-USD per Mtok, at most any in and 1 out",
    },
    {
      name: "the other half likewise",
      reason: "price-above-limit",
      endpoint: { pricing: pricing(1, 1, { outputPerMtok: undefined }) },
      policy: { maxInputPerMtok: 1 },
      detail: "1000000000 in and ? out nano-USD per Mtok, at most 1 in and any out",
    },
    {
      name: "a call that would cost too much",
      reason: "cost-above-limit",
      policy: { maxCost: 154_799 },
      detail: "about 154800 nano-USD for this call, at most 154799",
    },
  ])("refuses $name", (rule) => {
    const detail = refusal(rule);
    expect(detail).toBe(rule.detail ?? detail);
    expect(detail).toEqual(expect.any(String));
  });

  test.each<Case>([
    {
      name: "a listed provider",
      reason: "provider-not-allowed",
      policy: { onlyProviders: ["acme"] },
    },
    {
      name: "one that is not ignored",
      reason: "provider-not-allowed",
      policy: { ignoreProviders: ["b"] },
    },
    { name: "an allowed region", reason: "region-not-allowed", policy: { regions: ["us", "eu"] } },
    { name: "the native precision without a gate", reason: "gate-not-green", gate: "red" },
    {
      name: "a green gate",
      reason: "gate-not-green",
      endpoint: { native: false },
      gate: "green",
    },
    {
      name: "a medium that it reads",
      reason: "modality-unsupported",
      demand: { media: ["image"] },
    },
    {
      name: "a parameter that is not required",
      reason: "parameter-unsupported",
      endpoint: { parameters: new Set() },
      demand: { parameters: ["seed"] },
    },
    {
      name: "all parameters",
      reason: "parameter-unsupported",
      policy: { requireAllParameters: true },
      demand: { parameters: ["seed"] },
    },
    {
      name: "a call that just fits",
      reason: "context-too-small",
      endpoint: { contextLength: 1_100, maxOutputTokens: 200 },
      demand: long,
    },
    {
      name: "a price at the limit",
      reason: "price-above-limit",
      policy: { maxInputPerMtok: 150_000_000, maxOutputPerMtok: 600_000_000 },
    },
    { name: "a cost at the limit", reason: "cost-above-limit", policy: { maxCost: 154_800 } },
    {
      name: "a cost that is unknown, which another rule refuses",
      reason: "cost-above-limit",
      endpoint: { pricing: pricing(1, 1, { inputPerMtok: undefined }) },
      policy: { maxCost: 1 },
    },
  ])("lets pass $name", (rule) => {
    expect(refusal(rule)).toBeUndefined();
  });

  test("compares with the price tier of the prompt's size", () => {
    const tiers = [
      {
        minInputTokens: 5,
        inputPerMtok: 9e9,
        outputPerMtok: 1,
        cacheReadPerMtok: undefined,
        cacheWritePerMtok: undefined,
      },
    ];
    const endpoint = { pricing: pricing(1, 1, { tiers }) };
    const policy = { maxInputPerMtok: 2e9 };
    expect(refusal({ name: "", reason: "price-above-limit", endpoint, policy })).toBeDefined();
  });

  test("is the only one of its reason", () => {
    const reasons = [...hardRules, ...priceRules].map(({ reason }) => reason);
    expect(new Set(reasons).size).toBe(reasons.length);
  });
});

describe("missing()", () => {
  test("lists what an endpoint cannot take, in the caller's order", () => {
    const endpoint = exampleEndpoint("a", { parameters: new Set(["seed"]) });
    expect(missing(endpoint, ["top_k", "seed", "min_p"])).toEqual(["top_k", "min_p"]);
    expect(missing(endpoint, ["seed"])).toEqual([]);
  });
});
