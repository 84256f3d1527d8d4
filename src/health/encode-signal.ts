import {
  BreakerSignal_State,
  type Histogram,
  type HealthReport as WireReport,
} from "../../gen/atlas/events/v1/health_report_pb.ts";
import type {
  BreakerSignal,
  HealthSignal,
  LoadSignal,
  OutcomeDelta,
  RateLimitSignal,
  SparseHistogram,
} from "../domain/health.ts";
import { type FailureKind, failureKinds } from "../domain/outcome.ts";
import { durationFromMs } from "../wire/wire-time.ts";
import { cutReason, stateNumbers } from "./wire-checks.ts";

/** A claim without an end would outlive whoever made it, and one of a second is told again in time. */
export const MIN_TTL_MS = 1_000;
export const MAX_TTL_MS = 86_400_000;

/** What a router does with what a provider asks for, see `score/cooldown.ts`. */
export const MIN_RETRY_AFTER_MS = 1_000;
export const MAX_RETRY_AFTER_MS = 300_000;

const MAX_UINT32 = 0xffff_ffff;

/** Every number by its kind. The public enumeration counts from 1, in the order of `failureKinds`. */
const failureNumbers = Object.fromEntries(
  failureKinds.map((kind, index) => [kind, index + 1]),
  // `Object.fromEntries` forgets which keys it was given.
) as Readonly<Record<FailureKind, number>>;

export const breakerNumbers = {
  closed: BreakerSignal_State.CLOSED,
  open: BreakerSignal_State.OPEN,
  "half-open": BreakerSignal_State.HALF_OPEN,
} as const satisfies Record<BreakerSignal["state"], BreakerSignal_State>;

/** Whatever the numbers are: those that are none, or too large, become the nearest that is allowed. */
export function encodeSignal(signal: HealthSignal): WireReport["signal"] {
  switch (signal.kind) {
    case "outcomes":
      return encodeOutcomes(signal);
    case "state":
      return {
        case: "state",
        value: {
          $typeName: "atlas.events.v1.StateSignal",
          state: stateNumbers[signal.state],
          reason: cutReason(signal.reason),
          ttl: durationFromMs(within(signal.ttlMs, MIN_TTL_MS, MAX_TTL_MS)),
        },
      };
    case "rate-limit":
      return encodeRateLimit(signal);
    case "breaker":
      return {
        case: "breaker",
        value: {
          $typeName: "atlas.events.v1.BreakerSignal",
          state: breakerNumbers[signal.state],
        },
      };
    case "load":
      return encodeLoad(signal);
    case "probe":
      return {
        case: "probe",
        value: {
          $typeName: "atlas.events.v1.ProbeResult",
          passed: signal.passed,
          ...(signal.firstTokenMs === undefined
            ? {}
            : { firstToken: durationFromMs(within(signal.firstTokenMs, 0, MAX_TTL_MS)) }),
        },
      };
    case "tick":
      return { case: "tick", value: { $typeName: "atlas.events.v1.Tick" } };
  }
}

function encodeOutcomes(delta: OutcomeDelta): WireReport["signal"] {
  const failures: Record<number, number> = {};
  for (const [kind, count] of delta.failures) {
    failures[failureNumbers[kind]] = count;
  }
  return {
    case: "outcomes",
    value: {
      $typeName: "atlas.events.v1.OutcomeDelta",
      slice: wholeToWire(delta.slice),
      layoutVersion: delta.layoutVersion,
      successes: delta.successes,
      failures,
      firstToken: histogramOf(delta.firstToken),
      throughput: histogramOf(delta.throughput),
      duration: histogramOf(delta.duration),
    },
  };
}

/** Absent where nothing was counted. */
function histogramOf({ buckets, counts }: SparseHistogram): Histogram | undefined {
  // The encoder only reads the lists; the generated type does not say so.
  return buckets.length === 0
    ? undefined
    : ({ $typeName: "atlas.events.v1.Histogram", buckets, counts } as Histogram);
}

function encodeRateLimit(signal: RateLimitSignal): WireReport["signal"] {
  const { requestsRemaining, tokensRemaining, retryAfterMs } = signal;
  return {
    case: "rateLimit",
    value: {
      $typeName: "atlas.events.v1.RateLimitSignal",
      ...(requestsRemaining === undefined
        ? {}
        : { requestsRemaining: wholeToWire(requestsRemaining) }),
      ...(tokensRemaining === undefined ? {} : { tokensRemaining: wholeToWire(tokensRemaining) }),
      ...(retryAfterMs === undefined
        ? {}
        : {
            retryAfter: durationFromMs(
              within(retryAfterMs, MIN_RETRY_AFTER_MS, MAX_RETRY_AFTER_MS),
            ),
          }),
    },
  };
}

function encodeLoad(signal: LoadSignal): WireReport["signal"] {
  const { runningRequests, waitingRequests, kvCacheUsage, prefixCacheHitRate } = signal;
  return {
    case: "load",
    value: {
      $typeName: "atlas.events.v1.LoadSignal",
      runningRequests: Math.floor(within(runningRequests, 0, MAX_UINT32)),
      waitingRequests: Math.floor(within(waitingRequests, 0, MAX_UINT32)),
      ...(kvCacheUsage === undefined ? {} : { kvCacheUsage: within(kvCacheUsage, 0, 1) }),
      ...(prefixCacheHitRate === undefined
        ? {}
        : { prefixCacheHitRate: within(prefixCacheHitRate, 0, 1) }),
    },
  };
}

/** 0 to 2^53 - 1. */
export function wholeToWire(value: number): bigint {
  return BigInt(Math.floor(within(value, 0, Number.MAX_SAFE_INTEGER)));
}

/** NaN is the least. */
export function within(value: number, least: number, most: number): number {
  return value > least ? Math.min(value, most) : least;
}
