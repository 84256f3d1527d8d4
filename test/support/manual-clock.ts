import type { NowMs, Schedule } from "../../src/domain/ports.ts";

type Task = { readonly dueMs: number; readonly order: number; readonly run: () => void };

export type ManualClock = {
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  /** Moves time on and runs what falls due, in order, letting promises settle in between. */
  advance(byMs: number): Promise<void>;
  /** Tasks that wait: a test that ends with some has leaked timers. */
  pending(): number;
};

/** Time that moves only when told to. */
export function createManualClock(startMs = 1_800_000_000_000): ManualClock {
  let timeMs = startMs;
  let order = 0;
  let tasks: Task[] = [];

  async function settle(): Promise<void> {
    // Longer than any chain of promises between two timers.
    for (let turn = 0; turn < 20; turn++) {
      await Promise.resolve();
    }
  }

  function nextDue(untilMs: number): Task | undefined {
    return tasks
      .filter(({ dueMs }) => dueMs <= untilMs)
      .sort((left, right) => left.dueMs - right.dueMs || left.order - right.order)[0];
  }

  return {
    nowMs: () => timeMs,
    schedule(delayMs, run) {
      const task = { dueMs: timeMs + delayMs, order: order++, run };
      tasks.push(task);
      return () => {
        tasks = tasks.filter((other) => other !== task);
      };
    },
    async advance(byMs) {
      const untilMs = timeMs + byMs;
      await settle();
      for (let task = nextDue(untilMs); task !== undefined; task = nextDue(untilMs)) {
        const { dueMs, run } = task;
        tasks = tasks.filter((other) => other !== task);
        timeMs = Math.max(timeMs, dueMs);
        run();
        await settle();
      }
      timeMs = untilMs;
    },
    pending: () => tasks.length,
  };
}
