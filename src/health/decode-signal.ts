import type { Duration } from "@bufbuild/protobuf/wkt";
import type {
  Histogram,
  OutcomeDelta as WireDelta,
  LoadSignal as WireLoad,
  ProbeResult as WireProbe,
  RateLimitSignal as WireRateLimit,
  HealthReport as WireReport,
  StateSignal as WireState,
} from "../../gen/atlas/events/v1/health_report_pb.ts";
import type { BreakerSignal, HealthSignal, SparseHistogram } from "../domain/health.ts";
import { type FailureKind, failureKinds } from "../domain/outcome.ts";
import {
  durationLayout,
  firstTokenLayout,
  HISTOGRAM_LAYOUT_VERSION,
  throughputLayout,
} from "../score/log-histogram.ts";
import { msFromDuration } from "../wire/wire-time.ts";
import {
  breakerNumbers,
  MAX_RETRY_AFTER_MS,
  MAX_TTL_MS,
  MIN_RETRY_AFTER_MS,
  MIN_TTL_MS,
  within,
} from "./encode-signal.ts";
import { cutReason, outsideStateOf, wholeOf } from "./wire-checks.ts";

/** The report may be sound: its producer knows more than this version does. */
const UNKNOWN_SIGNAL = "unknown signal";

const EMPTY: SparseHistogram = { buckets: [], counts: [] };
const NO_FAILURES: ReadonlyMap<FailureKind, number> = new Map();

/** What a report says, or in one line why it says nothing. */
export function decodeSignal({ signal, $unknown }: WireReport): HealthSignal | string {
  switch (signal.case) {
    case "outcomes":
      return decodeOutcomes(signal.value);
    case "state":
      return decodeState(signal.value);
    case "rateLimit":
      return decodeRateLimit(signal.value);
    case "breaker":
      return decodeBreaker(signal.value.state);
    case "load":
      return decodeLoad(signal.value);
    case "probe":
      return decodeProbe(signal.value);
    case "tick":
      return { kind: "tick" };
    default:
      return $unknown === undefined ? "no signal" : UNKNOWN_SIGNAL;
  }
}

function decodeOutcomes(delta: WireDelta): HealthSignal | string {
  const slice = wholeOf(delta.slice);
  if (slice === undefined) {
    return "slice is not within 0 and 2^53 - 1";
  }
  const { layoutVersion, firstToken, throughput, duration } = delta;
  const isKnown = layoutVersion === HISTOGRAM_LAYOUT_VERSION;
  const problem =
    histogramProblem("first_token", firstToken, isKnown ? firstTokenLayout.buckets : undefined) ??
    histogramProblem("throughput", throughput, isKnown ? throughputLayout.buckets : undefined) ??
    histogramProblem("duration", duration, isKnown ? durationLayout.buckets : undefined);
  if (problem !== undefined) {
    return problem;
  }
  return {
    kind: "outcomes",
    slice,
    layoutVersion,
    successes: delta.successes,
    failures: failuresOf(delta.failures),
    firstToken: sparse(firstToken),
    throughput: sparse(throughput),
    duration: sparse(duration),
  };
}

/** `buckets` is how many the layout has; absent when it is not known. */
function histogramProblem(
  name: string,
  histogram: Histogram | undefined,
  layoutBuckets = Number.POSITIVE_INFINITY,
): string | undefined {
  if (histogram === undefined) {
    return undefined;
  }
  const { buckets, counts } = histogram;
  if (buckets.length !== counts.length) {
    return `${name} has ${buckets.length} buckets and ${counts.length} counts`;
  }
  let last = -1;
  for (let index = 0; index < buckets.length; index += 1) {
    // Both lists are read within their length: `as number` tells the compiler.
    const bucket = buckets[index] as number;
    if (bucket <= last) {
      return `the buckets of ${name} do not ascend`;
    }
    if (counts[index] === 0) {
      return `${name} counts a bucket 0 times`;
    }
    last = bucket;
  }
  return last < layoutBuckets ? undefined : `${name} has a bucket ${last} of ${layoutBuckets}`;
}

function sparse(histogram: Histogram | undefined): SparseHistogram {
  return histogram === undefined ? EMPTY : { buckets: histogram.buckets, counts: histogram.counts };
}

function failuresOf(counts: Readonly<Record<number, number>>): ReadonlyMap<FailureKind, number> {
  let failures: Map<FailureKind, number> | undefined;
  for (const [number, count] of Object.entries(counts)) {
    const kind = failureKinds[Number(number) - 1];
    if (kind !== undefined && count > 0) {
      failures ??= new Map();
      failures.set(kind, count);
    }
  }
  return failures ?? NO_FAILURES;
}

function decodeState({ state: number, reason, ttl }: WireState): HealthSignal | string {
  const state = outsideStateOf(number);
  if (state === undefined) {
    return "unknown state";
  }
  const ttlMs = positiveMs(ttl);
  return ttlMs === undefined
    ? "a state without a ttl"
    : {
        kind: "state",
        state,
        reason: cutReason(reason),
        ttlMs: within(ttlMs, MIN_TTL_MS, MAX_TTL_MS),
      };
}

function positiveMs(duration: Duration | undefined): number | undefined {
  const ms = duration === undefined ? undefined : msFromDuration(duration);
  return ms !== undefined && ms > 0 ? ms : undefined;
}

function decodeRateLimit(signal: WireRateLimit): HealthSignal | string {
  const { requestsRemaining, tokensRemaining, retryAfter } = signal;
  const retryAfterMs = retryAfter === undefined ? undefined : msFromDuration(retryAfter);
  if (retryAfter !== undefined && (retryAfterMs === undefined || retryAfterMs < 0)) {
    return "retry_after is no wait";
  }
  return {
    kind: "rate-limit",
    requestsRemaining: remainingOf(requestsRemaining),
    tokensRemaining: remainingOf(tokensRemaining),
    retryAfterMs:
      retryAfterMs === undefined
        ? undefined
        : within(retryAfterMs, MIN_RETRY_AFTER_MS, MAX_RETRY_AFTER_MS),
  };
}

/** Who writes "no limit" as the largest number means plenty. */
function remainingOf(count: bigint | undefined): number | undefined {
  return count === undefined ? undefined : (wholeOf(count) ?? Number.MAX_SAFE_INTEGER);
}

const breakerStates = Object.entries(breakerNumbers) as readonly (readonly [
  BreakerSignal["state"],
  number,
])[];

function decodeBreaker(number: number): HealthSignal | string {
  const state = breakerStates.find(([, known]) => known === number)?.[0];
  return state === undefined ? "unknown state of a breaker" : { kind: "breaker", state };
}

function decodeLoad(load: WireLoad): HealthSignal | string {
  const { runningRequests, waitingRequests, kvCacheUsage, prefixCacheHitRate } = load;
  if (!isShare(kvCacheUsage) || !isShare(prefixCacheHitRate)) {
    return "a share is not within 0 and 1";
  }
  return { kind: "load", runningRequests, waitingRequests, kvCacheUsage, prefixCacheHitRate };
}

/** NaN is none. */
function isShare(value: number | undefined): boolean {
  return value === undefined || (value >= 0 && value <= 1);
}

function decodeProbe({ passed, firstToken }: WireProbe): HealthSignal | string {
  if (firstToken === undefined) {
    return { kind: "probe", passed, firstTokenMs: undefined };
  }
  const firstTokenMs = msFromDuration(firstToken);
  return firstTokenMs === undefined || !(firstTokenMs >= 0 && firstTokenMs <= MAX_TTL_MS)
    ? "first_token is no wait"
    : { kind: "probe", passed, firstTokenMs };
}
