import type { CallEnd, CompletionCall, Timings } from "../domain/call.ts";
import { routerErrors } from "../domain/router-error.ts";
import {
  putAttribute,
  type Span,
  type SpanAttributes,
  type SpanAttributesDraft,
  spanIdAt,
  spanSlots,
} from "../domain/trace.ts";
import { inputTokensOf, outputTokensOf, type Usage } from "../domain/usage.ts";
import type { AttributeNames } from "./attribute-table.ts";
import { listOf, rejectionsOf } from "./plan-span.ts";
import { COMPLETE_SPAN } from "./span-table.ts";

/** What a caller writes into a name is cut to this many characters. */
const MAX_NAME = 200;

/** The logical operation with all its attempts. Lasts exactly as long as its timings add up to. */
export function completeSpanOf(call: CompletionCall, end: CallEnd, names: AttributeNames): Span {
  const { trace, receivedAtMs } = call;
  return {
    name: COMPLETE_SPAN,
    kind: "internal",
    traceId: trace.traceId,
    spanId: spanIdAt(trace, spanSlots.complete),
    parentSpanId: spanIdAt(trace, spanSlots.rpc),
    parentIsRemote: false,
    traceState: trace.traceState,
    startedAtMs: receivedAtMs,
    endedAtMs: receivedAtMs + end.timings.total,
    attributes: attributesOf(call, end, names),
    events: [],
    links: [],
    // Its message may quote a provider, and providers quote prompts.
    error: end.error?.code,
  };
}

function attributesOf(call: CompletionCall, end: CallEnd, names: AttributeNames): SpanAttributes {
  const { spec, policy, caller } = call;
  const { decision, error, attempts, timings } = end;
  const endpoint = attempts.at(-1)?.endpoint ?? decision?.endpoint;
  const attributes: SpanAttributesDraft = [];
  putAttribute(attributes, names.callId, call.id);
  putAttribute(attributes, names.tier, policy.tier);
  putAttribute(attributes, names.operation, wordOf(policy.operation));
  putAttribute(attributes, names.application, wordOf(caller.application));
  putAttribute(attributes, names.streaming, call.streaming || undefined);
  putAttribute(attributes, names.requestModel, wordOf(spec.model));
  putAttribute(attributes, names.endpoint, endpoint?.id);
  putAttribute(attributes, names.provider, endpoint?.provider.id);
  putAttribute(attributes, names.relaxations, listOf(decision?.relaxations));
  putAttribute(attributes, names.rejections, rejectionsOf(error));
  putAttribute(
    attributes,
    names.fallbackCount,
    attempts.length > 1 ? attempts.length - 1 : undefined,
  );
  putAttribute(attributes, names.scoreAge, decision?.scoreAgeMs);
  putResult(attributes, end, names);
  putTimings(attributes, timings, names);
  if (error !== undefined) {
    putAttribute(attributes, names.errorType, error.code);
    putAttribute(attributes, names.errorSource, routerErrors[error.code].source);
  }
  return attributes;
}

/** Of a call that was answered, or broke off. */
function putResult(attributes: SpanAttributesDraft, end: CallEnd, names: AttributeNames): void {
  if (end.usage !== undefined) {
    putAttribute(attributes, names.partial, end.partial || undefined);
    putAttribute(attributes, names.cost, end.cost.total);
    putAttribute(attributes, names.priceVersion, end.decision.priceVersion);
    putUsage(attributes, end.usage, names);
    putAttribute(attributes, names.usageSource, end.usage.source);
    putAttribute(attributes, names.tokensPerSecond, end.outputTokensPerSecond || undefined);
  }
}

/** Parts that are 0 are left out; the rest adds up to the total. */
function putTimings(
  attributes: SpanAttributesDraft,
  timings: Timings,
  names: AttributeNames,
): void {
  putAttribute(attributes, names.queueTime, timings.queue || undefined);
  putAttribute(attributes, names.planTime, timings.plan || undefined);
  putAttribute(attributes, names.failedAttemptsTime, timings.failedAttempts || undefined);
  putAttribute(attributes, names.firstTokenTime, timings.upstreamFirstToken || undefined);
  putAttribute(attributes, names.generationTime, timings.upstreamGeneration || undefined);
  putAttribute(attributes, names.overheadTime, timings.routerOverhead || undefined);
  putAttribute(attributes, names.totalTime, timings.total);
}

/** The conventions count what was cached, and what was reasoning, among the whole. */
export function putUsage(
  attributes: SpanAttributesDraft,
  usage: Usage,
  names: AttributeNames,
): void {
  putAttribute(attributes, names.inputTokens, inputTokensOf(usage));
  putAttribute(attributes, names.outputTokens, outputTokensOf(usage));
  putAttribute(attributes, names.cacheReadTokens, usage.cacheRead || undefined);
  putAttribute(attributes, names.cacheWriteTokens, usage.cacheWrite || undefined);
  putAttribute(attributes, names.reasoningTokens, usage.reasoningOutput || undefined);
}

/** Absent when it is empty, and never long. */
export function wordOf(text: string): string | undefined {
  return text === "" ? undefined : text.slice(0, MAX_NAME);
}
