import type { SpanKind } from "../domain/trace.ts";
import type { AttributeId } from "./attribute-table.ts";

/**
 * Every span there is, in the order of a call's life. What is shown of them to people is made from this
 * table, and the tests of those who make spans compare them with it.
 */
export type SpanDefinition = {
  /** Braces stand for what differs. */
  readonly name: string;
  readonly kind: SpanKind;
  /** Key in the table, `caller` when it is another process's, or both when either may be. */
  readonly parent: string;
  /** From when to when, and which calls have one. */
  readonly when: string;
  readonly attributes: readonly AttributeId[];
  readonly events: readonly { readonly name: string; readonly meaning: string }[];
};

/** An event of an attempt. */
export const FIRST_TOKEN = "gen_ai.first_token";

export const COMPLETE_SPAN = "atlas.complete";
export const PLAN_SPAN = "atlas.plan";

/** Names of the spans of the health reports, without the endpoint so that they stay few. */
export const PUBLISH_SPAN = "publish atlas.health.v1";
export const PROCESS_SPAN = "process atlas.health.v1";
export const APPLY_SPAN = "atlas.scores.apply";

const usage = [
  "inputTokens",
  "outputTokens",
  "cacheReadTokens",
  "cacheWriteTokens",
  "reasoningTokens",
] as const;

const message = [
  "messagingSystem",
  "messagingDestination",
  "messagingTemplate",
  "messagingOperation",
  "messagingOperationType",
  "messagingMessageId",
  "messagingBodySize",
  "endpoint",
  "reportSequence",
  "streamSequence",
] as const;

export const spanTable = {
  rpc: {
    name: "{rpc.method}",
    kind: "server",
    parent: "caller, by traceparent",
    when: "Every RPC of every service, from when its request was there whole to when its answer was handed to the transport. That of a repeat links to the call whose answer it was given.",
    attributes: [
      "rpcSystem",
      "rpcMethod",
      "rpcStatus",
      "errorType",
      "errorReason",
      "callId",
      "repeated",
      "serverAddress",
      "serverPort",
      "peerAddress",
      "peerPort",
    ],
    events: [],
  },
  complete: {
    name: COMPLETE_SPAN,
    kind: "internal",
    parent: "rpc",
    when: "Every call of Complete and StreamComplete: exactly the time that its Timings add up to.",
    attributes: [
      "callId",
      "tier",
      "operation",
      "application",
      "streaming",
      "requestModel",
      "endpoint",
      "provider",
      "relaxations",
      "rejections",
      "fallbackCount",
      "partial",
      "scoreAge",
      "cost",
      "priceVersion",
      ...usage,
      "usageSource",
      "tokensPerSecond",
      "queueTime",
      "planTime",
      "failedAttemptsTime",
      "firstTokenTime",
      "generationTime",
      "overheadTime",
      "totalTime",
      "errorType",
      "errorSource",
    ],
    events: [],
  },
  plan: {
    name: PLAN_SPAN,
    kind: "internal",
    parent: "complete",
    when: "Every call that was planned, also when no endpoint was found.",
    attributes: [
      "decisionId",
      "endpoint",
      "fallbacks",
      "relaxations",
      "rejections",
      "scoreAge",
      "scoreRevision",
      "catalogRevision",
      "priceVersion",
      "estimatedCost",
      "errorType",
    ],
    events: [],
  },
  attempt: {
    name: "chat {gen_ai.request.model}",
    kind: "client",
    parent: "complete, or none when it is a probe's",
    when: "Every attempt, from its start to the end of the provider's answer or stream; and every probe that was sampled.",
    attributes: [
      "genAiOperation",
      "genAiProvider",
      "requestModel",
      "requestStream",
      "requestChoices",
      "requestSeed",
      "requestTemperature",
      "requestTopP",
      "requestTopK",
      "requestMaxTokens",
      "requestStop",
      "requestFrequencyPenalty",
      "requestPresencePenalty",
      "outputType",
      "responseModel",
      "finishReasons",
      "timeToFirstChunk",
      ...usage,
      "serverAddress",
      "serverPort",
      "httpStatus",
      "errorType",
      "attemptNumber",
      "endpoint",
      "provider",
      "upstreamRequestId",
      "droppedParameters",
      "givenUpCost",
      "probe",
      "cost",
      "systemInstructions",
      "inputMessages",
      "outputMessages",
      "toolDefinitions",
    ],
    events: [{ name: FIRST_TOKEN, meaning: "The first content came." }],
  },
  publish: {
    name: PUBLISH_SPAN,
    kind: "producer",
    parent: "attempt",
    when: "A health report that holds the attempt, from its first try to the bus's confirmation. It is in the trace of the first attempt that it holds and that is kept; the others link to it.",
    attributes: message,
    events: [],
  },
  process: {
    name: PROCESS_SPAN,
    kind: "consumer",
    parent: "publish, which it also links to",
    when: "From when the stream stored the report until a scorer has folded it.",
    attributes: [...message, "messagingConsumerGroup", "reportOutcome"],
    events: [],
  },
  apply: {
    name: APPLY_SPAN,
    kind: "internal",
    parent: "publish",
    when: "On the router that published, from the confirmation until scores that hold the report are in use.",
    attributes: ["endpoint", "streamSequence", "asOfSequence", "appliedScoresAge", "scoreRevision"],
    events: [],
  },
} as const satisfies Readonly<Record<string, SpanDefinition>>;

export type SpanId = keyof typeof spanTable;
