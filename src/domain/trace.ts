/**
 * Where one RPC stands in the trace of its caller (W3C Trace Context, level 1).
 *
 * Spans are made when the call has ended, from what is known of it by then, so that a call nobody wants
 * to see costs nothing and one that went wrong can still be kept. What providers and the bus are told
 * while it runs are ids that need no span yet: those of one call differ in their last digit alone.
 */
export type TraceContext = {
  /** 32 lower-case hexadecimal digits, not all of them 0. */
  readonly traceId: string;
  /** The first 15 of the 16 digits of the ids of all spans of this call. */
  readonly spanPrefix: string;
  /** Of the caller's span; absent when the trace begins here. */
  readonly parentSpanId: string | undefined;
  /** `tracestate` as the caller sent it; empty when it sent none that can be passed on. */
  readonly traceState: string;
  /** What the caller decided, or else chance. Told to whoever is called. */
  readonly sampled: boolean;
  /** Whether spans are made when the call ends: it was sampled, or something in it is worth a look. */
  keep: boolean;
  /**
   * `traceparent` for whoever is called, in place of one that names a span of ours: the caller's, because
   * no spans are made here. Absent where they are, and where the trace begins here.
   */
  readonly passedOn?: string | undefined;
  /**
   * Spans of health reports that tell of attempts of this call, and are in the trace of another one. Attempt 1
   * has the place 0; where nothing is, the report's span is in this trace, or there is none.
   */
  reports?: (SpanLink | undefined)[] | undefined;
};

/** Which span of a call: the last hexadecimal digit of its id. Attempts take `attempt` and on. */
export const spanSlots = { rpc: 0, complete: 1, plan: 2, attempt: 3 } as const;

/** Attempt 1 has the slot `spanSlots.attempt`; those past the last digit share it. */
export function attemptSlot(number: number): number {
  return Math.min(15, spanSlots.attempt + number - 1);
}

/** 16 hexadecimal digits. `slot` is 0 to 15. */
export function spanIdAt({ spanPrefix }: TraceContext, slot: number): string {
  return spanPrefix + slot.toString(16);
}

/** Value of the header `traceparent` for whatever the span in `slot` calls, or would if there were spans. */
export function traceparentOf(trace: TraceContext, slot: number): string {
  return trace.passedOn ?? ownTraceparentOf(trace, slot);
}

function ownTraceparentOf(trace: TraceContext, slot: number): string {
  return `00-${trace.traceId}-${spanIdAt(trace, slot)}-${trace.sampled ? "01" : "00"}`;
}

export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

export type AttributeValue = string | number | boolean | readonly string[];

/**
 * What is known of a span, each key once. A list, because all that is done with it is to write it out:
 * an object with thirty computed keys takes longer to make, and longer to read.
 */
export type SpanAttributes = readonly { readonly key: string; readonly value: AttributeValue }[];

/** One that is being filled. */
export type SpanAttributesDraft = { readonly key: string; readonly value: AttributeValue }[];

/** Adds what is known; an absent value is left out. */
export function putAttribute(
  attributes: SpanAttributesDraft,
  key: string,
  value: AttributeValue | undefined,
): void {
  if (value !== undefined) {
    attributes.push({ key, value });
  }
}

export type SpanLink = { readonly traceId: string; readonly spanId: string };

/** Something that took time, ended. Times are epoch milliseconds with fractions. */
export type Span = {
  readonly name: string;
  readonly kind: SpanKind;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  /** The parent is another process's. */
  readonly parentIsRemote: boolean;
  readonly traceState: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly attributes: SpanAttributes;
  readonly events: readonly {
    readonly name: string;
    readonly atMs: number;
    readonly attributes: SpanAttributes;
  }[];
  readonly links: readonly SpanLink[];
  /** Absent: nothing went wrong. Else for people, without secrets, prompts or answers; may be empty. */
  readonly error: string | undefined;
};

/** Takes spans that are to be kept. Never throws and never waits. */
export type SpanSink = (span: Span) => void;

/** Where an RPC with these headers stands. What cannot be read is treated as absent. */
export type BeginTrace = (
  traceparent: string | undefined,
  tracestate: string | undefined,
) => TraceContext;
