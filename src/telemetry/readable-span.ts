/**
 * Our spans as the SDK's processors and exporters take them.
 *
 * The other way is the SDK's tracer, with a generator that hands it our ids. It costs three times as much
 * for the same bytes: it copies every attribute through its limits, keeps its own clock beside our times,
 * and needs a context for every parent. A span that has ended is no more than its fields.
 */
import {
  type Attributes,
  createTraceState,
  type HrTime,
  type SpanContext,
} from "@opentelemetry/api";
import type { InstrumentationScope } from "@opentelemetry/core";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import type { Span, SpanAttributes, SpanKind } from "../domain/trace.ts";
import { nanosecondsOf, secondsOf } from "./span-time.ts";

/** The SDK's numbers. */
const kinds: Readonly<Record<SpanKind, number>> = {
  internal: 0,
  server: 1,
  client: 2,
  producer: 3,
  consumer: 4,
};

const STATUS_UNSET = 0;
const STATUS_ERROR = 2;

/** Whatever gets here is to be exported, also what was kept beyond the sample. */
const SAMPLED = 1;

export type SpanOrigin = {
  readonly resource: Resource;
  readonly instrumentationScope: InstrumentationScope;
};

export function readableSpanOf(span: Span, origin: SpanOrigin): ReadableSpan {
  const { traceId, spanId, parentSpanId, parentIsRemote, startedAtMs, endedAtMs, error } = span;
  const context: SpanContext = contextOf(traceId, spanId, span.traceState);
  const base = {
    name: span.name,
    kind: kinds[span.kind],
    spanContext: () => context,
    startTime: hrTimeOf(startedAtMs),
    endTime: hrTimeOf(endedAtMs),
    duration: hrTimeOf(Math.max(0, endedAtMs - startedAtMs)),
    status: error === undefined ? { code: STATUS_UNSET } : { code: STATUS_ERROR, message: error },
    attributes: attributesOf(span.attributes),
    events: span.events.map(({ name, atMs, attributes }) => ({
      name,
      time: hrTimeOf(atMs),
      attributes: attributesOf(attributes),
    })),
    links: span.links.map((link) => ({ context: contextOf(link.traceId, link.spanId, "") })),
    ended: true,
    resource: origin.resource,
    instrumentationScope: origin.instrumentationScope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
  return parentSpanId === undefined
    ? base
    : {
        ...base,
        parentSpanContext: {
          traceId,
          spanId: parentSpanId,
          traceFlags: SAMPLED,
          isRemote: parentIsRemote,
        },
      };
}

function contextOf(traceId: string, spanId: string, traceState: string): SpanContext {
  return traceState === ""
    ? { traceId, spanId, traceFlags: SAMPLED }
    : { traceId, spanId, traceFlags: SAMPLED, traceState: createTraceState(traceState) };
}

function hrTimeOf(ms: number): HrTime {
  return [secondsOf(ms), nanosecondsOf(ms)];
}

function attributesOf(attributes: SpanAttributes): Attributes {
  // The SDK's lists are mutable in name only: the exporters read them.
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value as string | string[]]));
}
