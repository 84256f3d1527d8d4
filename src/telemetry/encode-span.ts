/**
 * Spans as protobuf: the message `Span` of OTLP.
 * https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/trace/v1/trace.proto
 *
 * Fields go from the last to the first, see `reverse-writer.ts`; those at their default are left out.
 * Property tests hold what a reader makes of it equal to what it makes of the SDK's encoding.
 */
import { createTraceState } from "@opentelemetry/api";
import type { Span, SpanKind, SpanLink } from "../domain/trace.ts";
import {
  countWritten,
  type ReverseBuffer,
  writeFixed32,
  writeHex,
  writeVarint,
} from "../wire/reverse-writer.ts";
import { type AttributeKeys, createAttributeKeys, writeAttributes } from "./encode-attributes.ts";
import {
  closeMessage,
  FIXED_32,
  FIXED_64,
  LENGTH_DELIMITED,
  tagOf,
  VARINT,
  writeText,
} from "./protobuf-fields.ts";
import { nanosecondsOf, secondsOf } from "./span-time.ts";

const spanTags = {
  traceId: tagOf(1, LENGTH_DELIMITED),
  spanId: tagOf(2, LENGTH_DELIMITED),
  traceState: tagOf(3, LENGTH_DELIMITED),
  parentSpanId: tagOf(4, LENGTH_DELIMITED),
  name: tagOf(5, LENGTH_DELIMITED),
  kind: tagOf(6, VARINT),
  start: tagOf(7, FIXED_64),
  end: tagOf(8, FIXED_64),
  attribute: tagOf(9, LENGTH_DELIMITED),
  event: tagOf(11, LENGTH_DELIMITED),
  link: tagOf(13, LENGTH_DELIMITED),
  status: tagOf(15, LENGTH_DELIMITED),
  flags: tagOf(16, FIXED_32),
} as const;

const eventTags = {
  time: tagOf(1, FIXED_64),
  name: tagOf(2, LENGTH_DELIMITED),
  attribute: tagOf(3, LENGTH_DELIMITED),
} as const;

const linkTags = {
  traceId: tagOf(1, LENGTH_DELIMITED),
  spanId: tagOf(2, LENGTH_DELIMITED),
  flags: tagOf(6, FIXED_32),
} as const;

const statusTags = {
  message: tagOf(2, LENGTH_DELIMITED),
  code: tagOf(3, VARINT),
} as const;

const kinds: Readonly<Record<SpanKind, number>> = {
  internal: 1,
  server: 2,
  client: 3,
  producer: 4,
  consumer: 5,
};

const STATUS_ERROR = 2;

/** Whatever gets here is to be exported, also what was kept beyond the sample. */
const SAMPLED = 0x1;
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

export type SpanWriter = (out: ReverseBuffer, span: Span) => void;

/** Writes the fields of spans, and remembers what the next one is likely to share with them. */
export function createSpanWriter(): SpanWriter {
  const keys = createAttributeKeys();
  const shownStateOf = createStateReader();
  return (out, span) => {
    writeDetails(out, span, keys);
    writeIdentity(out, span, shownStateOf(span.traceState));
  };
}

/** `tracestate` without the members that break its rules. All spans of a call have the same. */
function createStateReader(): (told: string) => string {
  let last = "";
  let shown = "";
  return (told) => {
    if (told !== last) {
      last = told;
      shown = createTraceState(told).serialize();
    }
    return shown;
  };
}

/** From its last field to that of its attributes. */
function writeDetails(out: ReverseBuffer, span: Span, keys: AttributeKeys): void {
  const { parentSpanId, error } = span;
  const isRemote = parentSpanId !== undefined && span.parentIsRemote;
  writeFixed32(out, SAMPLED | HAS_IS_REMOTE | (isRemote ? IS_REMOTE : 0));
  writeVarint(out, spanTags.flags);
  if (error !== undefined) {
    writeError(out, error);
  }
  // Most spans have neither, and a reversed copy of an empty list costs as much as three attributes.
  if (span.links.length > 0) {
    writeLinks(out, span.links);
  }
  if (span.events.length > 0) {
    writeEvents(out, span.events, keys);
  }
  writeAttributes(out, span.attributes, spanTags.attribute, keys);
}

/** The fields in front of its attributes. */
function writeIdentity(out: ReverseBuffer, span: Span, traceState: string): void {
  writeTime(out, span.endedAtMs, spanTags.end);
  writeTime(out, span.startedAtMs, spanTags.start);
  writeVarint(out, kinds[span.kind]);
  writeVarint(out, spanTags.kind);
  writeText(out, span.name, spanTags.name);
  if (span.parentSpanId !== undefined) {
    writeId(out, span.parentSpanId, spanTags.parentSpanId);
  }
  if (traceState !== "") {
    writeText(out, traceState, spanTags.traceState);
  }
  writeId(out, span.spanId, spanTags.spanId);
  writeId(out, span.traceId, spanTags.traceId);
}

function writeError(out: ReverseBuffer, message: string): void {
  const before = countWritten(out);
  writeVarint(out, STATUS_ERROR);
  writeVarint(out, statusTags.code);
  writeText(out, message, statusTags.message);
  closeMessage(out, before, spanTags.status);
}

function writeLinks(out: ReverseBuffer, links: readonly SpanLink[]): void {
  for (const { traceId, spanId } of links.toReversed()) {
    const before = countWritten(out);
    writeFixed32(out, SAMPLED | HAS_IS_REMOTE);
    writeVarint(out, linkTags.flags);
    writeId(out, spanId, linkTags.spanId);
    writeId(out, traceId, linkTags.traceId);
    closeMessage(out, before, spanTags.link);
  }
}

function writeEvents(out: ReverseBuffer, events: Span["events"], keys: AttributeKeys): void {
  for (const { name, atMs, attributes } of events.toReversed()) {
    const before = countWritten(out);
    writeAttributes(out, attributes, eventTags.attribute, keys);
    writeText(out, name, eventTags.name);
    writeTime(out, atMs, eventTags.time);
    closeMessage(out, before, spanTags.event);
  }
}

function writeId(out: ReverseBuffer, digits: string, tag: number): void {
  writeHex(out, digits);
  writeVarint(out, tag);
}

/** A second has 5^9 times 2^9 nanoseconds: so often a number still holds the seconds until 2116. */
const FIFTHS = 5 ** 9;
const HALVES = 2 ** 9;
/** Number of those halves' whole in the upper 32 bits. */
const UPPER = 2 ** 32 / HALVES;

/** Nanoseconds since 1970 in 64 bits, the upper half behind the lower one. */
function writeTime(out: ReverseBuffer, ms: number, tag: number): void {
  const product = secondsOf(ms) * FIFTHS;
  const lower = (product % UPPER) * HALVES + nanosecondsOf(ms);
  const upper = Math.floor(product / UPPER) + Math.floor(lower / 2 ** 32);
  writeFixed32(out, upper);
  writeFixed32(out, lower % 2 ** 32);
  writeVarint(out, tag);
}
