import type { Observation } from "../domain/ports.ts";
import { attemptSlot, type SpanLink, spanIdAt } from "../domain/trace.ts";
import type { SpanContext } from "./span-context.ts";

/** Attempts behind one report whose spans are kept. */
export type ReportOrigins = {
  /** Whose trace the report belongs to. */
  readonly first: SpanContext;
  /** At most 8 that came later. */
  readonly others: readonly SpanLink[];
};

/** Origins to which more are added. */
export type OriginList = { readonly first: SpanContext; readonly others: SpanLink[] };

const MAX_OTHERS = 8;
/** Two ids and the object that holds them, from above. */
const ORIGIN_BYTES = 256;

/** The span of an attempt. Absent when it is not kept. */
export function originOf({ trace, attempt }: Observation): SpanContext | undefined {
  const { traceId, traceState, keep } = trace;
  return keep
    ? { traceId, spanId: spanIdAt(trace, attemptSlot(attempt.number)), traceState }
    : undefined;
}

/** With one more, or as it is. Changes `list`. */
export function addOrigin(
  list: OriginList | undefined,
  observation: Observation,
): OriginList | undefined {
  if (list !== undefined && list.others.length >= MAX_OTHERS) {
    return list;
  }
  const origin = originOf(observation);
  if (origin === undefined || list === undefined) {
    return origin === undefined ? list : { first: origin, others: [] };
  }
  const { traceId, spanId } = origin;
  list.others.push({ traceId, spanId });
  return list;
}

/** An estimate, from above, of the memory they take. */
export function bytesOfOrigins(list: OriginList | undefined): number {
  return list === undefined
    ? 0
    : ORIGIN_BYTES * (1 + list.others.length) + list.first.traceState.length;
}
