import fc from "fast-check";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import {
  type HealthReport,
  type HealthSignal,
  type OutcomeDelta,
  outsideStates,
  type SparseHistogram,
} from "../../../src/domain/health.ts";
import { failureKinds } from "../../../src/domain/outcome.ts";
import {
  durationLayout,
  firstTokenLayout,
  type HistogramLayout,
  throughputLayout,
} from "../../../src/score/log-histogram.ts";

const MAX_COUNT = 2 ** 32 - 1;

function histograms({ buckets }: HistogramLayout): fc.Arbitrary<SparseHistogram> {
  const pair = fc.tuple(fc.nat({ max: buckets - 1 }), fc.integer({ min: 1, max: MAX_COUNT }));
  return fc.uniqueArray(pair, { selector: ([bucket]) => bucket, maxLength: 12 }).map((pairs) => {
    const sorted = pairs.toSorted(([left], [right]) => left - right);
    return { buckets: sorted.map(([bucket]) => bucket), counts: sorted.map(([, count]) => count) };
  });
}

const counts = fc.integer({ min: 1, max: MAX_COUNT });

export const anyDelta: fc.Arbitrary<OutcomeDelta> = fc.record({
  kind: fc.constant("outcomes" as const),
  slice: fc.nat({ max: 100_000_000 }),
  layoutVersion: fc.constant(1),
  successes: fc.nat({ max: MAX_COUNT }),
  failures: fc
    .uniqueArray(fc.tuple(fc.constantFrom(...failureKinds), counts), { selector: ([kind]) => kind })
    .map((pairs) => new Map(pairs)),
  firstToken: histograms(firstTokenLayout),
  throughput: histograms(throughputLayout),
  duration: histograms(durationLayout),
});

const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
const shares = optional(fc.double({ min: 0, max: 1, noNaN: true }));
const remaining = optional(fc.maxSafeNat());

const anySignal: fc.Arbitrary<HealthSignal> = fc.oneof(
  anyDelta,
  fc.record({
    kind: fc.constant("state" as const),
    state: fc.constantFrom(...outsideStates),
    reason: fc.string({ maxLength: 200, unit: "grapheme-ascii" }),
    ttlMs: fc.integer({ min: 1_000, max: 86_400_000 }),
  }),
  fc.record({
    kind: fc.constant("rate-limit" as const),
    requestsRemaining: remaining,
    tokensRemaining: remaining,
    retryAfterMs: optional(fc.integer({ min: 1_000, max: 300_000 })),
  }),
  fc.record({
    kind: fc.constant("breaker" as const),
    state: fc.constantFrom("closed" as const, "open" as const, "half-open" as const),
  }),
  fc.record({
    kind: fc.constant("load" as const),
    runningRequests: fc.nat({ max: MAX_COUNT }),
    waitingRequests: fc.nat({ max: MAX_COUNT }),
    kvCacheUsage: shares,
    prefixCacheHitRate: shares,
  }),
  fc.record({
    kind: fc.constant("probe" as const),
    passed: fc.boolean(),
    firstTokenMs: optional(fc.nat({ max: 600_000 })),
  }),
);

const names = (minLength: number, maxLength: number) =>
  fc.string({ minLength, maxLength, unit: "grapheme-ascii" });

/** Any report that is within the bounds, in whole milliseconds. */
export const anyReport: fc.Arbitrary<HealthReport> = fc.record({
  producer: names(1, 64),
  boot: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  sequence: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  endpoint: names(1, 256) as fc.Arbitrary<EndpointId>,
  model: names(0, 256),
  observedAtMs: fc.nat({ max: 4_000_000_000_000 }),
  signal: anySignal,
});

export function makeReport(
  signal: HealthSignal,
  changes: Partial<HealthReport> = {},
): HealthReport {
  return {
    producer: "router-1",
    boot: 7n,
    sequence: 1,
    endpoint: "azure/one" as EndpointId,
    model: "acme/one",
    observedAtMs: 1_800_000_000_000,
    signal,
    ...changes,
  };
}
