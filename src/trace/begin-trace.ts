import type { Random } from "../domain/ports.ts";
import type { BeginTrace } from "../domain/trace.ts";

export type BeginTraceOptions = {
  readonly random: Random;
  /** Part of the traces that begin here which is sampled, 0 to 1. Read anew for each. */
  readonly ratio: () => number;
  /** Whether a sampled caller is followed. Default of `OTEL_TRACES_SAMPLER`: yes. */
  readonly followsParent: boolean;
  /** False: nobody takes spans, so none are kept, whatever is sampled. Default: true. */
  readonly keeps?: boolean;
};

/** `version-trace id-parent id-flags`; later versions may add fields. */
const TRACEPARENT = /^([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;

const NO_TRACE = "0".repeat(32);
const NO_SPAN = "0".repeat(16);
const SAMPLED = 1;

/** Propagators must pass on at least this much; larger ones are dropped whole, never cut in a member. */
const MAX_TRACESTATE = 512;

/** Printable ASCII, in which alone both protocols carry it. */
const TRACESTATE = /^[\x20-\x7e]*$/;

/**
 * Continues the caller's trace, or begins one. https://www.w3.org/TR/trace-context/
 *
 * A header that breaks the rules is none: the trace then begins here, and its `tracestate` is dropped
 * with it.
 */
export function createBeginTrace(options: BeginTraceOptions): BeginTrace {
  const { random, ratio, followsParent, keeps = true } = options;
  return (traceparent, tracestate) => {
    const parent = traceparent === undefined ? undefined : parse(traceparent);
    const traceId = parent?.traceId ?? traceIdOf(random);
    const sampled = parent !== undefined && followsParent ? parent.sampled : isIn(traceId, ratio());
    return {
      traceId,
      spanPrefix: sevenDigits(random) + notAllZero(random),
      parentSpanId: parent?.spanId,
      traceState: parent === undefined ? "" : traceStateOf(tracestate),
      sampled,
      keep: sampled && keeps,
    };
  };
}

/** Decided by the id, so that all who decide by it, at equal ratios, agree about a trace. */
function isIn(traceId: string, ratio: number): boolean {
  return ratio > 0 && Number.parseInt(traceId.slice(-8), 16) < ratio * 16 ** 8;
}

type Parent = { readonly traceId: string; readonly spanId: string; readonly sampled: boolean };

function parse(traceparent: string): Parent | undefined {
  const [, version, traceId = NO_TRACE, spanId = NO_SPAN, flags = "", more] =
    TRACEPARENT.exec(traceparent) ?? [];
  const isValid =
    version !== undefined &&
    version !== "ff" &&
    (version !== "00" || more === undefined) &&
    traceId !== NO_TRACE &&
    spanId !== NO_SPAN;
  return isValid
    ? { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) !== 0 }
    : undefined;
}

function traceStateOf(tracestate = ""): string {
  return tracestate.length <= MAX_TRACESTATE && TRACESTATE.test(tracestate) ? tracestate : "";
}

/** Never all zeros, as the ids of spans: the last digits are at least 1. */
function traceIdOf(random: Random): string {
  return eightDigits(random) + eightDigits(random) + eightDigits(random) + notAllZero(random);
}

/** Of every byte. Writing a number to a base costs as much as everything else here together. */
const digits: readonly string[] = Array.from({ length: 256 }, (_, byte) =>
  byte.toString(16).padStart(2, "0"),
);

function eightDigits(random: Random): string {
  return digitsOf(Math.floor(random() * 2 ** 32));
}

function sevenDigits(random: Random): string {
  return digitsOf(Math.floor(random() * 2 ** 28)).slice(1);
}

function notAllZero(random: Random): string {
  return digitsOf(1 + Math.floor(random() * (2 ** 32 - 1)));
}

/** Eight digits of a whole number below 2^32. */
function digitsOf(value: number): string {
  return byteAt(value, 24) + byteAt(value, 16) + byteAt(value, 8) + byteAt(value, 0);
}

function byteAt(value: number, shift: number): string {
  return digits[(value >>> shift) & 0xff] as string;
}
