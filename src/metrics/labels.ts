import { failureKinds } from "../domain/outcome.ts";
import type { RejectionReason, Relaxation } from "../domain/plan.ts";
import type { Tier } from "../domain/policy.ts";
import { routerErrors } from "../domain/router-error.ts";
import { serverFaults } from "../domain/rpc-status.ts";
import type { Block, LiveState } from "../domain/score.ts";

/**
 * Where the values of a label come from. No other source exists: what a caller or a provider writes can
 * never become a series.
 *
 * A list is closed. The words stand for what the serving catalogue has at the moment, and `method` for
 * the methods of the services that are served.
 */
export type LabelValues = readonly string[] | "model" | "endpoint" | "provider" | "method";

export type LabelDefinition = {
  /** Name of the attribute in OpenTelemetry. In Prometheus its dots are underscores. */
  readonly name: string;
  readonly values: LabelValues;
  /** Told in place of a value that is none of them. Default: `_other`. */
  readonly other?: string;
  readonly meaning: string;
};

/** Told in place of a value that a label does not have. */
export const OTHER = "_other";

/** The value of every label of the one series that takes what found no place. */
export const OVERFLOW = "_overflow";

const rejectionReasons: Readonly<Record<RejectionReason, true>> = {
  "provider-not-allowed": true,
  "quantization-not-allowed": true,
  "not-native-precision": true,
  "gate-not-green": true,
  "price-above-limit": true,
  "price-unknown": true,
  "context-too-small": true,
  "parameter-unsupported": true,
  "modality-unsupported": true,
  "region-not-allowed": true,
  "data-retention": true,
  disabled: true,
  credentials: true,
  "quota-exhausted": true,
  "breaker-open": true,
  "rate-limited": true,
  "at-concurrency-limit": true,
  "too-slow-for-deadline": true,
  misconfigured: true,
  "capability-missing": true,
  "cost-above-limit": true,
};

const relaxations: Readonly<Record<Relaxation, true>> = {
  panic: true,
  "stale-scores": true,
  "fallback-model": true,
  "too-slow": true,
};

const blocks: Readonly<Record<Block["reason"], true>> = {
  "breaker-open": true,
  "rate-limited": true,
  "at-concurrency-limit": true,
  credentials: true,
  "quota-exhausted": true,
  misconfigured: true,
};

const tiers: Readonly<Record<Tier, true>> = { realtime: true, standard: true };

/** What the gauge of an endpoint's breaker shows. */
export const breakerValues: Readonly<Record<LiveState["breaker"], number>> = {
  closed: 0,
  "half-open": 1,
  open: 2,
};

/** The disjoint parts of `Timings`. */
export const timingParts = [
  "queue",
  "plan",
  "failed_attempts",
  "upstream_first_token",
  "upstream_generation",
  "router_overhead",
] as const;

/** What a deadline left to the endpoint that was chosen. */
export const deadlineRooms = ["short", "tight", "ample"] as const;

/** Names of the gRPC codes. */
const statusCodes = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

const errorCodes = Object.keys(routerErrors);

/**
 * Every label there is. An empty value leaves the label out.
 *
 * A name may belong to two labels whose values differ by metric, as `error.type` does.
 */
export const labels = {
  operation: {
    name: "gen_ai.operation.name",
    values: ["chat"],
    meaning: "What the provider was asked for.",
  },
  providerName: {
    name: "gen_ai.provider.name",
    values: "provider",
    meaning: "The provider by its name in the conventions.",
  },
  requestModel: {
    name: "gen_ai.request.model",
    values: "model",
    meaning: "Catalogue id of the model that the attempt asked for.",
  },
  tokenType: {
    name: "gen_ai.token.type",
    values: ["input", "output"],
    meaning: "Which side of the call the tokens are on.",
  },
  failure: {
    name: "error.type",
    values: failureKinds,
    meaning: "How the attempt failed; left out when it succeeded.",
  },
  rpcSystem: {
    name: "rpc.system.name",
    values: ["grpc", "connectrpc"],
    meaning: "Protocol: gRPC, or Connect and gRPC-Web.",
  },
  rpcMethod: {
    name: "rpc.method",
    values: "method",
    other: "_OTHER",
    meaning: "Service and method; _OTHER for what no service has.",
  },
  rpcStatus: {
    name: "rpc.status_code",
    values: statusCodes,
    meaning: "Name of the gRPC code.",
  },
  rpcFault: {
    name: "error.type",
    values: serverFaults,
    meaning: "The code, when it is a fault of the server; else left out.",
  },
  messagingSystem: {
    name: "messaging.system.name",
    values: ["nats"],
    meaning: "What carries the health reports.",
  },
  messagingOperation: {
    name: "messaging.operation.name",
    values: ["publish", "process"],
    meaning: "What was done with a report.",
  },
  destination: {
    name: "messaging.destination.template",
    values: ["atlas.health.v1.*"],
    meaning: "Subjects of the reports, without the endpoint.",
  },
  busFailure: {
    name: "error.type",
    values: ["unconfirmed", "rejected"],
    meaning:
      "unconfirmed: the bus did not answer in time; rejected: it will never take the report; left out when it took it.",
  },
  tier: {
    name: "atlas.tier",
    values: Object.keys(tiers),
    meaning: "How the call is bought.",
  },
  model: {
    name: "atlas.model",
    values: "model",
    meaning: "Catalogue id of the model; _other when the catalogue does not have it.",
  },
  endpoint: {
    name: "atlas.endpoint",
    values: "endpoint",
    meaning: "Id of the endpoint in the catalogue.",
  },
  provider: {
    name: "atlas.provider",
    values: "provider",
    meaning: "The provider by its name in the conventions.",
  },
  planOutcome: {
    name: "atlas.outcome",
    values: ["planned", ...errorCodes],
    meaning: "planned, or why there is no plan.",
  },
  callOutcome: {
    name: "atlas.outcome",
    values: ["success", ...errorCodes],
    meaning: "success, or the code of the error.",
  },
  deadline: {
    name: "atlas.deadline",
    values: deadlineRooms,
    meaning:
      "Time the caller left, beside what the plan expected. short: less than the median time to the first token and, for an answer that is sent whole, half of the time to generate it; ample: at least the 95th percentile and all of that time, as far as the endpoint was measured; tight: any other.",
  },
  errorSource: {
    name: "atlas.error.source",
    values: ["caller", "upstream", "router"],
    meaning: "Whose fault the error was; left out when there was none.",
  },
  attemptOutcome: {
    name: "atlas.outcome",
    values: ["success", ...failureKinds],
    meaning: "success, or how the attempt failed.",
  },
  rejection: {
    name: "atlas.reason",
    values: Object.keys(rejectionReasons),
    meaning: "The rule that refused the endpoint.",
  },
  relaxation: {
    name: "atlas.relaxation",
    values: Object.keys(relaxations),
    meaning: "The rule that was relaxed.",
  },
  block: {
    name: "atlas.reason",
    values: Object.keys(blocks),
    meaning: "Why the endpoint takes no call.",
  },
  part: {
    name: "atlas.part",
    values: timingParts,
    meaning: "Which part of the call's time; the parts are disjoint and add up to the whole.",
  },
  verdict: {
    name: "atlas.verdict",
    values: [
      "folded",
      "ignored",
      "late",
      "duplicate",
      "unknown-layout",
      "invalid",
      "too-many-endpoints",
      "undecodable",
      "wrong-token",
    ],
    meaning:
      "What the scorer made of a report; ignored: of use to people alone; wrong-token: its subject is not that of its endpoint.",
  },
  ignoredEntry: {
    name: "atlas.reason",
    values: ["not-newer", "unknown-algorithm", "undecodable"],
    meaning: "Why an entry of the published scores was not taken.",
  },
  probeResult: {
    name: "atlas.result",
    values: ["passed", "failed", "silent", "unpriced", "unaffordable"],
    meaning: "What came of a probe.",
  },
  spanResult: {
    name: "atlas.result",
    values: ["exported", "dropped", "failed"],
    meaning: "Whether the spans left the process.",
  },
  leftOutSpan: {
    name: "atlas.span",
    values: ["process", "apply"],
    meaning: "process: a report at the scorer; apply: until a router plans with what it told.",
  },
  cpuMode: { name: "cpu.mode", values: ["user", "system"], meaning: "Where the time was spent." },
  gcType: {
    name: "v8js.gc.type",
    values: ["major", "minor", "incremental", "weakcb"],
    meaning: "Kind of collection.",
  },
} as const satisfies Record<string, LabelDefinition>;

export type LabelKey = keyof typeof labels;

/** In Prometheus, where a name holds letters, digits and underscores. */
export function prometheusLabelOf({ name }: Pick<LabelDefinition, "name">): string {
  return name.replaceAll(".", "_");
}
