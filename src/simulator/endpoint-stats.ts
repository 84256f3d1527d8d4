import type { FaultMode } from "./faults.ts";

export type EndpointStats = {
  readonly requests: number;
  /** Answered in full, without a fault. */
  readonly completed: number;
  /** The client went away first. Also counts clients that gave up on a stall. */
  readonly aborted: number;
  /** When clients went away, wall-clock milliseconds, the newest 100. */
  readonly abortedAtMs: readonly number[];
  /** Requests that met a fault or were refused, counted as it happens. */
  readonly failed: Readonly<Partial<Record<FaultMode, number>>>;
  /** Requests without an end yet. */
  readonly open: number;
};

export type StatsRecorder = {
  begin(): Visit;
  read(): EndpointStats;
  /** Zero, except for what is open. */
  reset(): void;
  /** Resolves when nothing is open. */
  whenIdle(): Promise<void>;
};

/** One request from its arrival to its end. */
export type Visit = {
  fail(mode: FaultMode): void;
  /** Called once; `leftAtMs` when the client went away before its answer was complete. */
  end(leftAtMs?: number): void;
};

const MAX_ABORT_TIMES = 100;

export function createEndpointStats(): StatsRecorder {
  let requests = 0;
  let completed = 0;
  let aborted = 0;
  let abortedAtMs: number[] = [];
  let failed: Partial<Record<FaultMode, number>> = {};
  let open = 0;
  let waiters: (() => void)[] = [];

  function leave(atMs: number): void {
    aborted += 1;
    abortedAtMs = [...abortedAtMs, atMs].slice(-MAX_ABORT_TIMES);
  }

  function close(): void {
    open -= 1;
    if (open === 0) {
      const ready = waiters;
      waiters = [];
      for (const resolve of ready) {
        resolve();
      }
    }
  }

  return {
    begin() {
      requests += 1;
      open += 1;
      let hasFailed = false;
      return {
        fail(mode) {
          hasFailed = true;
          failed[mode] = (failed[mode] ?? 0) + 1;
        },
        end(leftAtMs) {
          if (leftAtMs !== undefined) {
            leave(leftAtMs);
          } else if (!hasFailed) {
            completed += 1;
          }
          close();
        },
      };
    },
    read: () => ({ requests, completed, aborted, abortedAtMs, failed: { ...failed }, open }),
    reset() {
      requests = open;
      completed = 0;
      aborted = 0;
      abortedAtMs = [];
      failed = {};
    },
    async whenIdle() {
      if (open > 0) {
        await new Promise<void>((resolve) => waiters.push(resolve));
      }
    },
  };
}
