import type { Quantization } from "../domain/endpoint.ts";
import { defaultPolicy, type Priority, type RoutingPolicy } from "../domain/policy.ts";

/**
 * Stands alone in a list whose restrictions have no overlap, because an empty list does not restrict.
 * No provider, region or quantization has this name, so every endpoint is refused and says why.
 */
export const NOTHING = "";

/** An operator's policy that narrows nothing. */
export const unrestrictedPolicy: RoutingPolicy = {
  ...defaultPolicy,
  allowHedging: true,
  priority: "critical",
};

/** From the one shed last to the one shed first. */
const priorities: readonly Priority[] = ["critical", "default", "sheddable"];

/**
 * What a call may do: everything that both the operator and the request allow.
 *
 * Restrictions add up: lists intersect, limits take the lower, prohibitions hold when either side has
 * them, permissions when both have them. Wishes are the request's, and the operator's where it has none.
 * Weights stay absent where neither side names one: absence means the tier's default, which the planner
 * applies in its own way (see `standard.ts`).
 */
export function narrowPolicy(operator: RoutingPolicy, requested: RoutingPolicy): RoutingPolicy {
  return {
    tier: requested.tier,
    operation: requested.operation || operator.operation,
    fallbackModels: firstFilled(requested.fallbackModels, operator.fallbackModels),

    onlyProviders: intersect(operator.onlyProviders, requested.onlyProviders, NOTHING),
    ignoreProviders: union(operator.ignoreProviders, requested.ignoreProviders),
    quantizations: intersect(
      operator.quantizations,
      requested.quantizations,
      // Outside the type on purpose: a value inside it would allow some endpoint.
      NOTHING as Quantization,
    ),
    regions: intersect(operator.regions, requested.regions, NOTHING),
    maxInputPerMtok: lower(operator.maxInputPerMtok, requested.maxInputPerMtok),
    maxOutputPerMtok: lower(operator.maxOutputPerMtok, requested.maxOutputPerMtok),
    maxCost: lower(operator.maxCost, requested.maxCost),
    requireAllParameters: operator.requireAllParameters || requested.requireAllParameters,
    zeroDataRetention: operator.zeroDataRetention || requested.zeroDataRetention,
    disableFallbacks: operator.disableFallbacks || requested.disableFallbacks,

    providerOrder: firstFilled(requested.providerOrder, operator.providerOrder),
    preferredMaxFirstTokenMs:
      requested.preferredMaxFirstTokenMs ?? operator.preferredMaxFirstTokenMs,
    preferredMinTokensPerSecond:
      requested.preferredMinTokensPerSecond ?? operator.preferredMinTokensPerSecond,
    weights: {
      cost: requested.weights.cost ?? operator.weights.cost,
      latency: requested.weights.latency ?? operator.weights.latency,
      throughput: requested.weights.throughput ?? operator.weights.throughput,
      reliability: requested.weights.reliability ?? operator.weights.reliability,
    },
    sessionAffinityKey: requested.sessionAffinityKey || operator.sessionAffinityKey,

    maxAttempts: Math.min(operator.maxAttempts, requested.maxAttempts),
    allowHedging: operator.allowHedging && requested.allowHedging,
    priority: lesser(operator.priority, requested.priority),
  };
}

function intersect<T>(operator: readonly T[], requested: readonly T[], nothing: T): readonly T[] {
  if (operator.length === 0 || requested.length === 0) {
    return firstFilled(requested, operator);
  }
  const both = requested.filter((value) => operator.includes(value));
  return both.length === 0 ? [nothing] : both;
}

function union<T>(left: readonly T[], right: readonly T[]): readonly T[] {
  return left.length === 0 || right.length === 0
    ? firstFilled(left, right)
    : [...new Set([...left, ...right])];
}

function firstFilled<T>(wanted: readonly T[], otherwise: readonly T[]): readonly T[] {
  return wanted.length > 0 ? wanted : otherwise;
}

function lower(left: number | undefined, right: number | undefined): number | undefined {
  return left === undefined || right === undefined ? (left ?? right) : Math.min(left, right);
}

function lesser(left: Priority, right: Priority): Priority {
  return priorities.indexOf(left) > priorities.indexOf(right) ? left : right;
}
