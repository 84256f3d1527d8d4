import type { CallEnd, CompletionCall } from "../domain/call.ts";
import type { RouterError } from "../domain/router-error.ts";
import {
  putAttribute,
  type Span,
  type SpanAttributes,
  type SpanAttributesDraft,
  spanIdAt,
  spanSlots,
} from "../domain/trace.ts";
import type { AttributeNames } from "./attribute-table.ts";
import { PLAN_SPAN } from "./span-table.ts";

/** From the moment of the decision on; of a call without one, the last thing that happened in it. */
export function planSpanOf(
  { trace, receivedAtMs }: CompletionCall,
  end: CallEnd,
  names: AttributeNames,
): Span {
  const { decision, error, timings } = end;
  const startedAtMs = decision?.decidedAtMs ?? receivedAtMs + timings.total - timings.plan;
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
    attributes: attributesOf(end, names),
    events: [],
    links: [],
    error: decision === undefined ? error?.code : undefined,
  };
}

function attributesOf({ decision, error }: CallEnd, names: AttributeNames): SpanAttributes {
  const attributes: SpanAttributesDraft = [];
  if (decision === undefined) {
    putAttribute(attributes, names.rejections, rejectionsOf(error));
    putAttribute(attributes, names.errorType, error?.code);
    return attributes;
  }
  putAttribute(attributes, names.decisionId, decision.decisionId);
  putAttribute(attributes, names.endpoint, decision.endpoint.id);
  putAttribute(attributes, names.fallbacks, listOf(decision.fallbacks));
  putAttribute(attributes, names.relaxations, listOf(decision.relaxations));
  putAttribute(attributes, names.scoreAge, decision.scoreAgeMs);
  putAttribute(attributes, names.scoreRevision, decision.scoreRevision);
  putAttribute(attributes, names.catalogRevision, decision.catalogRevision);
  putAttribute(attributes, names.priceVersion, decision.priceVersion);
  putAttribute(attributes, names.estimatedCost, decision.estimatedCost.total);
  return attributes;
}

/** Absent when it is empty. */
export function listOf(values: readonly string[] = []): readonly string[] | undefined {
  return values.length === 0 ? undefined : values;
}

/** Every reason for which an endpoint was rejected, each once, in alphabetical order. */
export function rejectionsOf(error: RouterError | undefined): readonly string[] | undefined {
  const candidates = error?.details.candidates;
  if (candidates === undefined) {
    return undefined;
  }
  const reasons = new Set<string>();
  for (const { rejections } of candidates) {
    for (const { reason } of rejections) {
      reasons.add(reason);
    }
  }
  return listOf([...reasons].sort());
}
