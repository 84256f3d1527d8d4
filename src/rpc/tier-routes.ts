import type { TierRoute } from "../../gen/atlas/v1/catalog_service_pb.ts";
import { Tier as WireTier } from "../../gen/atlas/v1/types_pb.ts";
import type { CompletionSpec } from "../domain/completion.ts";
import type { Candidate, RouteExplanation } from "../domain/plan.ts";
import { defaultPolicy, type Tier } from "../domain/policy.ts";
import type { Router } from "../domain/ports.ts";
import { RouterError } from "../domain/router-error.ts";
import { NO_SAMPLING } from "./decode-sampling.ts";
import { gateToWire } from "./wire-enums.ts";

export type TierRoutesInput = {
  readonly router: Pick<Router, "route">;
  /** Catalogue id. */
  readonly model: string;
  readonly operation: string;
  readonly decisionId: string;
  /** Epoch milliseconds. */
  readonly deadlineMs: number;
};

/** A prompt of some 1,000 tokens by the router's own estimate, which is what production calls have. */
const TYPICAL_PROMPT = "word ".repeat(700);

/** How each tier would route a typical call of the model, or why it would not. */
export function tierRoutesOf(input: TierRoutesInput): TierRoute[] {
  const standard = explain(input, "standard");
  return [
    liveRoute(WireTier.REALTIME, explain(input, "realtime")),
    liveRoute(WireTier.STANDARD, standard),
    batchRoute(standard),
  ];
}

function explain(input: TierRoutesInput, tier: Tier): RouteExplanation | RouterError {
  const { router, model, operation, decisionId, deadlineMs } = input;
  const policy = { ...defaultPolicy, tier, operation };
  try {
    return router.route({ decisionId, spec: typicalSpec(model), policy, deadlineMs });
  } catch (error) {
    if (error instanceof RouterError) {
      return error;
    }
    throw error;
  }
}

function liveRoute(tier: WireTier, outcome: RouteExplanation | RouterError): TierRoute {
  if (outcome instanceof RouterError) {
    return noRoute(tier, outcome.message);
  }
  const likeliest = best(outcome.candidates, ({ share }) => share);
  return likeliest === undefined
    ? noRoute(tier, outcome.plan.decision.explanation)
    : routeTo(tier, likeliest, shareText(likeliest, outcome.candidates));
}

/** The decision of this one plan was drawn; the page shows where most calls go. */
function shareText({ share }: Candidate, candidates: readonly Candidate[]): string {
  const eligible = candidates.filter((candidate) => candidate.eligible).length;
  return `${Math.round(share * 100)} % of the calls go here first; ${eligible} of ${candidates.length} endpoints are eligible.`;
}

/** A batch obeys the gates of standard and runs where a batch API or spare capacity is. */
function batchRoute(standard: RouteExplanation | RouterError): TierRoute {
  const candidates =
    standard instanceof RouterError ? (standard.details.candidates ?? []) : standard.candidates;
  const cheapest = best(
    candidates.filter(
      ({ eligible, endpoint }) => eligible && (endpoint.supportsBatch || endpoint.spot),
    ),
    (candidate) => -batchCost(candidate),
  );
  if (cheapest === undefined) {
    return noRoute(
      WireTier.BATCH,
      "No endpoint that standard may use has a batch API or spot capacity.",
    );
  }
  const how = cheapest.endpoint.supportsBatch ? "has a batch API" : "has spot capacity";
  return routeTo(WireTier.BATCH, cheapest, `It is the cheapest eligible endpoint that ${how}.`);
}

/** Unknown costs come last. */
function batchCost({ endpoint, estimatedCost }: Candidate): number {
  const discount = endpoint.supportsBatch ? (endpoint.pricing.batchDiscountPercent ?? 0) : 0;
  return estimatedCost.total === undefined
    ? Number.POSITIVE_INFINITY
    : (estimatedCost.total * (100 - discount)) / 100;
}

function best(
  candidates: readonly Candidate[],
  worth: (candidate: Candidate) => number,
): Candidate | undefined {
  let found: Candidate | undefined;
  for (const candidate of candidates) {
    if (candidate.eligible && (found === undefined || worth(candidate) > worth(found))) {
      found = candidate;
    }
  }
  return found;
}

function routeTo(tier: WireTier, { endpoint, gate }: Candidate, reason: string): TierRoute {
  return {
    $typeName: "atlas.v1.TierRoute",
    tier,
    endpoint: endpoint.id,
    reason,
    gate: gateToWire[gate],
  };
}

function noRoute(tier: WireTier, reason: string): TierRoute {
  return { $typeName: "atlas.v1.TierRoute", tier, endpoint: "", reason, gate: 0 };
}

function typicalSpec(model: string): CompletionSpec {
  return {
    model,
    messages: [
      {
        role: "user",
        name: "",
        parts: [{ kind: "text", text: TYPICAL_PROMPT, cacheBreakpoint: false }],
      },
    ],
    tools: [],
    toolChoice: undefined,
    parallelToolCalls: undefined,
    responseFormat: { kind: "text" },
    sampling: NO_SAMPLING,
    reasoning: undefined,
    providerExtensions: undefined,
  };
}
