import type { CallEnd, CompletionCall, Timings } from "../domain/call.ts";
import { routerErrors } from "../domain/router-error.ts";
import { type Span, type SpanAttributes, spanIdAt, spanSlots } from "../domain/trace.ts";
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
  const { decision, error, attempts, timings, usage } = end;
  const endpoint = attempts.at(-1)?.endpoint ?? decision?.endpoint;
  const result = usage === undefined ? undefined : end;
  return {
    [names.callId]: call.id,
    [names.tier]: policy.tier,
    [names.operation]: wordOf(policy.operation),
    [names.application]: wordOf(caller.application),
    [names.streaming]: call.streaming || undefined,
    [names.requestModel]: wordOf(spec.model),
    [names.endpoint]: endpoint?.id,
    [names.provider]: endpoint?.provider.id,
    [names.relaxations]: listOf(decision?.relaxations),
    [names.rejections]: rejectionsOf(error),
    [names.fallbackCount]: attempts.length > 1 ? attempts.length - 1 : undefined,
    [names.partial]: result?.partial || undefined,
    [names.scoreAge]: decision?.scoreAgeMs,
    [names.cost]: result?.cost.total,
    ...(usage === undefined ? undefined : usageAttributesOf(usage, names)),
    [names.usageSource]: usage?.source,
    [names.tokensPerSecond]: result?.outputTokensPerSecond || undefined,
    ...timingAttributesOf(timings, names),
    [names.errorType]: error?.code,
    [names.errorSource]: error === undefined ? undefined : routerErrors[error.code].source,
  };
}

/** Parts that are 0 are left out; the rest adds up to the total. */
function timingAttributesOf(timings: Timings, names: AttributeNames): SpanAttributes {
  return {
    [names.queueTime]: timings.queue || undefined,
    [names.planTime]: timings.plan || undefined,
    [names.failedAttemptsTime]: timings.failedAttempts || undefined,
    [names.firstTokenTime]: timings.upstreamFirstToken || undefined,
    [names.generationTime]: timings.upstreamGeneration || undefined,
    [names.overheadTime]: timings.routerOverhead || undefined,
    [names.totalTime]: timings.total,
  };
}

/** The conventions count what was cached, and what was reasoning, among the whole. */
export function usageAttributesOf(usage: Usage, names: AttributeNames): SpanAttributes {
  return {
    [names.inputTokens]: inputTokensOf(usage),
    [names.outputTokens]: outputTokensOf(usage),
    [names.cacheReadTokens]: usage.cacheRead || undefined,
    [names.cacheWriteTokens]: usage.cacheWrite || undefined,
    [names.reasoningTokens]: usage.reasoningOutput || undefined,
  };
}

/** Absent when it is empty, and never long. */
export function wordOf(text: string): string | undefined {
  return text === "" ? undefined : text.slice(0, MAX_NAME);
}
