import type { OutgoingReport } from "../domain/bus.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { NowMs, Random } from "../domain/ports.ts";
import { putAttribute, type SpanAttributes, type SpanSink } from "../domain/trace.ts";
import { busAttributes, busSpans, messageAttributes } from "./bus-spans.ts";
import type { Draft } from "./outbox.ts";
import type { ReportOrigins } from "./report-origins.ts";
import { newSpanId, type SpanContext, traceHeadersOf } from "./span-context.ts";

/**
 * Makes the PRODUCER spans of reports: from the first try until the bus confirms.
 *
 * A report carries the id of its span from its first try on, because it is sent again as it was. One that
 * never is confirmed has no span; whatever links to it then leads nowhere.
 */
export type PublishTracer = {
  /** The report as it is sent, if attempts that are kept are behind it; else as it was. */
  begin(report: OutgoingReport, draft: Draft): OutgoingReport;
  /** The stream holds it at that position. */
  confirmed(report: OutgoingReport, position: number): void;
};

/** A report with a span that is stored. */
export type ConfirmedReport = {
  /** Of its PRODUCER span. */
  readonly span: SpanContext;
  readonly endpoint: EndpointId;
  /** In the stream. */
  readonly position: number;
  /** Epoch milliseconds of the first try. */
  readonly triedAtMs: number;
  readonly confirmedAtMs: number;
};

export type PublishTracerPorts = {
  readonly sink: SpanSink;
  /** `messaging.system.name`. */
  readonly system: string;
  /** Told after the span was handed over. Must not throw. */
  readonly onConfirmed: ((report: ConfirmedReport) => void) | undefined;
  readonly nowMs: NowMs;
  readonly random: Random;
};

type Begun = {
  readonly span: SpanContext;
  readonly draft: Draft;
  readonly origins: ReportOrigins;
  readonly triedAtMs: number;
};

export function createPublishTracer(ports: PublishTracerPorts): PublishTracer {
  const { sink, system, onConfirmed, nowMs, random } = ports;
  /** Forgets by itself what was given up. */
  const begun = new WeakMap<OutgoingReport, Begun>();
  return {
    begin(report, draft) {
      const { origins } = draft;
      if (origins === undefined) {
        return report;
      }
      const { traceId, traceState } = origins.first;
      const spanId = origins.report?.spanId ?? newSpanId(random);
      const span = { traceId, spanId, traceState };
      const traced = { ...report, headers: traceHeadersOf(span) };
      begun.set(traced, { span, draft, origins, triedAtMs: nowMs() });
      return traced;
    },
    confirmed(report, position) {
      const known = begun.get(report);
      if (known === undefined) {
        return;
      }
      const { span, draft, origins, triedAtMs } = known;
      const confirmedAtMs = Math.max(triedAtMs, nowMs());
      sink({
        name: busSpans.publish,
        kind: "producer",
        ...span,
        parentSpanId: origins.first.spanId,
        parentIsRemote: false,
        startedAtMs: triedAtMs,
        endedAtMs: confirmedAtMs,
        attributes: attributesOf(system, report, draft, position),
        events: [],
        links: [],
        error: undefined,
      });
      begun.delete(report);
      const { endpoint } = draft;
      onConfirmed?.({ span, endpoint, position, triedAtMs, confirmedAtMs });
    },
  };
}

function attributesOf(
  system: string,
  report: OutgoingReport,
  { endpoint, sequence }: Draft,
  position: number,
): SpanAttributes {
  const attributes = messageAttributes("publish", system, report);
  putAttribute(attributes, busAttributes.messageId, report.id);
  putAttribute(attributes, busAttributes.endpoint, endpoint);
  putAttribute(attributes, busAttributes.reportSequence, sequence);
  putAttribute(attributes, busAttributes.streamSequence, position);
  return attributes;
}
