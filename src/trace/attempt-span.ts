import type { AttemptRecord, CallEnd, CompletionCall } from "../domain/call.ts";
import type { CompletionSpec } from "../domain/completion.ts";
import {
  attemptSlot,
  type Span,
  type SpanAttributes,
  spanIdAt,
  spanSlots,
} from "../domain/trace.ts";
import type { AttributeNames } from "./attribute-table.ts";
import { usageAttributesOf, wordOf } from "./complete-span.ts";
import { listOf } from "./plan-span.ts";
import { providerNameOf } from "./provider-name.ts";
import { type ContentSettings, contentAttributesOf } from "./span-content.ts";
import { FIRST_TOKEN } from "./span-table.ts";

export type AttemptSpanInput = {
  readonly call: CompletionCall;
  readonly end: CallEnd;
  readonly attempt: AttemptRecord;
  readonly names: AttributeNames;
  /** Absent: neither prompt nor answer is written. */
  readonly content: ContentSettings | undefined;
  readonly server: { readonly host: string; readonly port: number } | undefined;
};

/** A call of a provider, by the conventions for generative AI. What answered is told of the last alone. */
export function attemptSpanOf(input: AttemptSpanInput): Span {
  const { call, attempt, names } = input;
  const { trace } = call;
  const { startedAtMs, durationMs, firstTokenMs, endpoint, outcome } = attempt;
  return {
    name: `chat ${endpoint.model}`,
    kind: "client",
    traceId: trace.traceId,
    spanId: spanIdAt(trace, attemptSlot(attempt.number)),
    parentSpanId: spanIdAt(trace, spanSlots.complete),
    parentIsRemote: false,
    traceState: trace.traceState,
    startedAtMs,
    endedAtMs: startedAtMs + durationMs,
    attributes: {
      ...requestAttributesOf(call.spec, names),
      ...ownAttributesOf(input),
      ...answerAttributesOf(input),
    },
    events:
      firstTokenMs === undefined
        ? []
        : [{ name: FIRST_TOKEN, atMs: startedAtMs + firstTokenMs, attributes: {} }],
    links: [],
    error: outcome.kind === "success" ? undefined : outcome.kind,
  };
}

function ownAttributesOf({ call, attempt, names, server }: AttemptSpanInput): SpanAttributes {
  const { endpoint, outcome, firstTokenMs } = attempt;
  return {
    [names.genAiOperation]: "chat",
    [names.genAiProvider]: providerNameOf(endpoint.provider.id),
    [names.requestModel]: endpoint.model,
    [names.requestStream]: call.streaming,
    [names.timeToFirstChunk]: firstTokenMs === undefined ? undefined : firstTokenMs / 1_000,
    [names.serverAddress]: server?.host,
    [names.serverPort]: server?.port,
    [names.httpStatus]: attempt.httpStatus,
    [names.errorType]: outcome.kind === "success" ? undefined : outcome.kind,
    [names.attemptNumber]: attempt.number,
    [names.endpoint]: endpoint.id,
    [names.provider]: endpoint.provider.id,
    [names.finishReasons]: listOf(attempt.finishReasons),
    [names.upstreamRequestId]: attempt.upstreamRequestId,
    [names.droppedParameters]: listOf(attempt.droppedParameters),
  };
}

function requestAttributesOf(
  { sampling, responseFormat }: CompletionSpec,
  names: AttributeNames,
): SpanAttributes {
  const { candidateCount, seed } = sampling;
  return {
    [names.requestChoices]: candidateCount === 1 ? undefined : candidateCount,
    [names.requestSeed]: seed === undefined ? undefined : exactNumberOf(seed),
    [names.requestTemperature]: sampling.temperature,
    [names.requestTopP]: sampling.topP,
    [names.requestTopK]: sampling.topK,
    [names.requestMaxTokens]: sampling.maxOutputTokens,
    [names.requestFrequencyPenalty]: sampling.frequencyPenalty,
    [names.requestPresencePenalty]: sampling.presencePenalty,
    [names.outputType]: responseFormat.kind === "text" ? "text" : "json",
  };
}

function exactNumberOf(seed: bigint): number | undefined {
  const number = Number(seed);
  return Number.isSafeInteger(number) ? number : undefined;
}

function answerAttributesOf(input: AttemptSpanInput): SpanAttributes | undefined {
  const { call, end, attempt, names, content } = input;
  const { usage, attempts } = end;
  if (usage === undefined || attempt.number !== attempts.length) {
    return undefined;
  }
  return {
    [names.responseModel]: wordOf(end.upstreamModel),
    ...usageAttributesOf(usage, names),
    ...(content === undefined ? undefined : contentAttributesOf(call, content, names)),
  };
}
