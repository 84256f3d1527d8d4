import type {
  ContentDelta,
  StreamCompleteResponse,
  StreamFinished,
} from "../../gen/atlas/v1/completion_pb.ts";
import type { CallEvent, CallResult } from "../domain/call.ts";
import type { Usage } from "../domain/usage.ts";
import { timestampFromMs } from "../wire/wire-time.ts";
import type { Joined, JoinedText, JoinedToolCall } from "./delta-joiner.ts";
import {
  encodeAttempt,
  encodeAttempts,
  encodeCost,
  encodeDecision,
  encodeUsage,
} from "./encode-decision.ts";
import { encodeLogprobs, encodeTimings, lastAttemptOf } from "./encode-response.ts";
import { finishReasonToWire, heartbeatPhaseToWire } from "./wire-enums.ts";

export type StreamResponseEvent = StreamCompleteResponse["event"];

export function encodeJoined(joined: Joined): StreamResponseEvent {
  return joined.kind === "tool-call" ? toolCallOf(joined) : contentOf(joined);
}

/** Reasoning that is not plain text. */
export type SealedReasoning = Extract<
  CallEvent,
  { kind: "reasoning-signature" | "redacted-reasoning" }
>;
export type ControlEvent = Extract<
  CallEvent,
  { kind: "started" | "route-switched" | "heartbeat" | "choice-end" }
>;

function contentOf({ kind, choice, part, text, logprobs }: JoinedText): StreamResponseEvent {
  const delta: ContentDelta["delta"] =
    text === "" ? { case: undefined } : { case: kind, value: text.toWellFormed() };
  const content = contentDelta(choice, part, delta);
  if (logprobs.length > 0) {
    content.logprobs = encodeLogprobs(logprobs);
  }
  return { case: "content", value: content };
}

export function encodeSealedReasoning(event: SealedReasoning, part: number): StreamResponseEvent {
  return {
    case: "content",
    value: contentDelta(
      event.choice,
      part,
      event.kind === "reasoning-signature"
        ? { case: "reasoningSignature", value: event.signature }
        : { case: "redactedReasoning", value: event.data },
    ),
  };
}

export function encodeUsageUpdate(usage: Usage): StreamResponseEvent {
  return {
    case: "usage",
    value: { $typeName: "atlas.v1.UsageUpdate", usage: encodeUsage(usage) },
  };
}

function contentDelta(
  choiceIndex: number,
  partIndex: number,
  delta: ContentDelta["delta"],
): ContentDelta {
  return { $typeName: "atlas.v1.ContentDelta", choiceIndex, partIndex, delta, logprobs: [] };
}

function toolCallOf({ choice, tool, id, name, text }: JoinedToolCall): StreamResponseEvent {
  return {
    case: "toolCall",
    value: {
      $typeName: "atlas.v1.ToolCallDelta",
      choiceIndex: choice,
      toolIndex: tool,
      id,
      name,
      argumentsJsonFragment: text.toWellFormed(),
    },
  };
}

/** `id` and `receivedAtMs` are those of the call. */
export function encodeControl(
  event: ControlEvent,
  { id, receivedAtMs }: { readonly id: string; readonly receivedAtMs: number },
): StreamResponseEvent {
  switch (event.kind) {
    case "started":
      return {
        case: "started",
        value: {
          $typeName: "atlas.v1.StreamStarted",
          id,
          route: encodeDecision(event.decision),
          createTime: timestampFromMs(receivedAtMs),
        },
      };
    case "route-switched":
      return {
        case: "routeSwitched",
        value: {
          $typeName: "atlas.v1.RouteSwitched",
          failed: encodeAttempt(event.failed),
          nextEndpoint: event.next,
        },
      };
    case "heartbeat":
      return {
        case: "heartbeat",
        value: { $typeName: "atlas.v1.Heartbeat", phase: heartbeatPhaseToWire[event.phase] },
      };
    case "choice-end":
      return {
        case: "choiceFinished",
        value: {
          $typeName: "atlas.v1.ChoiceFinished",
          choiceIndex: event.choice,
          finishReason: finishReasonToWire[event.reason],
          rawFinishReason: event.rawReason.toWellFormed(),
          stopSequence: event.stopSequence.toWellFormed(),
        },
      };
    default:
      return event satisfies never;
  }
}

export function encodeFinished(result: CallResult): StreamResponseEvent {
  const { endpoint } = lastAttemptOf(result);
  const value: StreamFinished = {
    $typeName: "atlas.v1.StreamFinished",
    usage: encodeUsage(result.usage),
    cost: encodeCost(result.cost, result.decision),
    attempts: encodeAttempts(result.attempts, result.decision),
    timings: encodeTimings(result.timings, result.outputTokensPerSecond),
    upstreamModel: result.upstreamModel,
    endpoint: endpoint.id,
    provider: endpoint.provider.id,
  };
  return { case: "finished", value };
}
