import type { Bus } from "../domain/bus.ts";
import type { ApplyTracerStats } from "../health/apply-tracer.ts";
import type { ProberStats } from "../health/prober.ts";
import type { ReporterStats } from "../health/reporter.ts";
import type { ScoreReader } from "../health/score-reader.ts";
import type { ScorerStatus } from "../health/scorer.ts";
import type { FleetFigures, ProberFigures, ScorerFigures } from "../metrics/sources.ts";
import type { FleetParts } from "./fleet-status.ts";

/** How this process stands with its fleet. Costs some microseconds. */
export function fleetFiguresOf(parts: FleetParts): FleetFigures {
  const { reader, reporter, scorer, prober, apply } = parts;
  const bus = parts.bus();
  return {
    bus:
      bus === "memory"
        ? undefined
        : { connected: flag(bus === "connected"), reconnects: parts.reconnects?.() ?? 0 },
    scores: scoresPart(reader),
    ...reporterParts(reporter.stats()),
    scorer: scorer && scorerPart(scorer.status()),
    prober: prober && proberPart(prober.stats()),
    apply: apply && applyPart(apply.stats()),
  };
}

/** Counts how often the bus comes back, until it is closed. */
export function countReconnects(bus: Pick<Bus, "status" | "onStatus">): () => number {
  let connections = bus.status() === "connected" ? 1 : 0;
  bus.onStatus((status) => {
    connections += flag(status === "connected");
  });
  return () => Math.max(0, connections - 1);
}

function flag(is: boolean): number {
  return is ? 1 : 0;
}

function scoresPart(reader: ScoreReader): FleetFigures["scores"] {
  const status = reader.status();
  const { ageMs, skewMs, version, repairs, rebuilds } = status;
  const { refused, unknownAlgorithm, undecodable } = status;
  const asOfSequence = version?.position.asOfSequence;
  return {
    revision: reader.latest().revision,
    ageMs,
    // A stream that never had a report stands at the epoch, which is nobody's clock.
    clockSkewMs: asOfSequence === 0 ? undefined : skewMs,
    asOfSequence,
    stale: flag(status.stale),
    verified: flag(status.verified),
    repairs,
    rebuilds,
    refused,
    unknownAlgorithm,
    undecodable,
  };
}

function reporterParts(stats: ReporterStats): Pick<FleetFigures, "outbox" | "reports"> {
  const { deltas, signals, unacknowledged, bytes } = stats;
  const { published, unconfirmed, rejected, lapsed } = stats;
  const { droppedDeltas, droppedSignals, droppedObservations } = stats;
  return {
    outbox: { deltas, signals, unacknowledged, bytes },
    reports: {
      published,
      unconfirmed,
      rejected,
      lapsed,
      droppedDeltas,
      droppedSignals,
      droppedObservations,
    },
  };
}

function scorerPart(status: ScorerStatus): ScorerFigures {
  const { verdicts, undecodable, wrongToken, published } = status;
  const { folded, ignored, late, duplicate, invalid } = verdicts;
  const { lag, missingMs, lostReports, lettersDropped } = status;
  const { tablesWritten, conflicts, oversized, unlisted, spansDropped } = status;
  return {
    leader: flag(status.leader),
    caughtUp: flag(status.caughtUp),
    lag,
    missingMs,
    lostReports,
    reports: {
      folded,
      ignored,
      late,
      duplicate,
      unknownLayout: verdicts["unknown-layout"],
      invalid,
      tooManyEndpoints: verdicts["too-many-endpoints"],
      undecodable,
      wrongToken,
    },
    lettersDropped,
    publications: published,
    tablesWritten,
    conflicts,
    oversized,
    unlisted,
    spansDropped,
  };
}

function proberPart(stats: ProberStats): ProberFigures {
  const { passed, failed, silent, unpriced, unaffordable } = stats;
  return { leader: flag(stats.leading), passed, failed, silent, unpriced, unaffordable };
}

function applyPart({ givenUp, refused }: ApplyTracerStats): FleetFigures["apply"] {
  return { givenUp, refused };
}
