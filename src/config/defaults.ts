import { MAX_ATTEMPTS } from "../domain/policy.ts";

/** Every number an operator leaves out, with its reason. */
export const defaults = {
  errorDomain: "atlas.internal",
  listen: {
    // Reachable from this machine only until someone decides otherwise.
    host: "127.0.0.1",
    // The port gRPC tools try first.
    grpcPort: 50_051,
    httpPort: 8_080,
  },
  limits: {
    // Twice gRPC's own 4 MiB, so that a prompt with images fits; Connect's own 4 GiB is no limit.
    messageBytes: 8 * 1024 * 1024,
    // HTTP/2 peers assume 100; a platform's sidecar multiplexes many callers on one connection.
    concurrentStreams: 1_000,
    // Node's own bound for HTTP/1.1; metadata with two tokens and baggage fits.
    headerBytes: 16 * 1024,
    // A whole long answer; what a reader is behind by more than this it will not catch up.
    streamBufferBytes: 1024 * 1024,
    // Longer than the quiet between two calls of a busy service, shorter than most NAT tables.
    connectionIdleMs: 15 * 60_000,
    // Makes long-lived clients find new replicas behind a balancer.
    connectionAgeMs: 30 * 60_000,
    // At least as long as nearly every answer streams.
    connectionAgeGraceMs: 120_000,
    // Finds dead peers before balancers drop silent connections, and stays below ping abuse.
    keepaliveMs: 60_000,
    keepaliveTimeoutMs: 20_000,
  },
  timeouts: {
    // Long reasoning answers end within it; a call without any deadline would hold its stream for ever.
    defaultDeadlineMs: 300_000,
    // A TLS handshake around the world takes less than one second; two lost packets fit as well.
    connectMs: 5_000,
    firstToken: {
      // Below this the ordinary jitter of a fast endpoint would end healthy attempts.
      minMs: 2_000,
      // Nobody waits longer when another endpoint can answer.
      maxMs: 60_000,
      // For an endpoint that has not been measured.
      coldMs: 30_000,
    },
    // Models pause between tokens for a few seconds at most; reasoning is covered by heartbeats.
    idleMs: 30_000,
    // A reader that took nothing for so long has gone without closing.
    writeStallMs: 30_000,
    // Longer than nearly every answer, shorter than the patience of orchestrators.
    drainGraceMs: 120_000,
  },
  retry: {
    maxAttempts: MAX_ATTEMPTS,
    // At most a fifth more load on providers that are already failing.
    budgetRatio: 0.2,
    // Lets a quiet replica retry at all.
    budgetReservePerSecond: 10,
  },
  // Half of the shortest idle timeout seen in load balancers on the way.
  heartbeatMs: 5_000,
  // A breaker and its probes want no fresher figures.
  snapshotMs: 1_000,
  // One process does everything until somebody splits it.
  role: "all",
  // A single server keeps one copy; asking it for more fails.
  busReplicas: 1,
  // 1.5 GiB: 40 minutes of 1,000 reports a second, see docs/health.md.
  reportBytes: 1_536 * 1024 * 1024,
  prober: {
    // Probes of the built-in fleet cost nothing; those of real providers are the operator's decision.
    mode: "simulated",
    // Some thousand probes of a mid-priced model; far below what anyone would look for on a bill.
    spendCapUsdPerDay: "1",
    // As long as the recent overlay and the breakers take to forget; busy endpoints are never probed.
    idleMs: 60_000,
    // Every minute of the window then has a result.
    intervalMs: 60_000,
    // A single token of a cold self-hosted engine still comes within it.
    timeoutMs: 30_000,
    // Hundreds of endpoints a minute at a second each, and no burst that a provider would notice.
    concurrency: 4,
  },
  traces: {
    // Enough of ordinary traffic to compare with; errors, fallbacks and slow calls are kept anyway.
    ratio: 0.1,
    // Longer than nearly every answer streams, as far as the callers' patience goes.
    slowMs: 30_000,
    // A burst of failures is told by its first ones; the rest would only displace them.
    keptPerSecond: 50,
  },
  calls: {
    // Some minutes of a replica with ten calls a second; slow and failed ones are kept longer.
    recent: 2_000,
  },
  spend: {
    // A weekend back, by the hour.
    hours: 72,
    // Room for a platform's teams and steps; what callers invent as labels beyond it costs no memory.
    seriesPerHour: 2_000,
  },
  log: {
    // Readable, and far below what a log pipeline minds; failures are told beyond it.
    callsPerSecond: 100,
  },
  simulator: {
    // Equal seeds give equal fleets, so that a first run looks like the documentation.
    seed: 1,
    // Only tests and demonstrations call it; a fixed port would keep a second process from starting.
    controlPort: 0,
    // As slow as life.
    timeScale: 1,
  },
} as const;
