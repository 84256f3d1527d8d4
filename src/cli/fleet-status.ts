import type { Role } from "../config/config.ts";
import type { BusStatus } from "../domain/bus.ts";
import type { PublishedVersion } from "../domain/health.ts";
import type { ApplyTracer } from "../health/apply-tracer.ts";
import type { Prober } from "../health/prober.ts";
import type { Reporter } from "../health/reporter.ts";
import type { ScoreReader } from "../health/score-reader.ts";
import type { Scorer } from "../health/scorer.ts";

/** What a process is in its fleet, and how it stands with it; shown by `/healthz` and `/readyz`. */
export type FleetStatus = {
  readonly role: Role;
  /** Name of this process. */
  readonly replica: string;
  /** `memory`: there is nobody else. */
  readonly bus: BusStatus | "memory";
  /** The bus is away: calls go on with the last scores and with what this process sees. */
  readonly degraded: boolean;
  /** Older than 15 s, or none are known. */
  readonly scoresStale: boolean;
  /** Absent before any scores. */
  readonly scoreAgeMs: number | undefined;
  /** Where the stream of reports stood when the scores were made; absent before any. */
  readonly scorePosition?: string;
  /** Equal on all replicas with equal positions: SHA-256 in hex. */
  readonly scoreHash?: string;
  /** The tables held are those of that hash. Absent before any version. */
  readonly scoresVerified?: boolean;
  /** Sums that wait to be told. */
  readonly outboxDeltas: number;
  /** Absent where no scorer runs. */
  readonly scorer?: {
    readonly leader: boolean;
    readonly caughtUp: boolean;
    /** Reports not folded yet. */
    readonly lag: number;
    /** Of the window, from its beginning up to the latest report that was lost; 0: nothing is missing. */
    readonly missingMs: number;
    /** Reports that the stream no longer had, as far as its numbers tell; since the start. */
    readonly lostReports: number;
  };
  /** Absent where no prober runs. */
  readonly prober?: { readonly leader: boolean };
};

export type FleetParts = {
  readonly role: Role;
  readonly name: string;
  readonly bus: () => BusStatus | "memory";
  readonly reader: ScoreReader;
  readonly reporter: Reporter;
  readonly scorer: Scorer | undefined;
  readonly prober: Prober | undefined;
  /** Default: none were counted. */
  readonly reconnects?: () => number;
  /** Absent: the spans are not made. */
  readonly apply?: ApplyTracer | undefined;
};

export function fleetStatusOf(parts: FleetParts): FleetStatus {
  const { role, name, reader, reporter, scorer, prober } = parts;
  const { ageMs, stale, version, verified } = reader.status();
  const bus = parts.bus();
  return {
    role,
    replica: name,
    bus,
    degraded: bus !== "memory" && bus !== "connected",
    scoresStale: stale,
    scoreAgeMs: ageMs === undefined ? undefined : Math.round(ageMs),
    ...(version && { ...publishedPart(version), scoresVerified: verified }),
    outboxDeltas: reporter.stats().deltas,
    ...(scorer && { scorer: scorerPart(scorer) }),
    ...(prober && { prober: { leader: prober.stats().leading } }),
  };
}

function publishedPart({ position, stateSha256 }: PublishedVersion) {
  const { algorithmVersion, streamEpoch, asOfSequence } = position;
  return {
    scorePosition: `${algorithmVersion}:${streamEpoch}:${asOfSequence}`,
    scoreHash: Buffer.from(stateSha256).toString("hex"),
  };
}

function scorerPart(scorer: Scorer): NonNullable<FleetStatus["scorer"]> {
  const { leader, caughtUp, lag, missingMs, lostReports } = scorer.status();
  return { leader, caughtUp, lag, missingMs, lostReports };
}
