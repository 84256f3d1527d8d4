import type { Schedule } from "../domain/ports.ts";
import { RouterError } from "../domain/router-error.ts";

export type ActiveCall = {
  /** To be called on the call: ends its work, or refuses it if that has not begun. */
  end(reason: RouterError): void;
  readonly endless: boolean;
};

/** Knows the calls in flight of one listener, so that a drain can wait for them and end the rest. */
export type CallTracker = {
  add(call: ActiveCall): void;
  remove(call: ActiveCall): void;
  count(): number;
  /**
   * Ends endless calls, waits up to `graceMs` for the others, ends them too, and waits a moment for
   * their last words.
   */
  drain(graceMs: number): Promise<void>;
};

/** For a call to end after its abort, and its status to be written. */
const LAST_WORDS_MS = 1_000;

export function createCallTracker(schedule: Schedule): CallTracker {
  const calls = new Set<ActiveCall>();
  const waiters = new Set<() => void>();

  function endAll(which: (call: ActiveCall) => boolean): void {
    for (const call of [...calls].filter(which)) {
      call.end(new RouterError("shutting-down", "The server is shutting down."));
    }
  }

  /** Resolves when nothing is in flight, or after `atMostMs`. */
  function idle(atMostMs: number): Promise<void> {
    if (calls.size === 0) {
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const done = () => {
        callOff();
        waiters.delete(done);
        resolve();
      };
      const callOff = schedule(atMostMs, done);
      waiters.add(done);
    });
  }

  return {
    add(call) {
      calls.add(call);
    },
    remove(call) {
      calls.delete(call);
      if (calls.size === 0) {
        for (const done of [...waiters]) {
          done();
        }
      }
    },
    count: () => calls.size,
    async drain(graceMs) {
      endAll(({ endless }) => endless);
      await idle(graceMs);
      endAll(() => true);
      await idle(LAST_WORDS_MS);
    },
  };
}
