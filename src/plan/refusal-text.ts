import type { RejectionReason } from "../domain/plan.ts";

type RefusalText = {
  /** Completes "2 refused: ". */
  readonly phrase: string;
  /** Path in the request message in proto names of what would have to change. */
  readonly field: string;
};

/** What a refusal is called to people and which part of the request it hangs on. */
export const refusals: Readonly<Record<RejectionReason, RefusalText>> = {
  "provider-not-allowed": { phrase: "provider not allowed", field: "routing.only_providers" },
  "quantization-not-allowed": {
    phrase: "quantization not allowed",
    field: "routing.quantizations",
  },
  "not-native-precision": { phrase: "not at native precision", field: "routing.tier" },
  "gate-not-green": { phrase: "no green eval gate", field: "routing.operation" },
  "price-above-limit": {
    phrase: "price above the limit",
    field: "routing.max_input_nano_usd_per_mtok",
  },
  "price-unknown": { phrase: "unknown price", field: "spec.model" },
  "context-too-small": { phrase: "context too small", field: "spec.messages" },
  "parameter-unsupported": {
    phrase: "parameter unsupported",
    field: "routing.require_all_parameters",
  },
  "modality-unsupported": { phrase: "medium unsupported", field: "spec.messages" },
  "region-not-allowed": { phrase: "region not allowed", field: "routing.regions" },
  "data-retention": { phrase: "retains data", field: "routing.zero_data_retention" },
  disabled: { phrase: "switched off", field: "spec.model" },
  credentials: { phrase: "credentials refused upstream", field: "spec.model" },
  "breaker-open": { phrase: "breaker open", field: "spec.model" },
  "rate-limited": { phrase: "rate-limited", field: "spec.model" },
  "at-concurrency-limit": { phrase: "at its concurrency limit", field: "spec.model" },
  "too-slow-for-deadline": { phrase: "too slow for the deadline", field: "spec.model" },
  "quota-exhausted": { phrase: "out of credit", field: "spec.model" },
  misconfigured: { phrase: "misconfigured", field: "spec.model" },
  "capability-missing": { phrase: "capability missing", field: "spec" },
  "cost-above-limit": { phrase: "cost above the limit", field: "routing.max_cost_nano_usd" },
};

/** `2 refused: no green eval gate for support.reply` */
export function refusalText(reason: RejectionReason, count: number, operation: string): string {
  const scope = reason === "gate-not-green" && operation !== "" ? ` for ${operation}` : "";
  return `${count} refused: ${refusals[reason].phrase}${scope}`;
}
