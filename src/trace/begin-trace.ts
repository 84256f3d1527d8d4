import type { Random } from "../domain/ports.ts";
import type { BeginTrace } from "../domain/trace.ts";

export type BeginTraceOptions = {
  readonly random: Random;
  /** Part of the traces that begin here which is sampled, 0 to 1. Read anew for each. */
  readonly ratio: () => number;
  /** Whether a sampled caller is followed. Default of `OTEL_TRACES_SAMPLER`: yes. */
  readonly followsParent: boolean;
  /**
   * False: nobody takes spans, so none are kept, whatever is sampled, and a caller's `traceparent` is passed
   * on as it is: an id of ours would be a span that nobody ever sees. Default: true.
   */
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
      spanPrefix: spanPrefixOf(random),
      parentSpanId: parent?.spanId,
      traceState: parent === undefined ? "" : traceStateOf(tracestate),
      sampled,
      keep: sampled && keeps,
      passedOn: keeps ? undefined : parent?.asItIs,
    };
  };
}

/** Decided by the id, so that all who decide by it, at equal ratios, agree about a trace. */
function isIn(traceId: string, ratio: number): boolean {
  return ratio > 0 && Number.parseInt(traceId.slice(-8), 16) < ratio * 16 ** 8;
}

type Parent = {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
  /** The header itself; of a later version what this one knows of it, for nobody has checked the rest. */
  readonly asItIs: string;
};

function parse(traceparent: string): Parent | undefined {
  const [, version, traceId = NO_TRACE, spanId = NO_SPAN, flags = "", more] =
    TRACEPARENT.exec(traceparent) ?? [];
  const isValid =
    version !== undefined &&
    version !== "ff" &&
    (version !== "00" || more === undefined) &&
    traceId !== NO_TRACE &&
    spanId !== NO_SPAN;
  if (!isValid) {
    return undefined;
  }
  const sampled = (Number.parseInt(flags, 16) & SAMPLED) !== 0;
  const asItIs =
    version === "00" ? traceparent : `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
  return { traceId, spanId, sampled, asItIs };
}

function traceStateOf(tracestate = ""): string {
  return tracestate.length <= MAX_TRACESTATE && TRACESTATE.test(tracestate) ? tracestate : "";
}

/** Never all zeros, as the ids of spans: the last digits are at least 1. */
function traceIdOf(random: Random): string {
  for (let at = 0; at < 12; at += 4) {
    bytes.writeUInt32BE(Math.floor(random() * 2 ** 32), at);
  }
  bytes.writeUInt32BE(notZero(random), 12);
  return bytes.toString("hex");
}

/** 15 digits. */
function spanPrefixOf(random: Random): string {
  bytes.writeUInt32BE(Math.floor(random() * 2 ** 28), 0);
  bytes.writeUInt32BE(notZero(random), 4);
  return bytes.toString("hex", 0, 8).slice(1);
}

function notZero(random: Random): number {
  return 1 + Math.floor(random() * (2 ** 32 - 1));
}

/** Filled and read within one call: bytes become digits at a third of the cost of numbers. */
const bytes = Buffer.alloc(16);
