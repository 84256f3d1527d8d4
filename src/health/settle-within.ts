import type { Schedule } from "../domain/ports.ts";

/** Resolves when the promise has settled either way, or after `limitMs`. Never rejects. */
export function settleWithin(
  promise: Promise<unknown>,
  limitMs: number,
  schedule: Schedule,
): Promise<void> {
  return new Promise((resolve) => {
    const cancel = schedule(limitMs, resolve);
    const settled = () => {
      cancel();
      resolve();
    };
    promise.then(settled, settled);
  });
}
