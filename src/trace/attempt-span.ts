import type { AttemptRecord, CompletionCall } from "../domain/call.ts";
import type { CompletionSpec } from "../domain/completion.ts";
import {
  attemptSlot,
  putAttribute,
  type Span,
  type SpanAttributes,
  type SpanAttributesDraft,
  spanIdAt,
  spanSlots,
} from "../domain/trace.ts";
import type { AttributeNames } from "./attribute-table.ts";
import { putUsage, wordOf } from "./complete-span.ts";
import { listOf } from "./plan-span.ts";
import { providerNameOf } from "./provider-name.ts";
import { type ContentSettings, putContent } from "./span-content.ts";
import { FIRST_TOKEN } from "./span-table.ts";

export type AttemptSpanInput = {
  readonly call: Pick<CompletionCall, "trace" | "spec" | "answer">;
  readonly attempt: AttemptRecord;
  readonly names: AttributeNames;
  /** Absent: neither prompt nor answer is written. */
  readonly content: ContentSettings | undefined;
  readonly server: { readonly host: string; readonly port: number } | undefined;
};

/** A call of a provider, by the conventions for generative AI. */
export function attemptSpanOf(input: AttemptSpanInput): Span {
  const { call, attempt } = input;
  const { trace } = call;
  const { startedAtMs, durationMs, firstTokenMs, endpoint, outcome } = attempt;
  const report = trace.reports?.[attempt.number - 1];
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
    attributes: attributesOf(input),
    events:
      firstTokenMs === undefined
        ? []
        : [{ name: FIRST_TOKEN, atMs: startedAtMs + firstTokenMs, attributes: [] }],
    links: report === undefined ? [] : [report],
    error: outcome.kind === "success" ? undefined : outcome.kind,
  };
}

function attributesOf(input: AttemptSpanInput): SpanAttributes {
  const attributes: SpanAttributesDraft = [];
  putRequest(attributes, input.call.spec, input.names);
  putAttempt(attributes, input);
  putAnswer(attributes, input);
  return attributes;
}

function putRequest(
  attributes: SpanAttributesDraft,
  { sampling, responseFormat }: CompletionSpec,
  names: AttributeNames,
): void {
  const { candidateCount, seed } = sampling;
  putAttribute(attributes, names.requestChoices, candidateCount === 1 ? undefined : candidateCount);
  putAttribute(attributes, names.requestSeed, seed === undefined ? undefined : exactNumberOf(seed));
  putAttribute(attributes, names.requestTemperature, sampling.temperature);
  putAttribute(attributes, names.requestTopP, sampling.topP);
  putAttribute(attributes, names.requestTopK, sampling.topK);
  putAttribute(attributes, names.requestMaxTokens, sampling.maxOutputTokens);
  putAttribute(attributes, names.requestFrequencyPenalty, sampling.frequencyPenalty);
  putAttribute(attributes, names.requestPresencePenalty, sampling.presencePenalty);
  putAttribute(attributes, names.outputType, responseFormat.kind === "text" ? "text" : "json");
}

function exactNumberOf(seed: bigint): number | undefined {
  const number = Number(seed);
  return Number.isSafeInteger(number) ? number : undefined;
}

function putAttempt(
  attributes: SpanAttributesDraft,
  { attempt, names, server }: AttemptSpanInput,
): void {
  const { endpoint, outcome, firstTokenMs } = attempt;
  const failure = outcome.kind === "success" ? undefined : outcome.kind;
  const toFirstChunk = firstTokenMs === undefined ? undefined : firstTokenMs / 1_000;
  putAttribute(attributes, names.genAiOperation, "chat");
  putAttribute(attributes, names.genAiProvider, providerNameOf(endpoint.provider.id));
  putAttribute(attributes, names.requestModel, endpoint.model);
  putAttribute(attributes, names.requestStream, attempt.streamed);
  putAttribute(attributes, names.timeToFirstChunk, toFirstChunk);
  putAttribute(attributes, names.serverAddress, server?.host);
  putAttribute(attributes, names.serverPort, server?.port);
  putAttribute(attributes, names.httpStatus, attempt.httpStatus);
  putAttribute(attributes, names.errorType, failure);
  putAttribute(attributes, names.attemptNumber, attempt.number);
  putAttribute(attributes, names.endpoint, endpoint.id);
  putAttribute(attributes, names.provider, endpoint.provider.id);
  putAttribute(attributes, names.finishReasons, listOf(attempt.finishReasons));
  putAttribute(attributes, names.upstreamRequestId, attempt.upstreamRequestId);
  putAttribute(attributes, names.droppedParameters, listOf(attempt.droppedParameters));
}

function putAnswer(attributes: SpanAttributesDraft, input: AttemptSpanInput): void {
  const { call, attempt, names, content } = input;
  const { usage } = attempt;
  putAttribute(attributes, names.responseModel, wordOf(attempt.upstreamModel));
  if (usage !== undefined) {
    putUsage(attributes, usage, names);
  }
  putAttribute(attributes, names.givenUpCost, attempt.givenUpCost?.total);
  if (content !== undefined) {
    putContent(attributes, call, content, names);
  }
}
