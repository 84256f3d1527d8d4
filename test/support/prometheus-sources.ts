import type { EndpointId } from "../../src/domain/endpoint.ts";
import type { LiveState } from "../../src/domain/score.ts";
import type { FleetFigures, MetricSources } from "../../src/metrics/sources.ts";

export const exampleLive: LiveState = {
  inflight: 2,
  limit: 8,
  breaker: "closed",
  cold: false,
  block: () => undefined,
  firstTokenEwmaMs: () => undefined,
  waitingMs: () => 0,
  slowStart: () => 1,
};

/** Every figure is another one, as far as it is no flag. */
export const exampleFleet: FleetFigures = {
  bus: { connected: 1, reconnects: 21 },
  scores: {
    revision: 12,
    ageMs: 1_500,
    clockSkewMs: -250,
    asOfSequence: 22,
    stale: 0,
    verified: 1,
    repairs: 23,
    rebuilds: 24,
    refused: 25,
    unknownAlgorithm: 26,
    undecodable: 27,
  },
  outbox: { deltas: 1, bytes: 2, signals: 3, unacknowledged: 4 },
  reports: {
    published: 7,
    unconfirmed: 8,
    rejected: 9,
    lapsed: 6,
    droppedDeltas: 28,
    droppedSignals: 5,
    droppedObservations: 29,
  },
  scorer: {
    leader: 1,
    caughtUp: 0,
    lag: 6,
    missingMs: 1_260_000,
    lostReports: 63,
    reports: {
      folded: 1_000,
      ignored: 200,
      late: 30,
      duplicate: 4,
      unknownLayout: 50_000,
      invalid: 600_000,
      tooManyEndpoints: 7_000_000,
      undecodable: 80_000_000,
      wrongToken: 900_000_000,
    },
    lettersDropped: 5,
    publications: 30,
    tablesWritten: 31,
    conflicts: 32,
    oversized: 33,
    unlisted: 3,
    spansDropped: 34,
  },
  prober: { leader: 1, passed: 1, failed: 2, silent: 3, unpriced: 4, unaffordable: 5 },
  apply: { givenUp: 35, refused: 400 },
};

/** Every source there is; the endpoint with the id is shut by its breaker, the rest is well. */
export function exampleSources(blocked: EndpointId): Required<MetricSources> {
  return {
    live: {
      of: (id) =>
        id === blocked
          ? {
              ...exampleLive,
              breaker: "open",
              block: (nowMs) => ({ reason: "breaker-open", untilMs: nowMs + 1 }),
            }
          : exampleLive,
    },
    fleet: () => exampleFleet,
    openCalls: () => 3,
    eventLoop: () => ({ p50Ms: 1, p99Ms: 12, maxMs: 20 }),
    process: () => ({
      uptimeMs: 60_000,
      cpuUserMs: 1_500,
      cpuSystemMs: 500,
      residentBytes: 1_000_000,
      heapUsedBytes: 500_000,
    }),
    spans: () => ({ exported: 100, dropped: 2, failed: 1 }),
    leftOutCalls: () => 4,
  };
}
