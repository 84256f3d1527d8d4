import type { Duration } from "@bufbuild/protobuf/wkt";
import type { CallerLabels as WireCaller } from "../../gen/atlas/v1/completion_pb.ts";
import type {
  RoutingPolicy as WirePolicy,
  Weights as WireWeights,
} from "../../gen/atlas/v1/routing_pb.ts";
import { Tier as WireTier } from "../../gen/atlas/v1/types_pb.ts";
import type { CallerLabels } from "../domain/completion.ts";
import type { Quantization } from "../domain/endpoint.ts";
import {
  defaultPolicy,
  MAX_ATTEMPTS,
  type Priority,
  type RoutingPolicy,
  type Tier,
  type Weights,
} from "../domain/policy.ts";
import { msFromDuration } from "../wire/wire-time.ts";
import type { Violations } from "./violations.ts";
import { priorityFromWire, quantizationFromWire, tierFromWire } from "./wire-enums.ts";

const MAX_LIST = 256;
const MAX_FALLBACK_MODELS = 16;
const MAX_NAME_CHARS = 256;
const MAX_LABELS = 64;
const MAX_LABEL_KEY_CHARS = 64;
const MAX_WEIGHT = 16;
const NO_CALLER: CallerLabels = { application: "", endUserHash: "", labels: {} };

export type PolicyRules = {
  /** Calls that wait for their answer cannot be bought as a batch. */
  readonly allowsBatch: boolean;
};

/**
 * Decodes what the caller allows and adds everything wrong with it to `violations`.
 *
 * Where a batch may be asked for it is planned as `standard`, whose rules its endpoints obey.
 */
export function decodePolicy(
  wire: WirePolicy | undefined,
  { allowsBatch }: PolicyRules,
  violations: Violations,
): RoutingPolicy {
  if (wire === undefined) {
    return defaultPolicy;
  }
  const tier = decodeTier(wire.tier, allowsBatch, violations);
  checkName("routing.operation", wire.operation, violations);
  checkName("routing.session_affinity_key", wire.sessionAffinityKey, violations);
  checkNames("routing.fallback_models", wire.fallbackModels, violations, MAX_FALLBACK_MODELS);
  checkNames("routing.only_providers", wire.onlyProviders, violations);
  checkNames("routing.ignore_providers", wire.ignoreProviders, violations);
  checkNames("routing.regions", wire.regions, violations);
  checkNames("routing.provider_order", wire.providerOrder, violations);
  return {
    tier,
    operation: wire.operation,
    fallbackModels: wire.fallbackModels,
    onlyProviders: wire.onlyProviders,
    ignoreProviders: wire.ignoreProviders,
    quantizations: decodeQuantizations(wire.quantizations, violations),
    regions: wire.regions,
    maxInputPerMtok: decodePrice(
      "max_input_nano_usd_per_mtok",
      wire.maxInputNanoUsdPerMtok,
      violations,
    ),
    maxOutputPerMtok: decodePrice(
      "max_output_nano_usd_per_mtok",
      wire.maxOutputNanoUsdPerMtok,
      violations,
    ),
    maxCost: decodePrice("max_cost_nano_usd", wire.maxCostNanoUsd, violations),
    requireAllParameters: wire.requireAllParameters,
    zeroDataRetention: wire.zeroDataRetention,
    disableFallbacks: wire.disableFallbacks,
    providerOrder: wire.providerOrder,
    preferredMaxFirstTokenMs: decodeFirstToken(wire.preferredMaxFirstToken, violations),
    preferredMinTokensPerSecond: decodeThroughput(
      wire.preferredMinOutputTokensPerSecond,
      violations,
    ),
    weights: decodeWeights(wire.weights, violations),
    sessionAffinityKey: wire.sessionAffinityKey,
    maxAttempts: decodeAttempts(wire.maxAttempts, violations),
    allowHedging: wire.allowHedging ?? tier === "realtime",
    priority: decodePriority(wire.priority, violations),
  };
}

export function decodeCaller(wire: WireCaller | undefined, violations: Violations): CallerLabels {
  if (wire === undefined) {
    return NO_CALLER;
  }
  checkName("caller.application", wire.application, violations);
  checkName("caller.end_user_hash", wire.endUserHash, violations);
  const labels = Object.entries(wire.labels);
  if (labels.length > MAX_LABELS) {
    violations.add("caller.labels", `must have at most ${MAX_LABELS} labels`);
  }
  for (const [key, value] of labels.slice(0, MAX_LABELS)) {
    if (key === "" || key.length > MAX_LABEL_KEY_CHARS || value.length > MAX_NAME_CHARS) {
      violations.add(
        "caller.labels",
        `must have keys of 1 to ${MAX_LABEL_KEY_CHARS} and values of at most ${MAX_NAME_CHARS} characters`,
      );
      break;
    }
  }
  return { application: wire.application, endUserHash: wire.endUserHash, labels: wire.labels };
}

function decodeTier(wire: number, allowsBatch: boolean, violations: Violations): Tier {
  if (wire === WireTier.BATCH) {
    if (!allowsBatch) {
      violations.add("routing.tier", "must not be TIER_BATCH here: use atlas.v1.BatchService");
      violations.note("service", "atlas.v1.BatchService");
    }
    return "standard";
  }
  const tier = tierFromWire[wire];
  if (tier === undefined && wire !== WireTier.UNSPECIFIED) {
    violations.add("routing.tier", "must be one of the defined tiers");
  }
  return tier ?? defaultPolicy.tier;
}

function decodePriority(wire: number, violations: Violations): Priority {
  const priority = priorityFromWire[wire];
  if (priority === undefined && wire !== 0) {
    violations.add("routing.priority", "must be one of the defined priorities");
  }
  return priority ?? defaultPolicy.priority;
}

function decodeQuantizations(
  wire: readonly number[],
  violations: Violations,
): readonly Quantization[] {
  return wire.flatMap((value, index) => {
    const quantization = quantizationFromWire[value];
    if (quantization === undefined) {
      violations.add(`routing.quantizations[${index}]`, "must be one of the defined formats");
      return [];
    }
    return [quantization];
  });
}

function decodePrice(
  name: string,
  wire: bigint | undefined,
  violations: Violations,
): number | undefined {
  if (wire === undefined) {
    return undefined;
  }
  if (wire < 0n || wire > BigInt(Number.MAX_SAFE_INTEGER)) {
    violations.add(`routing.${name}`, `must be between 0 and ${Number.MAX_SAFE_INTEGER}`);
  }
  return Number(wire);
}

function decodeFirstToken(wire: Duration | undefined, violations: Violations): number | undefined {
  if (wire === undefined) {
    return undefined;
  }
  const ms = msFromDuration(wire);
  if (ms === undefined || ms <= 0) {
    violations.add("routing.preferred_max_first_token", "must be a duration above 0");
  }
  return ms;
}

function decodeThroughput(wire: number | undefined, violations: Violations): number | undefined {
  if (wire !== undefined && !(wire > 0 && wire < Infinity)) {
    violations.add(
      "routing.preferred_min_output_tokens_per_second",
      "must be a finite number above 0",
    );
  }
  return wire;
}

function decodeWeights(wire: WireWeights | undefined, violations: Violations): Weights {
  if (wire === undefined) {
    return defaultPolicy.weights;
  }
  const { cost, latency, throughput, reliability } = wire;
  const weights = { cost, latency, throughput, reliability };
  for (const [name, weight] of Object.entries(weights)) {
    if (weight !== undefined && !(weight >= 0 && weight <= MAX_WEIGHT)) {
      violations.add(`routing.weights.${name}`, `must be between 0 and ${MAX_WEIGHT}`);
    }
  }
  return weights;
}

function decodeAttempts(wire: number | undefined, violations: Violations): number {
  if (wire !== undefined && !(wire >= 1 && wire <= MAX_ATTEMPTS)) {
    violations.add("routing.max_attempts", `must be between 1 and ${MAX_ATTEMPTS}`);
  }
  return wire ?? defaultPolicy.maxAttempts;
}

function checkName(field: string, value: string, violations: Violations): void {
  if (value.length > MAX_NAME_CHARS) {
    violations.add(field, `must have at most ${MAX_NAME_CHARS} characters`);
  }
}

function checkNames(
  field: string,
  values: readonly string[],
  violations: Violations,
  max = MAX_LIST,
): void {
  if (values.length > max) {
    violations.add(field, `must have at most ${max} names`);
    return;
  }
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] as string;
    if (value === "" || value.length > MAX_NAME_CHARS) {
      violations.add(`${field}[${index}]`, `must have 1 to ${MAX_NAME_CHARS} characters`);
    }
  }
}
