import {
  Heartbeat_Phase,
  ReasoningConfig_Effort,
  FinishReason as WireFinishReason,
  Role as WireRole,
} from "../../gen/atlas/v1/completion_pb.ts";
import {
  GateState as WireGateState,
  Priority as WirePriority,
  RejectionReason as WireRejectionReason,
  Relaxation as WireRelaxation,
} from "../../gen/atlas/v1/routing_pb.ts";
import {
  UsageSource,
  FailureKind as WireFailureKind,
  Modality as WireModality,
  Precision as WirePrecision,
  Quantization as WireQuantization,
  Tier as WireTier,
} from "../../gen/atlas/v1/types_pb.ts";
import type { HeartbeatPhase } from "../domain/call.ts";
import type { ReasoningEffort, Role } from "../domain/completion.ts";
import type { Modality, Precision, Quantization } from "../domain/endpoint.ts";
import type { GateState } from "../domain/gate.ts";
import type { FailureKind } from "../domain/outcome.ts";
import type { RejectionReason, Relaxation } from "../domain/plan.ts";
import type { Priority, Tier } from "../domain/policy.ts";
import type { FinishReason } from "../domain/stream-event.ts";
import type { Usage } from "../domain/usage.ts";

// Every table is total over the words of the domain, so a new word does not compile without its number.

export const roleToWire = {
  system: WireRole.SYSTEM,
  developer: WireRole.DEVELOPER,
  user: WireRole.USER,
  assistant: WireRole.ASSISTANT,
  tool: WireRole.TOOL,
} as const satisfies Record<Role, WireRole>;

export const tierToWire = {
  realtime: WireTier.REALTIME,
  standard: WireTier.STANDARD,
} as const satisfies Record<Tier, WireTier>;

export const quantizationToWire = {
  int4: WireQuantization.INT4,
  int8: WireQuantization.INT8,
  fp4: WireQuantization.FP4,
  mxfp4: WireQuantization.MXFP4,
  nvfp4: WireQuantization.NVFP4,
  fp6: WireQuantization.FP6,
  fp8: WireQuantization.FP8,
  mxfp8: WireQuantization.MXFP8,
  fp16: WireQuantization.FP16,
  bf16: WireQuantization.BF16,
  fp32: WireQuantization.FP32,
  unknown: WireQuantization.UNKNOWN,
  undisclosed: WireQuantization.UNDISCLOSED,
} as const satisfies Record<Quantization, WireQuantization>;

export const precisionToWire = {
  full: WirePrecision.FULL,
  q8: WirePrecision.Q8,
  q6: WirePrecision.Q6,
  q4: WirePrecision.Q4,
  undisclosed: WirePrecision.UNDISCLOSED,
} as const satisfies Record<Precision, WirePrecision>;

export const modalityToWire = {
  text: WireModality.TEXT,
  image: WireModality.IMAGE,
  audio: WireModality.AUDIO,
  video: WireModality.VIDEO,
  file: WireModality.FILE,
} as const satisfies Record<Modality, WireModality>;

export const priorityToWire = {
  critical: WirePriority.CRITICAL,
  default: WirePriority.DEFAULT,
  sheddable: WirePriority.SHEDDABLE,
} as const satisfies Record<Priority, WirePriority>;

export const effortToWire = {
  none: ReasoningConfig_Effort.NONE,
  minimal: ReasoningConfig_Effort.MINIMAL,
  low: ReasoningConfig_Effort.LOW,
  medium: ReasoningConfig_Effort.MEDIUM,
  high: ReasoningConfig_Effort.HIGH,
  xhigh: ReasoningConfig_Effort.XHIGH,
  max: ReasoningConfig_Effort.MAX,
} as const satisfies Record<ReasoningEffort, ReasoningConfig_Effort>;

export const finishReasonToWire = {
  stop: WireFinishReason.STOP,
  length: WireFinishReason.LENGTH,
  "tool-calls": WireFinishReason.TOOL_CALLS,
  "content-filter": WireFinishReason.CONTENT_FILTER,
  refusal: WireFinishReason.REFUSAL,
  "context-length": WireFinishReason.CONTEXT_LENGTH,
  pause: WireFinishReason.PAUSE,
  aborted: WireFinishReason.ABORTED,
  other: WireFinishReason.OTHER,
} as const satisfies Record<FinishReason, WireFinishReason>;

export const usageSourceToWire = {
  provider: UsageSource.PROVIDER,
  estimated: UsageSource.ESTIMATED,
  partial: UsageSource.PARTIAL,
} as const satisfies Record<Usage["source"], UsageSource>;

export const heartbeatPhaseToWire = {
  queued: Heartbeat_Phase.QUEUED,
  "waiting-for-first-token": Heartbeat_Phase.WAITING_FOR_FIRST_TOKEN,
  generating: Heartbeat_Phase.GENERATING,
} as const satisfies Record<HeartbeatPhase, Heartbeat_Phase>;

export const gateToWire = {
  native: WireGateState.NATIVE,
  green: WireGateState.GREEN,
  red: WireGateState.RED,
  unknown: WireGateState.UNKNOWN,
  stale: WireGateState.STALE,
} as const satisfies Record<GateState, WireGateState>;

export const relaxationToWire = {
  panic: WireRelaxation.PANIC,
  "stale-scores": WireRelaxation.STALE_SCORES,
  "fallback-model": WireRelaxation.FALLBACK_MODEL,
  "too-slow": WireRelaxation.TOO_SLOW,
} as const satisfies Record<Relaxation, WireRelaxation>;

export const failureToWire = {
  "rate-limited": WireFailureKind.RATE_LIMITED,
  "quota-exhausted": WireFailureKind.QUOTA_EXHAUSTED,
  overloaded: WireFailureKind.OVERLOADED,
  "connect-timeout": WireFailureKind.CONNECT_TIMEOUT,
  "first-token-timeout": WireFailureKind.FIRST_TOKEN_TIMEOUT,
  "idle-timeout": WireFailureKind.IDLE_TIMEOUT,
  "total-timeout": WireFailureKind.TOTAL_TIMEOUT,
  network: WireFailureKind.NETWORK,
  "server-error": WireFailureKind.SERVER_ERROR,
  credentials: WireFailureKind.CREDENTIALS,
  "bad-request": WireFailureKind.BAD_REQUEST,
  "context-length": WireFailureKind.CONTEXT_LENGTH,
  "content-filter": WireFailureKind.CONTENT_FILTER,
  "model-not-found": WireFailureKind.MODEL_NOT_FOUND,
  "malformed-response": WireFailureKind.MALFORMED_RESPONSE,
  canceled: WireFailureKind.CANCELED,
} as const satisfies Record<FailureKind, WireFailureKind>;

export const rejectionToWire = {
  "provider-not-allowed": WireRejectionReason.PROVIDER_NOT_ALLOWED,
  "quantization-not-allowed": WireRejectionReason.QUANTIZATION_NOT_ALLOWED,
  "not-native-precision": WireRejectionReason.NOT_NATIVE_PRECISION,
  "gate-not-green": WireRejectionReason.GATE_NOT_GREEN,
  "price-above-limit": WireRejectionReason.PRICE_ABOVE_LIMIT,
  "price-unknown": WireRejectionReason.PRICE_UNKNOWN,
  "context-too-small": WireRejectionReason.CONTEXT_TOO_SMALL,
  "parameter-unsupported": WireRejectionReason.PARAMETER_UNSUPPORTED,
  "modality-unsupported": WireRejectionReason.MODALITY_UNSUPPORTED,
  "region-not-allowed": WireRejectionReason.REGION_NOT_ALLOWED,
  "data-retention": WireRejectionReason.DATA_RETENTION,
  disabled: WireRejectionReason.DISABLED,
  credentials: WireRejectionReason.CREDENTIALS,
  "breaker-open": WireRejectionReason.BREAKER_OPEN,
  "rate-limited": WireRejectionReason.RATE_LIMITED,
  "at-concurrency-limit": WireRejectionReason.AT_CONCURRENCY_LIMIT,
  "too-slow-for-deadline": WireRejectionReason.TOO_SLOW_FOR_DEADLINE,
  misconfigured: WireRejectionReason.MISCONFIGURED,
  "quota-exhausted": WireRejectionReason.QUOTA_EXHAUSTED,
  "capability-missing": WireRejectionReason.CAPABILITY_MISSING,
  "cost-above-limit": WireRejectionReason.COST_ABOVE_LIMIT,
} as const satisfies Record<RejectionReason, WireRejectionReason>;

/** Reads a table backwards. Numbers without a word, zero among them, give `undefined`. */
function invert<Word extends string>(
  table: Readonly<Record<Word, number>>,
): readonly (Word | undefined)[] {
  const words: (Word | undefined)[] = [];
  for (const word of Object.keys(table) as Word[]) {
    words[table[word]] = word;
  }
  return words;
}

export const roleFromWire = invert<Role>(roleToWire);
export const tierFromWire = invert<Tier>(tierToWire);
export const quantizationFromWire = invert<Quantization>(quantizationToWire);
export const modalityFromWire = invert<Modality>(modalityToWire);
export const priorityFromWire = invert<Priority>(priorityToWire);
export const effortFromWire = invert<ReasoningEffort>(effortToWire);
