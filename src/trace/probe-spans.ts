import type { AttemptRecord } from "../domain/call.ts";
import type { Endpoint } from "../domain/catalog.ts";
import { costOf } from "../domain/money.ts";
import type { Outcome } from "../domain/outcome.ts";
import type { NowMs, Upstream, UpstreamCall } from "../domain/ports.ts";
import { type FinishReason, isContent, type StreamEvent } from "../domain/stream-event.ts";
import {
  attemptSlot,
  type BeginTrace,
  putAttribute,
  type Span,
  type SpanAttributesDraft,
  type SpanSink,
  type TraceContext,
  traceparentOf,
} from "../domain/trace.ts";
import type { Usage } from "../domain/usage.ts";
import { attemptSpanOf } from "./attempt-span.ts";
import type { AttributeNames } from "./attribute-table.ts";
import type { ServerAddress } from "./call-spans.ts";

export type ProbeSpansOptions = {
  readonly upstream: Upstream;
  readonly beginTrace: BeginTrace;
  readonly sink: SpanSink;
  readonly nowMs: NowMs;
  readonly names: AttributeNames;
  /** Where an endpoint is reached; absent when it is not known. */
  readonly serverOf: (endpoint: Endpoint) => ServerAddress | undefined;
};

/** What is known of a probe beside its end. */
type Told = {
  firstTokenMs: number | undefined;
  httpStatus: number | undefined;
  upstreamRequestId: string | undefined;
  upstreamModel: string;
  usage: Usage | undefined;
  readonly finishReasons: FinishReason[];
};

/**
 * Calls providers for whoever probes them: each probe begins a trace, whose only span is made when it has
 * ended, if it was sampled. Failed ones are kept no more than others: an endpoint that is down fails them all.
 */
export function createProbeSpans(options: ProbeSpansOptions): Upstream {
  const { upstream, beginTrace, sink, nowMs } = options;
  return async (call) => {
    const trace = beginTrace(undefined, undefined);
    const startedAtMs = nowMs();
    const told: Told = {
      firstTokenMs: undefined,
      httpStatus: undefined,
      upstreamRequestId: undefined,
      upstreamModel: "",
      usage: undefined,
      finishReasons: [],
    };
    const outcome = await upstream({
      ...call,
      trace: { traceparent: traceparentOf(trace, attemptSlot(NUMBER)), tracestate: "" },
      emit(event) {
        note(told, event);
        if (isContent(event)) {
          told.firstTokenMs ??= nowMs() - startedAtMs;
        }
        call.emit(event);
      },
    });
    if (trace.keep) {
      const attempt = attemptOf(call, told, outcome, { startedAtMs, endedAtMs: nowMs() });
      sink(spanOf(trace, call, attempt, options));
    }
    return outcome;
  };
}

const NUMBER = 1;

function note(told: Told, event: StreamEvent): void {
  if (event.kind === "response-start") {
    told.httpStatus = event.httpStatus ?? told.httpStatus;
    told.upstreamRequestId = event.upstreamRequestId ?? told.upstreamRequestId;
    told.upstreamModel = event.upstreamModel ?? told.upstreamModel;
  }
  if (event.kind === "usage") {
    told.usage = event.usage;
  }
  if (event.kind === "choice-end") {
    told.finishReasons.push(event.reason);
  }
}

function attemptOf(
  { endpoint, stream }: UpstreamCall,
  told: Told,
  outcome: Outcome,
  { startedAtMs, endedAtMs }: { readonly startedAtMs: number; readonly endedAtMs: number },
): AttemptRecord {
  const failure = outcome.kind === "success" ? undefined : outcome;
  return {
    ...told,
    number: NUMBER,
    endpoint,
    startedAtMs,
    durationMs: endedAtMs - startedAtMs,
    outcome,
    httpStatus: failure?.httpStatus ?? told.httpStatus,
    upstreamRequestId: failure?.upstreamRequestId ?? told.upstreamRequestId,
    droppedParameters: [],
    streamed: stream,
  };
}

function spanOf(
  trace: TraceContext,
  { spec }: UpstreamCall,
  attempt: AttemptRecord,
  { names, serverOf }: ProbeSpansOptions,
): Span {
  const { endpoint, usage } = attempt;
  const span = attemptSpanOf({
    call: { trace, spec },
    attempt,
    names,
    content: undefined,
    server: serverOf(endpoint),
  });
  const attributes: SpanAttributesDraft = [...span.attributes];
  putAttribute(attributes, names.probe, true);
  putAttribute(attributes, names.cost, usage && costOf(usage, endpoint.pricing, 0).total);
  return { ...span, parentSpanId: undefined, attributes };
}
