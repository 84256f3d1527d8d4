import type { CallEnd, CompletionCall } from "../domain/call.ts";
import type { RouterError } from "../domain/router-error.ts";
import { type Span, spanIdAt, spanSlots } from "../domain/trace.ts";
import type { AttributeNames } from "./attribute-table.ts";
import { PLAN_SPAN } from "./span-table.ts";

/** From the moment of the decision on; of a call without one, the last thing that happened in it. */
export function planSpanOf(
  { trace, receivedAtMs }: CompletionCall,
  { decision, error, timings }: CallEnd,
  names: AttributeNames,
): Span {
  const startedAtMs = decision?.decidedAtMs ?? receivedAtMs + timings.total - timings.plan;
  const isRefused = decision === undefined;
  return {
    name: PLAN_SPAN,
    kind: "internal",
    traceId: trace.traceId,
    spanId: spanIdAt(trace, spanSlots.plan),
    parentSpanId: spanIdAt(trace, spanSlots.complete),
    parentIsRemote: false,
    traceState: trace.traceState,
    startedAtMs,
    endedAtMs: startedAtMs + timings.plan,
    attributes: {
      [names.decisionId]: decision?.decisionId,
      [names.endpoint]: decision?.endpoint.id,
      [names.fallbacks]: listOf(decision?.fallbacks),
      [names.relaxations]: listOf(decision?.relaxations),
      [names.rejections]: isRefused ? rejectionsOf(error) : undefined,
      [names.scoreAge]: decision?.scoreAgeMs,
      [names.scoreRevision]: decision?.scoreRevision,
      [names.catalogRevision]: decision?.catalogRevision,
      [names.estimatedCost]: decision?.estimatedCost.total,
      [names.errorType]: isRefused ? error?.code : undefined,
    },
    events: [],
    links: [],
    error: isRefused ? error?.code : undefined,
  };
}

/** Absent when it is empty. */
export function listOf(values: readonly string[] = []): readonly string[] | undefined {
  return values.length === 0 ? undefined : values;
}

/** Every reason for which an endpoint was rejected, each once, in alphabetical order. */
export function rejectionsOf(error: RouterError | undefined): readonly string[] | undefined {
  const reasons = new Set<string>();
  for (const { rejections } of error?.details.candidates ?? []) {
    for (const { reason } of rejections) {
      reasons.add(reason);
    }
  }
  return listOf([...reasons].sort());
}
