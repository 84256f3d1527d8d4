import type { LeaseTable } from "../domain/bus.ts";
import { type Canceller, type CancelSignal, createCanceller } from "../domain/cancel.ts";
import type { Endpoint } from "../domain/catalog.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { ProbeSignal } from "../domain/health.ts";
import type { Log, NowMs, Random, Schedule } from "../domain/ports.ts";
import { createLeaseHolder } from "./lease-holder.ts";
import { settleWithin } from "./settle-within.ts";
import { createSpendBudget, type SpendBudget } from "./spend-budget.ts";

/**
 * Asks endpoints that nobody calls whether they work.
 *
 * One process of the fleet probes at a time, and only endpoints without calls anywhere for `idleMs`: what
 * calls tell is better and costs nothing. Calls of others show in the scores alone, so nothing is probed
 * while those are old; nobody would fold what comes of it either. A probe passes by breakers, limits and
 * windows altogether, so it opens nothing again that calls have closed; it is told as a signal of its own
 * kind, and what it is good for is the reader's affair.
 */
export type Prober = {
  stats(): ProberStats;
  /** Breaks off what runs, tells nothing of it, and gives the lease back. Never rejects. */
  close(): Promise<void>;
};

export type ProberStats = {
  readonly leading: boolean;
  readonly running: number;
  readonly passed: number;
  readonly failed: number;
  /** Answers that say nothing about health. */
  readonly silent: number;
  /** Left out because nobody knows what they would cost. */
  readonly unpriced: number;
  /** Left out because the allowance was used up. */
  readonly unaffordable: number;
};

/** What came of one probe. */
export type ProbeResult = {
  /** Absent: it says nothing about the endpoint's health. */
  readonly signal: ProbeSignal | undefined;
  /** Absent: not told, and what was booked stands. */
  readonly costNanoUsd: number | undefined;
};

export type ProberOptions = {
  readonly leases: LeaseTable;
  /** Name of this process; unique in the fleet. */
  readonly owner: string;
  /** Those to be probed when they are idle. Asked anew each second. */
  readonly endpoints: () => readonly Endpoint[];
  /**
   * Epoch milliseconds of the last call known, here or elsewhere; absent: none is known. Asked for each
   * endpoint each second, whoever probes.
   */
  readonly lastTrafficMs: (endpoint: EndpointId) => number | undefined;
  /** Epoch milliseconds up to which that tells of calls elsewhere; 0: of none. */
  readonly knownUntilMs: () => number;
  /** Runs until it is told to stop; a rejection is a defect. */
  readonly probe: (endpoint: Endpoint, signal: CancelSignal) => Promise<ProbeResult>;
  /** Tells the fleet. Must not throw. */
  readonly signal: (endpoint: EndpointId, signal: ProbeSignal) => void;
  /** The most that a probe can cost, in nano-USD; absent: unknown, which is too dear. */
  readonly costOf: (endpoint: Endpoint) => number | undefined;
  /** For all probes of 24 hours, 0 or more. */
  readonly dailyCapNanoUsd: number;
  readonly idleMs: number;
  /** Between two probes of an endpoint, give or take a fifth. */
  readonly intervalMs: number;
  readonly concurrency: number;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly log: Log;
};

const LEASE = "prober";
const LOOK_MS = 1_000;
/** Scorers publish every few seconds, and a call shows for as long: a shorter gap hides none. */
const MAX_UNKNOWN_MS = 30_000;
/** Keeps the probes of many endpoints from falling into step. */
const JITTER = 0.2;
/** An upstream closes within 50 ms of the abort; a defect must not hold back the end of the process. */
const CLOSE_MS = 1_000;

type Watched = {
  /** What happened before is not known: it was not among the endpoints, or no scores told of it. */
  readonly sinceMs: number;
  /** Of the next probe; absent while another process leads. */
  readonly dueMs: number | undefined;
};

type Attention = {
  readonly now: number;
  /** Without a call, as far as calls are known. */
  readonly quietMs: number;
  readonly dueMs: number | undefined;
  readonly allowance: SpendBudget;
};

export function startProber(options: ProberOptions): Prober {
  const { endpoints, nowMs, schedule, random, intervalMs } = options;
  const lease = createLeaseHolder({
    ...options,
    lease: LEASE,
    // Another process may hear of calls when this one does not.
    wants: () => endpoints().length > 0 && isInformed(options),
  });
  const runs = createRuns(options);
  const skipped = { unpriced: 0, unaffordable: 0 };
  const startedAtMs = nowMs();
  let watched = new Map<EndpointId, Watched>(
    endpoints().map(({ id }) => [id, { sinceMs: startedAtMs, dueMs: undefined }]),
  );
  let budget: SpendBudget | undefined;
  let cancel = schedule(LOOK_MS, look);

  function look(): void {
    cancel = schedule(LOOK_MS, look);
    const now = nowMs();
    const knownMs = Math.min(now, options.knownUntilMs());
    const informed = isInformed(options);
    const before = informed ? watched : NOBODY;
    const isLeading = informed && lease.holds();
    budget = isLeading ? (budget ?? createSpendBudget(options.dailyCapNanoUsd, now)) : undefined;
    const next = new Map<EndpointId, Watched>();
    for (const endpoint of endpoints()) {
      // Asked whether or not a probe is due, and by those who do not lead: who asks too rarely misses calls.
      const lastTrafficMs = options.lastTrafficMs(endpoint.id);
      const { sinceMs = now, dueMs } = before.get(endpoint.id) ?? {};
      const quietMs = knownMs - Math.max(lastTrafficMs ?? sinceMs, sinceMs);
      next.set(endpoint.id, {
        sinceMs,
        dueMs: budget && attend(endpoint, { now, quietMs, dueMs, allowance: budget }),
      });
    }
    watched = next;
  }

  /** Probes the endpoint if it may be. Returns when it may be next. */
  function attend(endpoint: Endpoint, { now, quietMs, dueMs, allowance }: Attention): number {
    // The first probes spread over the interval: a fleet must not be asked in one moment.
    const at = dueMs ?? now + random() * intervalMs;
    if (at > now || quietMs < options.idleMs || !hasRoomFor(endpoint.id)) {
      return at;
    }
    consider(endpoint, allowance, now);
    return now + intervalMs * (1 + JITTER * (2 * random() - 1));
  }

  function hasRoomFor(id: EndpointId): boolean {
    return runs.size() < options.concurrency && !runs.has(id);
  }

  function consider(endpoint: Endpoint, allowance: SpendBudget, now: number): void {
    const cost = options.costOf(endpoint);
    if (cost === undefined) {
      skipped.unpriced += 1;
    } else if (!allowance.take(cost, now)) {
      skipped.unaffordable += 1;
    } else {
      runs.start(endpoint, (actual) => allowance.settle(cost, actual));
    }
  }

  return {
    stats: () => ({ leading: lease.holds(), ...runs.stats(), ...skipped }),
    async close() {
      cancel();
      await runs.close();
      await lease.close();
    },
  };
}

const NOBODY: ReadonlyMap<EndpointId, Watched> = new Map();

/** False: others may have called anything. */
function isInformed({ nowMs, knownUntilMs }: ProberOptions): boolean {
  return nowMs() - knownUntilMs() <= MAX_UNKNOWN_MS;
}

type Run = { readonly canceller: Canceller; readonly done: Promise<void> };

type RunPorts = Pick<ProberOptions, "probe" | "signal" | "schedule" | "log">;

/** The probes under way. */
function createRuns({ probe, signal: tell, schedule, log }: RunPorts) {
  const running = new Map<EndpointId, Run>();
  const counts = { passed: 0, failed: 0, silent: 0 };

  function take(id: EndpointId, signal: ProbeSignal | undefined): void {
    if (signal === undefined) {
      counts.silent += 1;
      return;
    }
    counts[signal.passed ? "passed" : "failed"] += 1;
    tell(id, signal);
  }

  async function run(
    endpoint: Endpoint,
    stopped: CancelSignal,
    settle: (costNanoUsd: number) => void,
  ): Promise<void> {
    try {
      const { signal, costNanoUsd } = await probe(endpoint, stopped);
      if (costNanoUsd !== undefined) {
        settle(costNanoUsd);
      }
      if (!stopped.aborted) {
        take(endpoint.id, signal);
      }
    } catch (cause) {
      log("error", "a probe ended by a defect", { endpoint: endpoint.id, cause });
    } finally {
      running.delete(endpoint.id);
    }
  }

  return {
    size: () => running.size,
    has: (id: EndpointId) => running.has(id),
    stats: () => ({ running: running.size, ...counts }),
    start(endpoint: Endpoint, settle: (costNanoUsd: number) => void): void {
      const canceller = createCanceller();
      // Known before it runs: one that ends at once takes itself out.
      const done = Promise.resolve().then(() => run(endpoint, canceller.signal, settle));
      running.set(endpoint.id, { canceller, done });
    },
    async close(): Promise<void> {
      const ends = [...running.values()].map(({ canceller, done }) => {
        canceller.abort();
        return done;
      });
      await settleWithin(Promise.all(ends), CLOSE_MS, schedule);
    },
  };
}
