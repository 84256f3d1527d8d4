import type { Observation } from "../domain/ports.ts";
import { attemptSlot, type SpanLink, spanIdAt } from "../domain/trace.ts";
import type { SpanContext } from "./span-context.ts";

/** Which attempts that are kept are behind one report. */
export type ReportOrigins = {
  /** In whose trace the report's own span is. */
  readonly first: SpanContext;
  /** That span; absent: whoever makes it chooses its id. */
  readonly report?: SpanLink;
};

/** Origins to which more are added. */
export type OriginList = Required<ReportOrigins>;

/** Four ids and the objects that hold them, from above. */
const ORIGIN_BYTES = 512;

/** The span of an attempt. Absent when it is not kept. */
export function originOf({ trace, attempt }: Observation): SpanContext | undefined {
  const { traceId, traceState, keep } = trace;
  return keep
    ? { traceId, spanId: spanIdAt(trace, attemptSlot(attempt.number)), traceState }
    : undefined;
}

/**
 * With one more, or as it is.
 *
 * A report has one span, in the trace of the first attempt. It is told to the traces of all the others, whose
 * spans are made later and link to it: so every kept call leads to its reports, however many share one, and
 * nothing is remembered of them here.
 */
export function addOrigin(
  list: OriginList | undefined,
  observation: Observation,
): OriginList | undefined {
  const { trace, attempt } = observation;
  if (list === undefined) {
    const first = originOf(observation);
    return first && { first, report: reportSpanOf(first) };
  }
  if (trace.keep) {
    trace.reports ??= [];
    trace.reports[attempt.number - 1] = list.report;
  }
  return list;
}

/**
 * Chosen before there is a report: its id is that of the attempt with another first digit. No other span of
 * the call has that one, and an attempt is the first of one sum only.
 */
function reportSpanOf({ traceId, spanId }: SpanContext): SpanLink {
  const digit = Number.parseInt(spanId.charAt(0), 16) ^ 8;
  return { traceId, spanId: digit.toString(16) + spanId.slice(1) };
}

/** An estimate, from above, of the memory they take. */
export function bytesOfOrigins(list: OriginList | undefined): number {
  return list === undefined ? 0 : ORIGIN_BYTES + list.first.traceState.length;
}
