import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { RouteResponseSchema } from "../../../gen/atlas/v1/router_service_pb.ts";
import {
  GateState,
  Priority,
  RejectionReason,
  Relaxation,
  RoutingPolicySchema,
} from "../../../gen/atlas/v1/routing_pb.ts";
import { Precision, Quantization, Tier } from "../../../gen/atlas/v1/types_pb.ts";
import { formatRoute } from "../../../src/cli/format-route.ts";
import { createPaint } from "../../../src/cli/paint.ts";

const layout = { columns: undefined, paint: createPaint(false) };

const response = create(RouteResponseSchema, {
  decision: {
    decisionId: "d-1",
    endpoint: "deepinfra/llama-4-scout",
    provider: "deepinfra",
    model: "meta-llama/llama-4-scout",
    quantization: Quantization.FP8,
    tier: Tier.STANDARD,
    fallbacks: ["novita/llama-4-scout"],
    estimatedCost: { totalNanoUsd: 86_400n },
    estimatedInputTokens: 1_080n,
    predictedFirstToken: durationFromMs(420),
    predictedTotal: durationFromMs(3_100),
    catalogRevision: 3n,
    scoreRevision: 42n,
    scoreAge: durationFromMs(1_200),
    relaxations: [Relaxation.STALE_SCORES],
    explanation: "cheapest per successful call",
    droppedParameters: ["top_k"],
    operation: "support.reply",
  },
  candidates: [
    {
      endpoint: "deepinfra/llama-4-scout",
      eligible: true,
      share: 0.934,
      terms: {
        first_token_p50_ms: 420,
        first_token_p95_ms: 1_310.4,
        tokens_per_second: 55.3,
        success: 0.9931,
      },
      estimatedCost: { totalNanoUsd: 86_400n },
      gate: GateState.GREEN,
      precision: Precision.Q8,
      quantization: Quantization.FP8,
    },
    {
      endpoint: "novita/llama-4-scout",
      eligible: true,
      share: 0.066,
      band: 1,
      cold: true,
      terms: { success: 0.5 },
      estimatedCost: { totalNanoUsd: 194_400n },
      gate: GateState.NATIVE,
      precision: Precision.FULL,
      quantization: Quantization.BF16,
      rejections: [{ reason: RejectionReason.RATE_LIMITED, detail: "for 8 s", soft: true }],
    },
    {
      endpoint: "groq/llama-4-scout",
      precision: Precision.UNDISCLOSED,
      quantization: Quantization.UNDISCLOSED,
      gate: GateState.UNKNOWN,
      rejections: [
        { reason: RejectionReason.GATE_NOT_GREEN, detail: "never measured" },
        { reason: RejectionReason.PRICE_UNKNOWN },
      ],
    },
  ],
  effectivePolicy: { tier: Tier.STANDARD, operation: "support.reply", maxAttempts: 3 },
});

describe("formatRoute()", () => {
  it("shows the decision, every candidate, every reason and the policy", () => {
    expect(formatRoute(response, layout)).toBe(
      `Endpoint   deepinfra/llama-4-scout (deepinfra, q8 · fp8)
Model      meta-llama/llama-4-scout
Tier       standard, gates of support.reply
Because    cheapest per successful call
Fallbacks  novita/llama-4-scout
Estimated  $0.0000864 for 1,080 input tokens and the answer
Predicted  first token 420 ms, whole answer 3.10 s
Relaxed    stale-scores
Left out   top_k
Read       catalogue 3, scores 42, 1.20 s old
Decision   d-1

candidate                    precision    gate     band   share        cost  first token p50 / p95  tok/s  success  against it
deepinfra/llama-4-scout      q8 · fp8     green       0  93.4 %  $0.0000864          420 / 1310 ms     55   99.3 %
novita/llama-4-scout (cold)  full · bf16  native      1   6.6 %  $0.0001944                      —      —   50.0 %  rate-limited
groq/llama-4-scout           undisclosed  unknown     —       —           —                      —      —        —  gate-not-green, price-unknown

novita/llama-4-scout: rate-limited (for 8 s), overruled when nothing else is left
groq/llama-4-scout: gate-not-green (never measured)
groq/llama-4-scout: price-unknown

Policy  tier standard, operation support.reply, at most 3 attempts
`,
    );
  });

  it("leaves out what the server did not say", () => {
    const bare = create(RouteResponseSchema, {
      decision: { tier: Tier.REALTIME, estimatedInputTokens: 1n },
    });
    expect(formatRoute(bare, layout)).toBe(
      `Endpoint   — nothing is eligible
Tier       realtime
Estimated  1 input token
Read       catalogue 0, no scores
`,
    );
  });

  it("estimates nothing where nothing is eligible", () => {
    const failed = create(RouteResponseSchema, {
      decision: { explanation: "none of 3 endpoints satisfies the policy" },
    });
    expect(formatRoute(failed, layout)).not.toContain("Estimated");
  });

  it("names an endpoint's weights also when it is not among the candidates", () => {
    const { decision } = response;
    expect(formatRoute(create(RouteResponseSchema, decision && { decision }), layout)).toContain(
      "Endpoint   deepinfra/llama-4-scout (deepinfra, fp8)\n",
    );
  });

  it("shows the cost of an answer to a prompt that was not counted", () => {
    const uncounted = create(RouteResponseSchema, {
      decision: { estimatedCost: { totalNanoUsd: 86_400n } },
    });
    expect(formatRoute(uncounted, layout)).toContain("Estimated  $0.0000864\n");
  });

  it("names candidates of one provider apart on a narrow terminal", () => {
    const twins = create(RouteResponseSchema, {
      candidates: [
        { endpoint: "deepinfra/llama-4-scout-a" },
        { endpoint: "deepinfra/llama-4-scout-b" },
      ],
    });
    const lines = formatRoute(twins, { ...layout, columns: 60 }).split("\n");
    expect(lines[1]).toMatch(/^deepinfra\/llama-4-scout-a /);
    expect(lines[2]).toMatch(/^deepinfra\/llama-4-scout-b /);
  });

  it("says that hedging is allowed, not that it happens", () => {
    const effectivePolicy = create(RoutingPolicySchema, { allowHedging: true });
    expect(formatRoute(create(RouteResponseSchema, { effectivePolicy }), layout)).toContain(
      ", hedging allowed",
    );
  });

  it("names every rule of the policy", () => {
    const effectivePolicy = create(RoutingPolicySchema, {
      tier: Tier.REALTIME,
      operation: "a.b",
      fallbackModels: ["x/y", "z/w"],
      onlyProviders: ["azure"],
      ignoreProviders: ["groq"],
      quantizations: [Quantization.BF16],
      regions: ["eastus"],
      maxInputNanoUsdPerMtok: 150_000_000n,
      maxOutputNanoUsdPerMtok: 600_000_000n,
      maxCostNanoUsd: 1_000_000n,
      requireAllParameters: true,
      zeroDataRetention: true,
      disableFallbacks: true,
      providerOrder: ["openai"],
      preferredMaxFirstToken: durationFromMs(800),
      preferredMinOutputTokensPerSecond: 20,
      weights: { cost: 8, latency: 0 },
      sessionAffinityKey: "secret",
      maxAttempts: 1,
      allowHedging: false,
      priority: Priority.CRITICAL,
    });
    expect(formatRoute(create(RouteResponseSchema, { effectivePolicy }), layout)).toBe(
      "Policy  tier realtime, operation a.b, fallback models x/y z/w, only azure, ignore groq, " +
        "formats bf16, regions eastus, at most $0.15 per 1M in, at most $0.60 per 1M out, " +
        "at most $0.001 in all, all parameters required, zero data retention, no fallbacks, " +
        "prefer openai, prefer a first token within 800 ms, prefer 20 tok/s, weight of cost 8, " +
        "weight of latency 0, session affinity, at most 1 attempt, no hedging, priority critical\n",
    );
  });
});
