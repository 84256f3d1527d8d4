import { type AttributeDefinition, genAiAttributes } from "./gen-ai-attributes.ts";

/**
 * Every attribute of every span, once. Their keys are the only place where the conventions can differ:
 * those of semantic conventions 1.41, and those that moved to a repository of their own since.
 */

const RPC = "https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/";
const GENERAL = "https://opentelemetry.io/docs/specs/semconv/registry/attributes/";
const MESSAGING = "https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/";

export const attributeTable = {
  rpcSystem: {
    key: "rpc.system.name",
    type: "string",
    meaning: "Protocol: grpc, or connectrpc for Connect and gRPC-Web.",
    convention: RPC,
  },
  rpcMethod: {
    key: "rpc.method",
    type: "string",
    meaning: "Service and method; _OTHER for what no service has.",
    convention: RPC,
  },
  rpcStatus: {
    key: "rpc.status_code",
    type: "string",
    meaning: "Name of the gRPC code that the caller was told.",
    convention: RPC,
  },
  errorType: {
    key: "error.type",
    type: "string",
    meaning:
      "Of the RPC: its gRPC code. Of the call: the error's code. Of an attempt: its outcome.",
    convention: `${GENERAL}error/`,
  },
  peerAddress: {
    key: "network.peer.address",
    type: "string",
    meaning: "Where the caller, or its proxy, connects from.",
    convention: `${GENERAL}network/`,
  },
  peerPort: {
    key: "network.peer.port",
    type: "int",
    meaning: "Its port.",
    convention: `${GENERAL}network/`,
  },
  errorReason: {
    key: "atlas.error.reason",
    type: "string",
    meaning: "ErrorInfo.reason that the caller was told.",
  },
  errorSource: {
    key: "atlas.error.source",
    type: "string",
    meaning: "Whose doing the error was: caller, upstream or router.",
  },
  callId: { key: "atlas.call.id", type: "string", meaning: "Id of the call, as in its answer." },
  repeated: {
    key: "atlas.replayed",
    type: "boolean",
    meaning:
      "True: the RPC repeated the request id of a call, and was given what that call ended with, or ended while it waited for that. Absent otherwise.",
  },
  decisionId: {
    key: "atlas.decision.id",
    type: "string",
    meaning: "Id of the routing decision; absent when there is none.",
  },
  tier: { key: "atlas.tier", type: "string", meaning: "How the call is bought." },
  operation: {
    key: "atlas.operation",
    type: "string",
    meaning: "The caller's named task; absent when it named none.",
  },
  streaming: {
    key: "atlas.streaming",
    type: "boolean",
    meaning: "True: the caller asked for a stream. Absent otherwise.",
  },
  application: {
    key: "atlas.caller.application",
    type: "string",
    meaning: "The caller's own name for itself; absent when it gave none.",
  },
  endpoint: {
    key: "atlas.endpoint",
    type: "string",
    meaning: "Endpoint that answered, was decided on, or was tried.",
  },
  provider: { key: "atlas.provider", type: "string", meaning: "Its provider in the catalogue." },
  relaxations: {
    key: "atlas.relaxations",
    type: "string[]",
    meaning: "Rules that were relaxed; absent when none was.",
  },
  rejections: {
    key: "atlas.rejections",
    type: "string[]",
    meaning: "Of a refused call: every reason for which an endpoint was rejected, each once.",
  },
  fallbacks: {
    key: "atlas.fallbacks",
    type: "string[]",
    meaning: "Endpoints to try next, best first.",
  },
  fallbackCount: {
    key: "atlas.fallback.count",
    type: "int",
    meaning: "Attempts after the first one; absent when there were none.",
  },
  partial: {
    key: "atlas.partial",
    type: "boolean",
    meaning: "True: content had reached the caller before the error. Absent otherwise.",
  },
  scoreAge: {
    key: "atlas.score.age_ms",
    type: "double",
    unit: "ms",
    meaning: "Age of the scores that were used; absent when there were none.",
  },
  scoreRevision: {
    key: "atlas.score.revision",
    type: "int",
    meaning: "Revision of the scores that were used.",
  },
  catalogRevision: {
    key: "atlas.catalog.revision",
    type: "int",
    meaning: "Revision of the catalogue, which every replica counts for itself from its start.",
  },
  priceVersion: {
    key: "atlas.prices.version",
    type: "string",
    meaning: "Prices that costs are reckoned with: the same wherever all prices are the same.",
  },
  estimatedCost: {
    key: "atlas.cost.estimated_nano_usd",
    type: "int",
    unit: "nUSD",
    meaning: "What the decided endpoint was expected to cost; absent when a price is unknown.",
  },
  cost: {
    key: "atlas.cost.nano_usd",
    type: "int",
    unit: "nUSD",
    meaning: "What the call cost, or the probe; absent when a price is unknown.",
  },
  givenUpCost: {
    key: "atlas.cost.given_up_nano_usd",
    type: "int",
    unit: "nUSD",
    meaning:
      "Of an attempt that another one followed although its answer had begun, or the provider told of output tokens: what it is reckoned to be billed, beside the cost of the call. Not confirmed; absent when not known.",
  },
  usageSource: {
    key: "atlas.usage.source",
    type: "string",
    meaning: "Who counted the tokens: provider, estimated, or partial of what broke off.",
  },
  tokensPerSecond: {
    key: "atlas.output_tokens_per_second",
    type: "double",
    unit: "{token}/s",
    meaning: "After the first token; absent when it cannot be told.",
  },
  queueTime: {
    key: "atlas.timings.queue_ms",
    type: "double",
    unit: "ms",
    meaning: "Waiting to be planned; absent when 0.",
  },
  planTime: {
    key: "atlas.timings.plan_ms",
    type: "double",
    unit: "ms",
    meaning: "Planning; absent when 0.",
  },
  failedAttemptsTime: {
    key: "atlas.timings.failed_attempts_ms",
    type: "double",
    unit: "ms",
    meaning: "Attempts that were given up, with the waits between them; absent when 0.",
  },
  firstTokenTime: {
    key: "atlas.timings.upstream_first_token_ms",
    type: "double",
    unit: "ms",
    meaning: "Of the last attempt, until its first content; absent when 0.",
  },
  generationTime: {
    key: "atlas.timings.upstream_generation_ms",
    type: "double",
    unit: "ms",
    meaning: "Of the last attempt, from then to its end; absent when 0.",
  },
  overheadTime: {
    key: "atlas.timings.router_overhead_ms",
    type: "double",
    unit: "ms",
    meaning: "Decoding, encoding, waiting for the event loop; absent when 0.",
  },
  totalTime: {
    key: "atlas.timings.total_ms",
    type: "double",
    unit: "ms",
    meaning: "All of the call: the sum of the six parts.",
  },
  ...genAiAttributes,
  attemptNumber: { key: "atlas.attempt.number", type: "int", meaning: "1, 2, 3." },
  probe: {
    key: "atlas.probe",
    type: "boolean",
    meaning: "True: the prober called, and no caller. Absent otherwise.",
  },
  upstreamRequestId: {
    key: "atlas.upstream.request_id",
    type: "string",
    meaning: "The provider's own id of the request.",
  },
  droppedParameters: {
    key: "atlas.dropped_parameters",
    type: "string[]",
    meaning: "What the endpoint cannot take and was left out; absent when nothing was.",
  },
  httpStatus: {
    key: "http.response.status_code",
    type: "int",
    meaning: "Of the provider; absent when it sent none.",
    convention: `${GENERAL}http/`,
  },
  serverAddress: {
    key: "server.address",
    type: "string",
    meaning: "Host that the provider was reached at. Of an RPC: our end of its connection.",
    convention: `${GENERAL}server/`,
  },
  serverPort: {
    key: "server.port",
    type: "int",
    meaning: "Its port.",
    convention: `${GENERAL}server/`,
  },
  messagingSystem: {
    key: "messaging.system.name",
    type: "string",
    meaning: "nats, or memory for the bus in the process.",
    convention: MESSAGING,
  },
  messagingDestination: {
    key: "messaging.destination.name",
    type: "string",
    meaning: "Subject of the message.",
    convention: MESSAGING,
  },
  messagingTemplate: {
    key: "messaging.destination.template",
    type: "string",
    meaning: "Subjects of its kind: atlas.health.v1.*.",
    convention: MESSAGING,
  },
  messagingOperation: {
    key: "messaging.operation.name",
    type: "string",
    meaning: "publish or process.",
    convention: MESSAGING,
  },
  messagingOperationType: {
    key: "messaging.operation.type",
    type: "string",
    meaning: "send or process.",
    convention: MESSAGING,
  },
  messagingMessageId: {
    key: "messaging.message.id",
    type: "string",
    meaning: "Producer, boot and sequence of the report: its Nats-Msg-Id.",
    convention: MESSAGING,
  },
  messagingBodySize: {
    key: "messaging.message.body.size",
    type: "int",
    unit: "By",
    meaning: "Length of the report.",
    convention: MESSAGING,
  },
  messagingConsumerGroup: {
    key: "messaging.consumer.group.name",
    type: "string",
    meaning: "Name of the scorer's reader of the stream.",
    convention: MESSAGING,
  },
  reportSequence: {
    key: "atlas.report.sequence",
    type: "int",
    meaning: "Number that the producer gave to the report.",
  },
  reportOutcome: {
    key: "atlas.report.outcome",
    type: "string",
    meaning: "What became of the report: a verdict of the fold, or dead-letter.",
  },
  streamSequence: {
    key: "atlas.stream.sequence",
    type: "int",
    meaning: "Position of the report in its stream.",
  },
  asOfSequence: {
    key: "atlas.scores.as_of_sequence",
    type: "int",
    meaning: "Position in the stream up to which the scores know it.",
  },
  appliedScoresAge: {
    key: "atlas.scores.age",
    type: "double",
    unit: "s",
    meaning: "Age of the scores when they were applied.",
  },
} as const satisfies Readonly<Record<string, AttributeDefinition>>;

export type AttributeId = keyof typeof attributeTable;

/** Keys by our own words for them. */
export type AttributeNames = Readonly<Record<AttributeId, string>>;

/** Value of `OTEL_SEMCONV_STABILITY_OPT_IN`, a list with commas, that asks for the newer names. */
const LATEST = "gen_ai_latest_experimental";

/** Whether the operator asks for the newer GenAI names. `optIn` is `OTEL_SEMCONV_STABILITY_OPT_IN`. */
export function wantsLatestNames(optIn = ""): boolean {
  return optIn.split(",").some((word) => word.trim() === LATEST);
}

/** Keys by the conventions that the operator chose. `optIn` is `OTEL_SEMCONV_STABILITY_OPT_IN`. */
export function attributeNamesOf(optIn: string | undefined): AttributeNames {
  const isLatest = wantsLatestNames(optIn);
  const keyOf = ({ key, latestKey }: AttributeDefinition) => (isLatest ? (latestKey ?? key) : key);
  // `fromEntries` forgets the keys, which are those of the table.
  return Object.fromEntries(
    Object.entries(attributeTable).map(([id, definition]) => [id, keyOf(definition)]),
  ) as AttributeNames;
}
