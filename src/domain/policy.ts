import type { Quantization } from "./endpoint.ts";

/** How a call is bought. Batches are jobs of their own and never reach the planner of calls. */
export type Tier = "realtime" | "standard";

/** Who is shed first under overload. */
export type Priority = "critical" | "default" | "sheddable";

/**
 * What the caller allows and prefers, complete. Empty lists and absent values do not restrict.
 *
 * Hard rules are never relaxed: an endpoint outside any of them is not called.
 */
export type RoutingPolicy = {
  readonly tier: Tier;
  /** The caller's named task; empty when it has none. */
  readonly operation: string;
  /** Tried in order once the requested model has no eligible endpoint left. */
  readonly fallbackModels: readonly string[];

  readonly onlyProviders: readonly string[];
  readonly ignoreProviders: readonly string[];
  readonly quantizations: readonly Quantization[];
  readonly regions: readonly string[];
  /** Nano-USD per million tokens. */
  readonly maxInputPerMtok: number | undefined;
  readonly maxOutputPerMtok: number | undefined;
  /** Nano-USD for the whole call at its estimated size. */
  readonly maxCost: number | undefined;
  /** Refuse endpoints that cannot take every parameter, instead of leaving parameters out. */
  readonly requireAllParameters: boolean;
  readonly zeroDataRetention: boolean;
  readonly disableFallbacks: boolean;

  /** Soft: these first, in this order; others after them. */
  readonly providerOrder: readonly string[];
  readonly preferredMaxFirstTokenMs: number | undefined;
  readonly preferredMinTokensPerSecond: number | undefined;
  readonly weights: Weights;
  /** Empty: no affinity. */
  readonly sessionAffinityKey: string;

  /** 1 to 3. */
  readonly maxAttempts: number;
  readonly allowHedging: boolean;
  readonly priority: Priority;
};

/** Exponents of the ranking, 0 to 16; an absent one takes the tier's default. */
export type Weights = {
  readonly cost: number | undefined;
  readonly latency: number | undefined;
  readonly throughput: number | undefined;
  readonly reliability: number | undefined;
};

/** Three tries: two hide nearly every single fault, more only add load when everything is down. */
export const MAX_ATTEMPTS = 3;

/** What a call gets that asks for nothing. */
export const defaultPolicy: RoutingPolicy = {
  tier: "standard",
  operation: "",
  fallbackModels: [],
  onlyProviders: [],
  ignoreProviders: [],
  quantizations: [],
  regions: [],
  maxInputPerMtok: undefined,
  maxOutputPerMtok: undefined,
  maxCost: undefined,
  requireAllParameters: false,
  zeroDataRetention: false,
  disableFallbacks: false,
  providerOrder: [],
  preferredMaxFirstTokenMs: undefined,
  preferredMinTokensPerSecond: undefined,
  weights: { cost: undefined, latency: undefined, throughput: undefined, reliability: undefined },
  sessionAffinityKey: "",
  maxAttempts: MAX_ATTEMPTS,
  allowHedging: false,
  priority: "default",
};
