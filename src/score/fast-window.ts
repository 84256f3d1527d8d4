import { createResultRing } from "./result-ring.ts";

/**
 * Whether the last 30 seconds are bad enough to try an endpoint after its peers.
 *
 * Thirty minutes of good answers hide an outage for a quarter of an hour. Counters of 5 s beside them
 * show it at once. They may only demote: nothing that is published is computed from them, and no
 * breaker opens by them. A minute is kept, so that results that come late find their place.
 */
export type FastWindow = {
  /** Results of one bin, which is `floor(epoch ms / 5,000)`. */
  addResults(bin: number, successes: number, failures: number): void;
  read(bin: number): RecentResults;
  clear(): void;
  heldBytes(): number;
};

export type RecentResults = { readonly successes: number; readonly failures: number };

export const BIN_MS = 5_000;

const BINS = 12;

/** The newest of them is running, so that nothing older than 30 s counts. */
const RECENT_BINS = 6;

/** Half of fewer would be a coin or two. */
const MIN_RESULTS = 10;

/** Without a single success fewer are enough. */
const MIN_FAILURES_ALONE = 5;

export function binOf(nowMs: number): number {
  return Math.floor(nowMs / BIN_MS);
}

export function createFastWindow(): FastWindow {
  const ring = createResultRing(BINS);
  return {
    addResults(bin, successes, failures) {
      ring.add(bin, successes, failures);
    },
    read(bin) {
      let successes = 0;
      let failures = 0;
      for (let past = bin - RECENT_BINS + 1; past <= bin; past++) {
        successes += ring.successes(past);
        failures += ring.failures(past);
      }
      return { successes, failures };
    },
    clear: () => ring.clear(),
    heldBytes: () => ring.heldBytes(),
  };
}

/** At least half of at least 10 results failed, or all of at least 5. */
export function isDegraded({ successes, failures }: RecentResults): boolean {
  const results = successes + failures;
  return (
    (results >= MIN_RESULTS && failures * 2 >= results) ||
    (results >= MIN_FAILURES_ALONE && successes === 0)
  );
}
