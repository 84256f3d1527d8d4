import type { NowMs, Random } from "../domain/ports.ts";
import type { ScoreSnapshot } from "../domain/score.ts";
import { putAttribute, type SpanAttributesDraft, type SpanSink } from "../domain/trace.ts";
import { busAttributes, busSpans } from "./bus-spans.ts";
import type { ConfirmedReport } from "./publish-tracer.ts";
import type { ScoreReader } from "./score-reader.ts";
import { newSpanId } from "./span-context.ts";

/**
 * Makes the spans `atlas.scores.apply`: from when a report of this router is stored until the scores that
 * it plans with know of it.
 *
 * The bus tells where in the stream a report is, and not in which stream: one that was wiped counts from
 * 1 again. So a report belongs to the stream of the scores known when it was confirmed, or of the first
 * ones; when those of another stream come, it is given up.
 */
export type ApplyTracer = {
  /** Belongs into `ReporterOptions.confirmed`. */
  readonly confirmed: (report: ConfirmedReport) => void;
  stats(): ApplyTracerStats;
  close(): void;
};

export type ApplyTracerStats = {
  readonly waiting: number;
  /** Waited too long, or for a stream that is gone. */
  readonly givenUp: number;
  /** Not waited for, because too many were. */
  readonly refused: number;
};

export type ApplyTracerPorts = {
  readonly reader: Pick<ScoreReader, "onChange" | "status">;
  readonly sink: SpanSink;
  readonly nowMs: NowMs;
  readonly random: Random;
};

const MAX_WAITING = 64;
const PATIENCE_MS = 30_000;

type Waiting = {
  readonly report: ConfirmedReport;
  /** Absent: no scores were known. */
  readonly streamEpoch: number | undefined;
};

type Applied = {
  readonly streamEpoch: number;
  readonly asOfSequence: number;
  readonly revision: number;
  readonly ageMs: number;
  readonly atMs: number;
};

export function createApplyTracer(ports: ApplyTracerPorts): ApplyTracer {
  const { reader, sink, nowMs, random } = ports;
  let waiting: readonly Waiting[] = [];
  let latest: Applied | undefined;
  let givenUp = 0;
  let refused = 0;

  function apply({ revision }: ScoreSnapshot): void {
    const { version, ageMs = 0 } = reader.status();
    if (version === undefined) {
      return;
    }
    const { streamEpoch, asOfSequence } = version.position;
    const applied = { streamEpoch, asOfSequence, revision, ageMs, atMs: nowMs() };
    latest = applied;
    waiting = waiting.filter((one) => !isSettled(one, applied));
  }

  /** Nothing is left to wait for. */
  function isSettled({ report, streamEpoch }: Waiting, applied: Applied): boolean {
    const isGone =
      applied.atMs - report.confirmedAtMs > PATIENCE_MS ||
      (streamEpoch !== undefined && streamEpoch !== applied.streamEpoch);
    if (isGone) {
      givenUp += 1;
    } else if (report.position <= applied.asOfSequence) {
      sink(spanOf(report, applied, newSpanId(random)));
    } else {
      return false;
    }
    return true;
  }

  function forgetOld(atMs: number): void {
    const kept = waiting.filter(({ report }) => atMs - report.confirmedAtMs <= PATIENCE_MS);
    givenUp += waiting.length - kept.length;
    waiting = kept;
  }

  function wait(report: ConfirmedReport): void {
    if (waiting.length >= MAX_WAITING) {
      forgetOld(report.confirmedAtMs);
    }
    if (waiting.length >= MAX_WAITING) {
      refused += 1;
    } else {
      waiting = [...waiting, { report, streamEpoch: latest?.streamEpoch }];
    }
  }

  const stop = reader.onChange(apply);
  return {
    confirmed(report) {
      if (latest === undefined || report.position > latest.asOfSequence) {
        wait(report);
      } else if (latest.atMs >= report.triedAtMs) {
        // The scores were faster than the confirmation.
        sink(spanOf(report, latest, newSpanId(random)));
      } else {
        // Scores had passed the position before the report was tried: theirs was another stream.
        givenUp += 1;
      }
    },
    stats: () => ({ waiting: waiting.length, givenUp, refused }),
    close() {
      stop();
      waiting = [];
    },
  };
}

function spanOf(
  { span, endpoint, position, confirmedAtMs }: ConfirmedReport,
  { asOfSequence, revision, ageMs, atMs }: Applied,
  spanId: string,
): Parameters<SpanSink>[0] {
  const attributes: SpanAttributesDraft = [];
  putAttribute(attributes, busAttributes.endpoint, endpoint);
  putAttribute(attributes, busAttributes.streamSequence, position);
  putAttribute(attributes, busAttributes.asOfSequence, asOfSequence);
  putAttribute(attributes, busAttributes.scoresAge, ageMs / 1_000);
  putAttribute(attributes, busAttributes.scoreRevision, revision);
  return {
    name: busSpans.apply,
    kind: "internal",
    traceId: span.traceId,
    spanId,
    parentSpanId: span.spanId,
    parentIsRemote: false,
    traceState: span.traceState,
    startedAtMs: confirmedAtMs,
    endedAtMs: Math.max(confirmedAtMs, atMs),
    attributes,
    events: [],
    links: [],
    error: undefined,
  };
}
