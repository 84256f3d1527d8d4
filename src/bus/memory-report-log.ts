import {
  BusUnavailable,
  type FollowOptions,
  type OutgoingReport,
  type ReportLog,
  type StoredReport,
} from "../domain/bus.ts";
import { DUPLICATE_WINDOW_MS, reportProblem } from "../domain/bus-rules.ts";
import type { Log, NowMs, Schedule } from "../domain/ports.ts";

export type MemoryReportLog = ReportLog & { close(): void };

export type MemoryReportLogOptions = {
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly log: Log;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
};

type Following = {
  readonly options: FollowOptions;
  /** Sequence of the next report to hand out. */
  next: number;
  /** Sequence of the last report stored when following began. */
  readonly target: number;
  stage: "starting" | "catching-up" | "following" | "stopped";
  /** A run is under way or will be. */
  awake: boolean;
  cancel: () => void;
};

type Store = MemoryReportLogOptions & {
  readonly streamEpoch: number;
  readonly reports: StoredReport[];
  /** What is stored by id, in the order of the times. */
  readonly seen: Map<string, Pick<StoredReport, "storedAtMs" | "sequence">>;
  readonly followings: Set<Following>;
  /** Index in `reports` of the oldest kept. */
  head: number;
  bytes: number;
  lastSequence: number;
  lastStoredAtMs: number;
  closed: boolean;
};

/** A report's own objects and its place in the tables, beside its bytes. */
const OVERHEAD_BYTES = 256;

/** Handed out in one go: some milliseconds of work of whoever takes them. */
const RUN_LENGTH = 256;

/** What is dropped from the front leaves its place in the array until this many have gone. */
const COMPACT_AT = 1_024;

/**
 * The stream of reports in memory.
 *
 * Sequences are without gaps, so a report's place in the array follows from its sequence. Followers run
 * in a microtask of their own, `RUN_LENGTH` reports at a time: a replay of all that is kept leaves the
 * event loop to others in between.
 */
export function createMemoryReportLog(options: MemoryReportLogOptions): MemoryReportLog {
  const store: Store = {
    ...options,
    streamEpoch: Math.floor(options.nowMs()),
    reports: [],
    seen: new Map(),
    followings: new Set(),
    head: 0,
    bytes: 0,
    lastSequence: 0,
    lastStoredAtMs: 0,
    closed: false,
  };
  return {
    async publish(report) {
      const problem = reportProblem(report);
      if (problem !== undefined) {
        throw new RangeError(problem);
      }
      if (store.closed) {
        throw new BusUnavailable("the bus is closed");
      }
      return keep(store, report);
    },
    follow(followOptions) {
      const following = createFollowing(store, followOptions);
      if (!store.closed) {
        store.followings.add(following);
        wake(store, following);
      }
      return {
        lag: () => store.lastSequence + 1 - Math.max(following.next, firstSequence(store)),
        stop: async () => stop(store, following),
      };
    },
    close() {
      store.closed = true;
      for (const following of store.followings) {
        stop(store, following);
      }
    },
  };
}

function timeOf(store: Store): number {
  return Math.max(Math.floor(store.nowMs()), store.lastStoredAtMs);
}

function firstSequence({ lastSequence, reports, head }: Store): number {
  return lastSequence - (reports.length - head) + 1;
}

/** The sequence under which it is stored, now or before. */
function keep(store: Store, report: OutgoingReport): number {
  const storedAtMs = timeOf(store);
  forgetIds(store, storedAtMs);
  const known = store.seen.get(report.id);
  if (known !== undefined) {
    return known.sequence;
  }
  const sequence = ++store.lastSequence;
  store.seen.set(report.id, { storedAtMs, sequence });
  store.lastStoredAtMs = storedAtMs;
  store.reports.push({
    token: report.token,
    sequence,
    storedAtMs,
    // A copy: the sender may use its buffer again.
    bytes: report.bytes.slice(),
    headers: { ...report.headers },
  });
  store.bytes += report.bytes.length + OVERHEAD_BYTES;
  trim(store, storedAtMs);
  for (const following of store.followings) {
    wake(store, following);
  }
  return sequence;
}

function forgetIds({ seen }: Store, nowMs: number): void {
  for (const [id, { storedAtMs }] of seen) {
    if (storedAtMs > nowMs - DUPLICATE_WINDOW_MS) {
      return;
    }
    seen.delete(id);
  }
}

function trim(store: Store, nowMs: number): void {
  const { reports, maxBytes, maxAgeMs } = store;
  for (let oldest = reports[store.head]; oldest !== undefined; oldest = reports[store.head]) {
    if (store.bytes <= maxBytes && oldest.storedAtMs > nowMs - maxAgeMs) {
      break;
    }
    store.bytes -= oldest.bytes.length + OVERHEAD_BYTES;
    store.head++;
  }
  if (store.head >= COMPACT_AT && store.head * 2 >= reports.length) {
    reports.splice(0, store.head);
    store.head = 0;
  }
}

function createFollowing(store: Store, options: FollowOptions): Following {
  trim(store, timeOf(store));
  const { sinceMs = Number.POSITIVE_INFINITY } = options;
  const { reports, head, lastSequence } = store;
  const index = reports.findIndex((report, at) => at >= head && report.storedAtMs >= sinceMs);
  return {
    options,
    next: index === -1 ? lastSequence + 1 : firstSequence(store) + index - head,
    target: lastSequence,
    stage: store.closed ? "stopped" : "starting",
    awake: false,
    cancel: () => {},
  };
}

function wake(store: Store, following: Following): void {
  if (!following.awake) {
    following.awake = true;
    queueMicrotask(() => run(store, following));
  }
}

function run(store: Store, following: Following): void {
  const { options } = following;
  if (following.stage === "starting") {
    following.stage = "catching-up";
    guarded(store, "began", () => options.began(store.streamEpoch));
  }
  handOut(store, following);
  if (following.stage === "catching-up" && following.next > following.target) {
    following.stage = "following";
    guarded(store, "caughtUp", options.caughtUp);
  }
  following.awake = following.stage !== "stopped" && following.next <= store.lastSequence;
  if (following.awake) {
    following.cancel = store.schedule(0, () => run(store, following));
  }
}

function handOut(store: Store, following: Following): void {
  for (let count = 0; count < RUN_LENGTH && following.stage !== "stopped"; count++) {
    // Whoever is slower than the bounds of the store misses what they dropped.
    following.next = Math.max(following.next, firstSequence(store));
    const report = store.reports[store.head + following.next - firstSequence(store)];
    if (report === undefined) {
      return;
    }
    following.next++;
    guarded(store, "take", () => following.options.take(report));
  }
}

function stop(store: Store, following: Following): void {
  following.stage = "stopped";
  following.cancel();
  store.followings.delete(following);
}

function guarded({ log }: Store, what: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    log("error", `a follower of health reports threw in ${what}`, { error });
  }
}
