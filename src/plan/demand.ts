import type { CompletionSpec, ContentPart } from "../domain/completion.ts";
import type { Modality } from "../domain/endpoint.ts";
import type { GateView } from "../domain/gate.ts";
import { type Pricing, priceOf, pricesAt } from "../domain/money.ts";
import type { Parameter } from "../domain/parameters.ts";
import { essentialParameters, parametersOf } from "../domain/parameters.ts";
import type { PlanInput } from "../domain/plan.ts";
import type { RoutingPolicy } from "../domain/policy.ts";
import {
  countImages,
  estimateInputTokens,
  estimateOutputTokens,
} from "../domain/token-estimate.ts";
import type { Usage } from "../domain/usage.ts";

/** What one call asks of an endpoint, worked out once and compared with every endpoint. */
export type Demand = {
  readonly policy: RoutingPolicy;
  readonly gates: GateView;
  readonly parameters: readonly Parameter[];
  /** Those of `parameters` whose loss would change what the answer is. */
  readonly essential: readonly Parameter[];
  /** Kinds of media in the prompt. Text is not listed: every endpoint reads it. */
  readonly media: readonly Modality[];
  readonly images: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** As the caller set it. */
  readonly maxOutputTokens: number | undefined;
  /** The estimated size in the words of `costOf`. */
  readonly usage: Usage;
  readonly nowMs: number;
  readonly remainingMs: number;
};

export function demandOf({ spec, policy, gates, nowMs, remainingMs }: PlanInput): Demand {
  const parameters = parametersOf(spec);
  const inputTokens = estimateInputTokens(spec);
  const outputTokens = estimateOutputTokens(spec);
  return {
    policy,
    gates,
    parameters,
    essential: parameters.filter((name) => essentialParameters.has(name)),
    media: mediaOf(spec),
    images: countImages(spec),
    inputTokens,
    outputTokens,
    maxOutputTokens: spec.sampling.maxOutputTokens,
    usage: {
      freshInput: inputTokens,
      cacheRead: 0,
      cacheWrite: 0,
      visibleOutput: outputTokens,
      reasoningOutput: 0,
      source: "estimated",
    },
    nowMs,
    remainingMs,
  };
}

/**
 * Nano-USD of the whole call; absent when a price that it needs is unknown. The total of `costOf` without
 * its parts, since a plan wants it of every endpoint and the parts of one.
 */
export function estimatedTotal(
  { inputTokens, outputTokens, images }: Demand,
  pricing: Pricing,
): number | undefined {
  const { inputPerMtok, outputPerMtok } = pricesAt(pricing, inputTokens);
  if (inputPerMtok === undefined || outputPerMtok === undefined) {
    return undefined;
  }
  const fees = (pricing.perRequest ?? 0) + images * (pricing.perImage ?? 0);
  return priceOf(inputTokens, inputPerMtok) + priceOf(outputTokens, outputPerMtok) + fees;
}

function mediaOf(spec: CompletionSpec): readonly Modality[] {
  const found: Modality[] = [];
  for (const { parts } of spec.messages) {
    for (const part of parts) {
      addMedia(part, found);
    }
  }
  return found;
}

function addMedia(
  part: ContentPart | Extract<ContentPart, { kind: "tool-result" }>["parts"][number],
  found: Modality[],
): void {
  if (part.kind === "media" && !found.includes(part.modality)) {
    found.push(part.modality);
  }
  if (part.kind === "tool-result") {
    for (const inner of part.parts) {
      addMedia(inner, found);
    }
  }
}
