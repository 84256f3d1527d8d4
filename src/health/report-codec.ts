import type { Timestamp } from "@bufbuild/protobuf/wkt";
import {
  HealthReportSchema,
  type HealthReport as WireReport,
} from "../../gen/atlas/events/v1/health_report_pb.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { HealthReport } from "../domain/health.ts";
import { createMessageDecoder } from "../wire/message-decoder.ts";
import { createMessageEncoder } from "../wire/message-encoder.ts";
import { timestampFromMs } from "../wire/wire-time.ts";
import { decodeSignal } from "./decode-signal.ts";
import { encodeSignal, wholeToWire, within } from "./encode-signal.ts";
import { MAX_ID, nameProblem, readMessage, type Undecodable, wholeOf } from "./wire-checks.ts";

/** What one message of the stream may hold. The fullest report of layout 1 takes a quarter of it. */
export const MAX_REPORT_BYTES = 65_536;

const MAX_PRODUCER = 64;

/** Year 1 to 9999: https://protobuf.dev/reference/protobuf/google.protobuf/#timestamp */
const MIN_TIMESTAMP_SECONDS = -62_135_596_800;
const MAX_TIMESTAMP_SECONDS = 253_402_300_799;
const NANOS_PER_SECOND = 1_000_000_000;

const encodeMessage = createMessageEncoder(HealthReportSchema);
const decodeMessage = createMessageDecoder(HealthReportSchema);

/** Never throws for a report of the domain's types. Times are told in whole milliseconds. */
export function encodeReport(report: HealthReport): Uint8Array {
  const message: WireReport = {
    $typeName: "atlas.events.v1.HealthReport",
    producer: report.producer,
    boot: BigInt.asUintN(64, report.boot),
    sequence: wholeToWire(report.sequence),
    endpoint: report.endpoint,
    observeTime: timestampFromMs(
      Math.floor(within(report.observedAtMs, 0, MAX_TIMESTAMP_SECONDS * 1_000)),
    ),
    signal: encodeSignal(report.signal),
    model: report.model,
  };
  return encodeMessage(message);
}

/**
 * The report in bytes that anybody may have sent. Never throws.
 *
 * Everything a report says is within the bounds of `domain/health.ts` and of the histograms' layout,
 * except that the buckets of a layout this version does not know are only known to ascend. What cannot
 * mislead is taken with lenience: a time of observation may be missing and is 0 then, which means the time
 * at which the report was stored (`score/health-fold.ts`), a reason is cut,
 * a claim's life is kept within a second and a day, failures of kinds not known are left out.
 */
export function decodeReport(bytes: Uint8Array): HealthReport | Undecodable {
  if (bytes.length > MAX_REPORT_BYTES) {
    return { problem: "larger than 64 KB" };
  }
  const message = readMessage(decodeMessage, bytes);
  // The decoder was made of the descriptor of this type.
  return message === undefined ? { problem: "not a HealthReport" } : decode(message as WireReport);
}

function decode(message: WireReport): HealthReport | Undecodable {
  const { producer, boot, endpoint, model } = message;
  const problem = namesProblem(message);
  if (problem !== undefined) {
    return { problem };
  }
  const sequence = wholeOf(message.sequence);
  if (sequence === undefined || sequence === 0) {
    return { problem: "sequence is not within 1 and 2^53 - 1" };
  }
  const observedAtMs = msFromTimestamp(message.observeTime);
  if (observedAtMs === undefined) {
    return { problem: "observe_time is no time" };
  }
  const signal = decodeSignal(message);
  return typeof signal === "string"
    ? { problem: signal }
    : // Any text of its length may name an endpoint; only the catalogue says which do.
      { producer, boot, sequence, endpoint: endpoint as EndpointId, model, observedAtMs, signal };
}

function namesProblem({ producer, endpoint, model, signal }: WireReport): string | undefined {
  const isTick = signal.case === "tick";
  if (isTick && endpoint !== "") {
    return "a tick names an endpoint";
  }
  return (
    nameProblem("producer", producer, { least: 1, most: MAX_PRODUCER }) ??
    nameProblem("endpoint", endpoint, { least: isTick ? 0 : 1, most: MAX_ID }) ??
    nameProblem("model", model, { least: 0, most: MAX_ID })
  );
}

/** 0 when there is none, `undefined` when it breaks the rules of the type. */
function msFromTimestamp(time: Timestamp | undefined): number | undefined {
  if (time === undefined) {
    return 0;
  }
  const seconds = Number(time.seconds);
  const isTime =
    seconds >= MIN_TIMESTAMP_SECONDS &&
    seconds <= MAX_TIMESTAMP_SECONDS &&
    time.nanos >= 0 &&
    time.nanos < NANOS_PER_SECOND;
  return isTime ? seconds * 1_000 + time.nanos / 1_000_000 : undefined;
}
