import type { CallFilter, CallHistory, CallKind, Pause, RecordedCall } from "../domain/ledger.ts";
import type { CallSink } from "../domain/ports.ts";
import { routerErrors } from "../domain/router-error.ts";
import { createBest } from "./best.ts";
import { recordedCallOf } from "./recorded-call.ts";
import { createRing, type RingWalk } from "./ring.ts";

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

/** Calls of a look-up that are looked at in one turn of the event loop: some 2 ms. */
const PIECE = 2_048;

/**
 * The calls that somebody may ask about.
 *
 * Those worth a question are few among many, so slow calls, failed ones, those that failed before any
 * endpoint was asked, and those with several attempts have rings of their own, a quarter of the capacity
 * each: a busy minute pushes none of them out. Calls that were refused to their caller are in such a ring
 * and in no other: a client that asks for what there is not pushes out refusals only.
 *
 * A look-up walks all of them, at most two and a quarter times the capacity: people ask seldom, and an
 * index would cost every call. Every ring is in the order in which calls ended, so the walk merges them as it goes, sorts
 * nothing, and waits for `pause` between pieces. Calls that end meanwhile are not looked at; those that
 * are forgotten meanwhile may be left out.
 */
export function createRecentCalls({ capacity, slowMs }: RecentCallsOptions): RecentCalls {
  const { push, walk } = createMemory(capacity, slowMs);
  return {
    capacity,
    slowMs,
    record(call, end) {
      if (capacity > 0) {
        push(recordedCallOf(call, end));
      }
    },
    async find(key, limit, pause) {
      const found = new Map<string, RecordedCall>();
      await walk((call) => {
        if ((call.id.startsWith(key) || call.trace.traceId === key) && !found.has(call.id)) {
          found.set(call.id, call);
        }
        return found.size < limit ? "more" : "enough";
      }, pause);
      return [...found.values()];
    },
    async list(filter, pause) {
      const isBefore = filter.kind === "slow" ? isLonger : isNewer;
      const best = createBest<RecordedCall>(filter.limit, isBefore);
      const wanted = { ...filter, model: filter.model.toLowerCase() };
      let matched = 0;
      await walk((call) => {
        if (matches(call, wanted)) {
          matched += 1;
          best.offer(call);
        }
        return "more";
      }, pause);
      return { calls: best.items(), matched };
    },
  };
}

function createMemory(capacity: number, slowMs: () => number) {
  const keptCapacity = Math.ceil(capacity * KEPT_SHARE);
  const newest = createRing<RecordedCall>(capacity);
  const slow = createRing<RecordedCall>(keptCapacity);
  const failed = createRing<RecordedCall>(keptCapacity);
  const unasked = createRing<RecordedCall>(keptCapacity);
  const refused = createRing<RecordedCall>(keptCapacity);
  const switched = createRing<RecordedCall>(keptCapacity);
  const rings = [newest, slow, failed, unasked, refused, switched];
  let recorded = 0;

  return {
    push(call: RecordedCall): void {
      const sequence = recorded;
      recorded += 1;
      if (isRefused(call)) {
        refused.push(call, sequence);
        return;
      }
      newest.push(call, sequence);
      if (call.timings.total > slowMs()) {
        slow.push(call, sequence);
      }
      if (isFailed(call)) {
        (call.attempts.length === 0 ? unasked : failed).push(call, sequence);
      }
      if (call.attempts.length > 1) {
        switched.push(call, sequence);
      }
    },

    /** Every call once, the last to end first, until `look` has seen enough. */
    async walk(look: (call: RecordedCall) => "more" | "enough", pause: Pause): Promise<void> {
      const next = mergeNewestFirst(rings.map((ring) => ring.walk()));
      let looked = 0;
      for (let call = next(); call !== undefined; call = next()) {
        if (look(call) === "enough") {
          return;
        }
        looked += 1;
        if (looked % PIECE === 0) {
          await pause();
        }
      }
    },
  };
}

/** Each call is in one ring or in several, always with the same number. */
function mergeNewestFirst(
  walks: readonly RingWalk<RecordedCall>[],
): () => RecordedCall | undefined {
  return () => {
    let greatest = -1;
    let call: RecordedCall | undefined;
    for (const walk of walks) {
      const sequence = walk.sequence();
      if (sequence > greatest) {
        greatest = sequence;
        call = walk.item();
      }
    }
    for (const walk of walks) {
      if (walk.sequence() === greatest) {
        walk.next();
      }
    }
    return call;
  };
}

/** They come in this order. */
function isNewer(): boolean {
  return false;
}

function isLonger({ timings: left }: RecordedCall, { timings: right }: RecordedCall): boolean {
  return left.total > right.total;
}

/** The model of the filter is in lower case. */
function matches(call: RecordedCall, filter: CallFilter): boolean {
  return (
    isOfKind[filter.kind](call) &&
    call.timings.total >= filter.minDurationMs &&
    (filter.operation === "" || call.operation === filter.operation) &&
    (filter.endpoint === "" || asked(call, filter.endpoint)) &&
    (filter.model === "" || isOfModel(call, filter.model))
  );
}

const isOfKind: Readonly<Record<CallKind, (call: RecordedCall) => boolean>> = {
  all: () => true,
  slow: () => true,
  failed: isFailed,
  refused: isRefused,
  fallback: ({ attempts }) => attempts.length > 1,
};

/** A caller who leaves is an everyday event, and so is one who asks for what there is not. */
function isFailed(call: RecordedCall): boolean {
  const { error } = call;
  return error !== undefined && error.code !== "canceled" && !isRefused(call);
}

/** To its caller, by whose doing no endpoint was asked. One who left was refused nothing. */
function isRefused({ error, attempts }: RecordedCall): boolean {
  return (
    error !== undefined &&
    attempts.length === 0 &&
    error.code !== "canceled" &&
    routerErrors[error.code].source === "caller"
  );
}

function asked({ attempts, decision }: RecordedCall, endpoint: string): boolean {
  return attempts.length === 0
    ? decision?.endpoint.id === endpoint
    : attempts.some((attempt) => attempt.endpoint.id === endpoint);
}

/** `name` is in lower case. */
function isOfModel({ model, attempts, decision }: RecordedCall, name: string): boolean {
  return (
    model.toLowerCase() === name ||
    decision?.endpoint.model.toLowerCase() === name ||
    attempts.some(({ endpoint }) => endpoint.model.toLowerCase() === name)
  );
}
