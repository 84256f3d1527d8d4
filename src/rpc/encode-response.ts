import type {
  AlternativeToken,
  CompleteResponse,
  Choice as WireChoice,
  TokenLogprob as WireLogprob,
  ContentPart as WirePart,
  Timings as WireTimings,
} from "../../gen/atlas/v1/completion_pb.ts";
import type { AnswerChoice } from "../domain/answer.ts";
import type { CallResult, Timings } from "../domain/call.ts";
import type { ContentPart } from "../domain/completion.ts";
import type { TokenLogprob } from "../domain/stream-event.ts";
import { durationFromMs, timestampFromMs } from "../wire/wire-time.ts";
import { encodeAttempts, encodeCost, encodeDecision, encodeUsage } from "./encode-decision.ts";
import { finishReasonToWire, roleToWire } from "./wire-enums.ts";

const NO_BYTES = new Uint8Array(0);

export type Answered = {
  readonly id: string;
  readonly receivedAtMs: number;
  readonly choices: readonly AnswerChoice[];
  readonly result: CallResult;
  /** Reasoning is left out unless the caller asked for it. */
  readonly includeReasoning: boolean;
};

export function encodeResponse(answered: Answered): CompleteResponse {
  const { id, receivedAtMs, choices, result, includeReasoning } = answered;
  const { endpoint } = lastAttemptOf(result);
  return {
    $typeName: "atlas.v1.CompleteResponse",
    id,
    choices: choices.map((choice) => encodeChoice(choice, includeReasoning)),
    usage: encodeUsage(result.usage),
    cost: encodeCost(result.cost, result.decision),
    route: encodeDecision(result.decision),
    attempts: encodeAttempts(result.attempts, result.decision),
    timings: encodeTimings(result.timings, result.outputTokensPerSecond),
    upstreamModel: result.upstreamModel,
    createTime: timestampFromMs(receivedAtMs),
    endpoint: endpoint.id,
    provider: endpoint.provider.id,
  };
}

/** The attempt that decided the call. */
export function lastAttemptOf({ attempts }: CallResult) {
  return attempts.at(-1) ?? attempts[0];
}

/** Zero parts are absent, which means the same and is shorter. */
export function encodeTimings(timings: Timings, outputTokensPerSecond: number): WireTimings {
  const part = (ms: number) => (ms > 0 ? durationFromMs(ms) : undefined);
  return {
    $typeName: "atlas.v1.Timings",
    queue: part(timings.queue),
    plan: part(timings.plan),
    failedAttempts: part(timings.failedAttempts),
    upstreamFirstToken: part(timings.upstreamFirstToken),
    upstreamGeneration: part(timings.upstreamGeneration),
    routerOverhead: part(timings.routerOverhead),
    total: durationFromMs(timings.total),
    outputTokensPerSecond,
  };
}

function encodeChoice(choice: AnswerChoice, includeReasoning: boolean): WireChoice {
  const parts = includeReasoning
    ? choice.parts
    : choice.parts.filter(({ kind }) => kind !== "reasoning");
  return {
    $typeName: "atlas.v1.Choice",
    index: choice.index,
    message: {
      $typeName: "atlas.v1.Message",
      role: roleToWire.assistant,
      parts: parts.map(encodePart),
      name: "",
    },
    finishReason: choice.finishReason === undefined ? 0 : finishReasonToWire[choice.finishReason],
    rawFinishReason: choice.rawFinishReason,
    stopSequence: choice.stopSequence,
    logprobs: encodeLogprobs(choice.logprobs),
  };
}

function encodePart(part: ContentPart): WirePart {
  return {
    $typeName: "atlas.v1.ContentPart",
    part: encodeContent(part),
    cacheBreakpoint: part.cacheBreakpoint,
  };
}

/** An answer holds text, refusals, reasoning and tool calls; nothing else is ever generated. */
function encodeContent(part: ContentPart): WirePart["part"] {
  switch (part.kind) {
    case "text":
      return { case: "text", value: part.text.toWellFormed() };
    case "refusal":
      return { case: "refusal", value: part.text.toWellFormed() };
    case "reasoning":
      return {
        case: "reasoning",
        value: {
          $typeName: "atlas.v1.ReasoningPart",
          text: part.text.toWellFormed(),
          signature: part.signature,
          redacted: part.redacted,
        },
      };
    case "tool-call":
      return {
        case: "toolCall",
        value: {
          $typeName: "atlas.v1.ToolCall",
          id: part.id,
          name: part.name,
          argumentsJson: part.argumentsJson.toWellFormed(),
        },
      };
    case "media":
    case "tool-result":
      return { case: undefined };
    default:
      return part satisfies never;
  }
}

export function encodeLogprobs(logprobs: readonly TokenLogprob[]): WireLogprob[] {
  return logprobs.map(({ token, logprob, utf8, alternatives }) => ({
    $typeName: "atlas.v1.TokenLogprob",
    token: token.toWellFormed(),
    logprob,
    utf8: utf8 ?? NO_BYTES,
    alternatives: alternatives.map(
      (alternative): AlternativeToken => ({
        $typeName: "atlas.v1.AlternativeToken",
        token: alternative.token.toWellFormed(),
        logprob: alternative.logprob,
        utf8: alternative.utf8 ?? NO_BYTES,
      }),
    ),
  }));
}
