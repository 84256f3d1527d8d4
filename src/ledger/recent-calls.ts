import type { CallFilter, CallHistory, CallKind, RecordedCall } from "../domain/ledger.ts";
import type { CallSink } from "../domain/ports.ts";
import { recordedCallOf } from "./recorded-call.ts";
import { createRing } from "./ring.ts";

export type RecentCallsOptions = {
  /** Newest calls to remember; 0: none, and nothing else either. */
  readonly capacity: number;
  /** Calls that take longer are slow. */
  readonly slowMs: () => number;
};

export type RecentCalls = CallHistory & {
  /** Takes a call in constant time. */
  readonly record: CallSink;
};

/** Of the newest calls, for each kind that outlives them. */
const KEPT_SHARE = 1 / 4;

/**
 * The calls that somebody may ask about.
 *
 * Those worth a question are few among many, so slow calls, failed ones, refused ones and those with
 * several attempts have rings of their own, a quarter of the capacity each: a busy minute pushes none of
 * them out, and a client that asks for what there is not pushes out refusals only. A look-up walks all of
 * them, at most twice the capacity: people ask seldom, and an index would cost every call.
 */
export function createRecentCalls({ capacity, slowMs }: RecentCallsOptions): RecentCalls {
  const keptCapacity = Math.ceil(capacity * KEPT_SHARE);
  const newest = createRing<RecordedCall>(capacity);
  const slow = createRing<RecordedCall>(keptCapacity);
  const failed = createRing<RecordedCall>(keptCapacity);
  const refused = createRing<RecordedCall>(keptCapacity);
  const switched = createRing<RecordedCall>(keptCapacity);
  const rings = [newest, slow, failed, refused, switched];

  /** Each once, newest first. */
  function all(): RecordedCall[] {
    const distinct = new Set(rings.flatMap((ring) => ring.newestFirst()));
    return [...distinct].sort((left, right) => endedAtMs(right) - endedAtMs(left));
  }

  return {
    capacity,
    slowMs,
    record(call, end) {
      if (capacity === 0) {
        return;
      }
      const recorded = recordedCallOf(call, end);
      newest.push(recorded);
      if (recorded.timings.total > slowMs()) {
        slow.push(recorded);
      }
      if (isFailed(recorded)) {
        (recorded.attempts.length === 0 ? refused : failed).push(recorded);
      }
      if (recorded.attempts.length > 1) {
        switched.push(recorded);
      }
    },
    find: (key, limit) =>
      all()
        .filter(({ id, trace }) => id.startsWith(key) || trace.traceId === key)
        .slice(0, limit),
    list(filter) {
      const found = all().filter((call) => matches(call, filter));
      const ordered = filter.kind === "slow" ? found.sort(byDuration) : found;
      return { calls: ordered.slice(0, filter.limit), matched: found.length };
    },
  };
}

function endedAtMs({ receivedAtMs, timings }: RecordedCall): number {
  return receivedAtMs + timings.total;
}

function byDuration({ timings: left }: RecordedCall, { timings: right }: RecordedCall): number {
  return right.total - left.total;
}

function matches(call: RecordedCall, filter: CallFilter): boolean {
  return (
    isOfKind[filter.kind](call) &&
    call.timings.total >= filter.minDurationMs &&
    (filter.operation === "" || call.operation === filter.operation) &&
    (filter.endpoint === "" || endpointsOf(call).includes(filter.endpoint)) &&
    (filter.model === "" || modelsOf(call).includes(filter.model.toLowerCase()))
  );
}

const isOfKind: Readonly<Record<CallKind, (call: RecordedCall) => boolean>> = {
  all: () => true,
  slow: () => true,
  failed: isFailed,
  fallback: ({ attempts }) => attempts.length > 1,
};

/** A caller who leaves is an everyday event. */
function isFailed({ error }: RecordedCall): boolean {
  return error !== undefined && error.code !== "canceled";
}

function endpointsOf({ attempts, decision }: RecordedCall): readonly string[] {
  const asked = attempts.map(({ endpoint }) => endpoint.id);
  return asked.length === 0 && decision !== undefined ? [decision.endpoint.id] : asked;
}

function modelsOf({ model, attempts, decision }: RecordedCall): readonly string[] {
  const served = attempts.map(({ endpoint }) => endpoint.model);
  const planned = decision === undefined ? [] : [decision.endpoint.model];
  return [model, ...planned, ...served].map((name) => name.toLowerCase());
}
