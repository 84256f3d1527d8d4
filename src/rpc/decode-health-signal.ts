import type { Duration } from "@bufbuild/protobuf/wkt";
import {
  type LoadSignal as WireLoad,
  type ProbeResult as WireProbe,
  type RateLimitSignal as WireRateLimit,
  type StateSignal as WireState,
  StateSignal_State as WireStateValue,
} from "../../gen/atlas/events/v1/health_report_pb.ts";
import type { PublishHealthRequest } from "../../gen/atlas/v1/scoring_service_pb.ts";
import type {
  LoadSignal,
  OutsideState,
  ProbeSignal,
  RateLimitSignal,
  StateSignal,
} from "../domain/health.ts";
import { msFromDuration } from "../wire/wire-time.ts";
import type { OutsideSignal } from "./shared-health.ts";
import type { Violations } from "./violations.ts";

const MAX_REASON_CHARS = 200;
/** A scorer that starts anew reads the last 31 minutes: what must hold for longer is told again. */
const MAX_TTL_MS = 30 * 60_000;
const MAX_RETRY_AFTER_MS = 60 * 60_000;
const MAX_FIRST_TOKEN_MS = 10 * 60_000;

/** Decodes what is told and adds everything wrong with it. Absent: nothing can be made of it. */
export function decodeHealthSignal(
  signal: PublishHealthRequest["signal"],
  violations: Violations,
): OutsideSignal | undefined {
  switch (signal.case) {
    case "state":
      return decodeState(signal.value, violations);
    case "rateLimit":
      return decodeRateLimit(signal.value, violations);
    case "load":
      return decodeLoad(signal.value, violations);
    case "probe":
      return decodeProbe(signal.value, violations);
    default:
      violations.add("signal", "is required");
      return undefined;
  }
}

const states: ReadonlyMap<number, OutsideState> = new Map<number, OutsideState>([
  [WireStateValue.UP, "up"],
  [WireStateValue.DEGRADED, "degraded"],
  [WireStateValue.DOWN, "down"],
  [WireStateValue.DRAINING, "draining"],
]);

function decodeState(
  { state: number, reason, ttl }: WireState,
  violations: Violations,
): StateSignal | undefined {
  const state = states.get(number);
  const ttlMs = ttl === undefined ? undefined : msFromDuration(ttl);
  if (state === undefined) {
    violations.add("state.state", "must be STATE_UP, STATE_DEGRADED, STATE_DOWN or STATE_DRAINING");
  }
  if (reason.length > MAX_REASON_CHARS) {
    violations.add("state.reason", `must have at most ${MAX_REASON_CHARS} characters`);
  }
  if (ttlMs === undefined || ttlMs <= 0 || ttlMs > MAX_TTL_MS) {
    violations.add("state.ttl", "must be above 0 and at most 30 minutes");
    return undefined;
  }
  return state && { kind: "state", state, reason, ttlMs };
}

function decodeRateLimit(
  { requestsRemaining, tokensRemaining, retryAfter }: WireRateLimit,
  violations: Violations,
): RateLimitSignal {
  if (requestsRemaining === undefined && tokensRemaining === undefined && !retryAfter) {
    violations.add("rate_limit", "must say something");
  }
  return {
    kind: "rate-limit",
    requestsRemaining: countOf(requestsRemaining),
    tokensRemaining: countOf(tokensRemaining),
    retryAfterMs: waitOf(retryAfter, MAX_RETRY_AFTER_MS, () =>
      violations.add("rate_limit.retry_after", "must be from 0 to 1 hour"),
    ),
  };
}

function decodeLoad(
  { runningRequests, waitingRequests, kvCacheUsage, prefixCacheHitRate }: WireLoad,
  violations: Violations,
): LoadSignal {
  const shares = { kv_cache_usage: kvCacheUsage, prefix_cache_hit_rate: prefixCacheHitRate };
  for (const [field, share] of Object.entries(shares)) {
    // Written so that NaN is outside.
    if (share !== undefined && !(share >= 0 && share <= 1)) {
      violations.add(`load.${field}`, "must be from 0 to 1");
    }
  }
  return { kind: "load", runningRequests, waitingRequests, kvCacheUsage, prefixCacheHitRate };
}

function decodeProbe({ passed, firstToken }: WireProbe, violations: Violations): ProbeSignal {
  if (!passed && firstToken !== undefined) {
    violations.add("probe.first_token", "must be absent from a probe that failed");
  }
  const firstTokenMs = waitOf(firstToken, MAX_FIRST_TOKEN_MS, () =>
    violations.add("probe.first_token", "must be from 0 to 10 minutes"),
  );
  return { kind: "probe", passed, firstTokenMs };
}

/** Nobody has more left than a double counts exactly. */
function countOf(count: bigint | undefined): number | undefined {
  return count === undefined ? undefined : Math.min(Number(count), Number.MAX_SAFE_INTEGER);
}

function waitOf(
  duration: Duration | undefined,
  mostMs: number,
  refuse: () => void,
): number | undefined {
  if (duration === undefined) {
    return undefined;
  }
  const ms = msFromDuration(duration);
  if (ms === undefined || ms < 0 || ms > mostMs) {
    refuse();
  }
  return ms;
}
