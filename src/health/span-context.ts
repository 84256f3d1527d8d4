import type { Random } from "../domain/ports.ts";
import type { SpanLink } from "../domain/trace.ts";

/** Where something that was caused by a span refers to it. */
export type SpanContext = SpanLink & {
  /** `tracestate`; empty when there is none. */
  readonly traceState: string;
};

type Headers = Readonly<Record<string, string>>;

const TRACEPARENT = /^00-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})$/;
const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);
const SAMPLED = 1;

const MAX_TRACESTATE = 512;
/** What a bus takes for a value, see `domain/bus-rules.ts`. */
const TRACESTATE = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/** 16 hexadecimal digits, not all of them 0. */
export function newSpanId(random: Random): string {
  return digitsOf(random() * 2 ** 32) + digitsOf(1 + random() * (2 ** 32 - 1));
}

function digitsOf(number: number): string {
  return Math.floor(number).toString(16).padStart(8, "0");
}

/**
 * W3C headers for a message that belongs to a span which is kept.
 *
 * A `tracestate` that no bus would take is left out: a report must not be refused because of it.
 */
export function traceHeadersOf({ traceId, spanId, traceState }: SpanContext): Headers {
  const traceparent = `00-${traceId}-${spanId}-01`;
  const tracestate = traceStateOf(traceState);
  return tracestate === "" ? { traceparent } : { traceparent, tracestate };
}

/** Whether a message says what span it came from, in whatever words. */
export function hasTraceparent(headers: Headers): boolean {
  return headerOf(headers, "traceparent") !== undefined;
}

/**
 * The span that a message came from, told by anybody. Absent unless `traceparent` keeps to the letter of
 * version 00 and says that the trace is kept. Case of the headers' names does not matter.
 */
export function sampledSpanOf(headers: Headers): SpanContext | undefined {
  const traceparent = headerOf(headers, "traceparent");
  if (traceparent === undefined) {
    return undefined;
  }
  const [, traceId = NO_TRACE, spanId = NO_SPAN, flags = "00"] =
    TRACEPARENT.exec(traceparent) ?? [];
  const isKept = (Number.parseInt(flags, 16) & SAMPLED) !== 0;
  return traceId === NO_TRACE || spanId === NO_SPAN || !isKept
    ? undefined
    : { traceId, spanId, traceState: traceStateOf(headerOf(headers, "tracestate") ?? "") };
}

function headerOf(headers: Headers, wanted: string): string | undefined {
  // As our own buses hand them out.
  const exact = headers[wanted];
  if (exact !== undefined) {
    return exact;
  }
  for (const name in headers) {
    if (name.length === wanted.length && name.toLowerCase() === wanted) {
      return headers[name];
    }
  }
  return undefined;
}

/** Empty: there is none that can be passed on. */
function traceStateOf(told: string): string {
  const trimmed = told.length <= MAX_TRACESTATE ? told.trim() : "";
  return TRACESTATE.test(trimmed) ? trimmed : "";
}
