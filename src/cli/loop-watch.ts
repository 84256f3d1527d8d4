import type { ArrivedMs } from "../attempt/attempt-trace.ts";
import type { NowMs } from "../domain/ports.ts";

/** Knows what has waited because the event loop was busy. */
export type LoopWatch = {
  readonly arrivedMs: ArrivedMs;
  stop(): void;
};

export type LoopPorts = {
  readonly nowMs: NowMs;
  /** Runs `task` again and again, as a timer does: before the loop reads what has arrived. */
  readonly repeat: (everyMs: number, task: () => void) => () => void;
  /** Runs `task` once, after the loop has read what has arrived. */
  readonly afterReading: (task: () => void) => void;
};

/** What waits can be told to this much, and a process that does nothing else hardly notices. */
const TICK_MS = 10;

/**
 * Timers keep whole milliseconds, and a busy turn or a collection of garbage takes a few: less is no wait worth
 * the name, and a loop that is never late by more leaves every time as it was measured.
 */
const LEAST_WAIT_MS = 5;

/**
 * What the loop reads was there at the earliest when its timer was due in vain: until then the loop had turns.
 *
 * A tick that comes late is followed by the one reading of all that has waited since it was due. What is
 * read after that has waited for nothing. Within a wait nobody knows when something arrived, so the whole of it
 * is taken to be ours.
 */
export function createLoopWatch({ nowMs, repeat, afterReading }: LoopPorts): LoopWatch {
  let dueMs = nowMs() + TICK_MS;
  let nextDueMs = dueMs;

  function caughtUp(): void {
    dueMs = nextDueMs;
  }

  const stop = repeat(TICK_MS, () => {
    const atMs = nowMs();
    nextDueMs = atMs + TICK_MS;
    if (atMs - dueMs < LEAST_WAIT_MS) {
      caughtUp();
    } else {
      afterReading(caughtUp);
    }
  });
  return {
    arrivedMs: (atMs) => (atMs - dueMs < LEAST_WAIT_MS ? atMs : dueMs),
    stop,
  };
}

/** Watches the loop of this process, which it does not keep alive. */
export function watchLoop(nowMs: NowMs): LoopWatch {
  return createLoopWatch({
    nowMs,
    repeat(everyMs, task) {
      const timer = setInterval(task, everyMs).unref();
      return () => clearInterval(timer);
    },
    // One that is not waited for would let the loop sleep first.
    afterReading: (task) => void setImmediate(task),
  });
}
