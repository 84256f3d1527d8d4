import type { Random, Schedule } from "../domain/ports.ts";

export type Pauses = {
  /** Resolves after the time, or at once when `end` is or was called. */
  pause(ms: number): Promise<void>;
  /** How long to wait before a try after `failures` failures in a row. */
  backoffMs(failures: number): number;
  end(): void;
};

const FIRST_BACKOFF_MS = 250;

/**
 * All replicas show equal scores 5 s after a server is back: what lies between, from the outbox to the
 * readers, takes up to 3 s of it.
 */
const MAX_BACKOFF_MS = 1_000;

/** Waiting that can be called off as a whole, so that nothing keeps a process alive that ends. */
export function createPauses(schedule: Schedule, random: Random): Pauses {
  const sleepers = new Set<() => void>();
  let ended = false;
  return {
    pause(ms) {
      if (ended) {
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        const wake = () => {
          cancel();
          sleepers.delete(wake);
          resolve();
        };
        const cancel = schedule(ms, wake);
        sleepers.add(wake);
      });
    },
    backoffMs(failures) {
      const ceiling = Math.min(MAX_BACKOFF_MS, FIRST_BACKOFF_MS * 2 ** Math.min(failures, 10));
      // From half the ceiling on: replicas that lost the same server do not come back as one.
      return Math.round(ceiling * (0.5 + random() / 2));
    },
    end() {
      ended = true;
      for (const wake of [...sleepers]) {
        wake();
      }
    },
  };
}
