import type { StoredReport } from "../domain/bus.ts";
import type { HealthReport } from "../domain/health.ts";
import type { NowMs, Random } from "../domain/ports.ts";
import { putAttribute, type SpanSink } from "../domain/trace.ts";
import type { FoldVerdict } from "../score/health-fold.ts";
import { createBusClock } from "./bus-clock.ts";
import { busAttributes, busSpans, messageAttributes } from "./bus-spans.ts";
import { TICK_TOKEN } from "./endpoint-token.ts";
import { hasTraceparent, newSpanId, type SpanContext, sampledSpanOf } from "./span-context.ts";

/**
 * Makes the CONSUMER spans of reports whose sender kept a span: from when the stream stored them until they
 * are folded.
 *
 * Anybody may send such headers, so spans of a second are limited. What is read again after a start
 * was processed long ago by others, and has none.
 */
export type ProcessTracer = {
  /** The stream is read from some point of the past. */
  began(): void;
  /** What comes behind that position is new. */
  caughtUp(position: number): void;
  /** It has just been folded, or left aside. */
  processed(stored: StoredReport, processed: Processed): void;
  stats(): ProcessTracerStats;
};

export type Processed = {
  readonly outcome: FoldVerdict | "dead-letter";
  /** Absent when it cannot be read, or says what it may not. */
  readonly report: HealthReport | undefined;
  /** Why it is a dead letter, in constant words; absent when it is none. */
  readonly problem: string | undefined;
};

export type ProcessTracerStats = {
  /** Beyond the limit. */
  readonly spansDropped: number;
};

export type ProcessTracerPorts = {
  readonly sink: SpanSink;
  /** `messaging.system.name`. */
  readonly system: string;
  /** Name of the scorer. */
  readonly consumer: string;
  readonly nowMs: NowMs;
  readonly random: Random;
};

const MAX_SPANS_PER_SECOND = 50;

export function createProcessTracer(ports: ProcessTracerPorts): ProcessTracer {
  const { sink, nowMs } = ports;
  const clock = createBusClock();
  let newBehind = Number.POSITIVE_INFINITY;
  let second = 0;
  let made = 0;
  let spansDropped = 0;

  function mayMake(atMs: number): boolean {
    const current = Math.floor(atMs / 1_000);
    made = current === second ? made : 0;
    second = current;
    return made < MAX_SPANS_PER_SECOND;
  }

  function make(stored: StoredReport, processed: Processed, endedAtMs: number): void {
    const parent = sampledSpanOf(stored.headers);
    if (parent !== undefined) {
      made += 1;
      clock.observe(stored.storedAtMs, endedAtMs);
      // Never after the end, which is among what the clock goes by.
      const startedAtMs = clock.toOurs(stored.storedAtMs);
      sink(spanOf(ports, { stored, processed, parent, startedAtMs, endedAtMs }));
    }
  }

  return {
    began() {
      newBehind = Number.POSITIVE_INFINITY;
    },
    caughtUp(position) {
      newBehind = position;
    },
    processed(stored, processed) {
      if (!(stored.sequence > newBehind)) {
        return;
      }
      if (stored.token === TICK_TOKEN) {
        clock.observe(stored.storedAtMs, nowMs());
      } else if (hasTraceparent(stored.headers)) {
        const endedAtMs = nowMs();
        if (mayMake(endedAtMs)) {
          make(stored, processed, endedAtMs);
        } else {
          spansDropped += 1;
        }
      }
    },
    stats: () => ({ spansDropped }),
  };
}

type Facts = {
  readonly stored: StoredReport;
  readonly processed: Processed;
  readonly parent: SpanContext;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
};

function spanOf(
  { system, consumer, random }: ProcessTracerPorts,
  { stored, processed, parent, startedAtMs, endedAtMs }: Facts,
): Parameters<SpanSink>[0] {
  const { traceId, spanId, traceState } = parent;
  const { outcome, report, problem } = processed;
  const messageId = report && `${report.producer}:${report.boot}:${report.sequence}`;
  const attributes = messageAttributes("process", system, stored);
  putAttribute(attributes, busAttributes.messageId, messageId);
  putAttribute(attributes, busAttributes.consumerGroup, consumer);
  putAttribute(attributes, busAttributes.endpoint, report?.endpoint);
  putAttribute(attributes, busAttributes.reportSequence, report?.sequence);
  putAttribute(attributes, busAttributes.streamSequence, stored.sequence);
  putAttribute(attributes, busAttributes.outcome, outcome);
  return {
    name: busSpans.process,
    kind: "consumer",
    traceId,
    spanId: newSpanId(random),
    parentSpanId: spanId,
    parentIsRemote: true,
    traceState,
    startedAtMs,
    endedAtMs,
    attributes,
    events: [],
    links: [{ traceId, spanId }],
    error: problem,
  };
}
