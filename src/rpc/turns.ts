import type { Pause } from "../domain/ledger.ts";
import type { Schedule } from "../domain/ports.ts";

/**
 * Lets long works take turns: the returned function resolves in a turn of the event loop of its own, in
 * the order of asking. However many works run, a turn has one piece of one of them.
 */
export function createPause(schedule: Schedule): Pause {
  const waiting: (() => void)[] = [];

  function turn(): void {
    waiting.shift()?.();
    if (waiting.length > 0) {
      schedule(0, turn);
    }
  }

  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      if (waiting.length === 1) {
        schedule(0, turn);
      }
    });
}

/** Runs one work at a time, in the order of asking: what each of them keeps meanwhile is kept once. */
export function createQueue(): <Result>(work: () => Promise<Result>) => Promise<Result> {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const result = last.then(work);
    last = result.catch(() => undefined);
    return result;
  };
}
