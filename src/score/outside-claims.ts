import { type OutsideClaim, type OutsideState, outsideStates } from "../domain/health.ts";
import type { CanonicalBytes } from "./canonical-bytes.ts";
import { MINUTE_MS, minuteOf, WINDOW_MINUTES } from "./uptime.ts";

/**
 * What outside sources claimed about one endpoint in the last 30 minutes.
 *
 * The newest claim stands until it lapses, and an older one does not come back. A claim speaks for the
 * minute it counts from and for every later one that begins before it lapses, up to the minute of a newer
 * claim. What it spoke for stays when it lapses: which minutes these are follows from the claims alone, and
 * not from when somebody asks. They leave together, with the minute it counts from, because a claim that is
 * older than 30 minutes is unknown to whoever has just read the stream. Of one minute the newest claim is
 * kept, so a flood of claims takes no room. Claims are ordered by the time they count from; of two with the
 * same time the one that was added later is the newer.
 */
export type OutsideClaims = {
  /** It counts from `sinceMs` and lapses at most `MAX_CLAIM_MS` later. */
  add(claim: OutsideClaim, sinceMs: number): void;
  current(nowMs: number): OutsideClaim | undefined;
  /** Absent: nobody speaks for that minute. Of one that is not over a claim may yet tell something else. */
  stateIn(minute: number): OutsideState | undefined;
  /** Drops what is older than the 30 minutes before `minute`. */
  prune(minute: number): void;
  isEmpty(): boolean;
  write(bytes: CanonicalBytes): void;
};

/** Replaying the stream shows claims of the last half hour alone, so none may matter for longer. */
export const MAX_CLAIM_MS = 30 * 60_000;

type Entry = { readonly minute: number; readonly sinceMs: number; readonly claim: OutsideClaim };

export function createOutsideClaims(): OutsideClaims {
  /** By minute, ascending; one for each. */
  let entries: readonly Entry[] = [];

  function prune(minute: number): void {
    if (entries[0] !== undefined && entries[0].minute < minute - WINDOW_MINUTES) {
      entries = entries.filter((entry) => entry.minute >= minute - WINDOW_MINUTES);
    }
  }

  return {
    add(claim, sinceMs) {
      const entry = { minute: minuteOf(sinceMs), sinceMs, claim };
      const rival = entries.find(({ minute }) => minute === entry.minute);
      if (rival !== undefined && rival.sinceMs > sinceMs) {
        return;
      }
      entries = [...entries.filter((held) => held !== rival), entry].sort(
        (a, b) => a.minute - b.minute,
      );
      for (const { minute } of entries.slice(-1)) {
        prune(minute);
      }
    },
    current(nowMs) {
      const newest = entries.at(-1);
      return newest !== undefined && newest.claim.untilMs > nowMs ? newest.claim : undefined;
    },
    stateIn(minute) {
      const entry = entries.findLast((held) => held.minute <= minute);
      return entry !== undefined && entry.claim.untilMs > minute * MINUTE_MS
        ? entry.claim.state
        : undefined;
    },
    prune,
    isEmpty: () => entries.length === 0,
    write(bytes) {
      bytes.number(entries.length);
      for (const { sinceMs, claim } of entries) {
        bytes.number(sinceMs);
        bytes.number(claim.untilMs);
        bytes.number(outsideStates.indexOf(claim.state));
        bytes.text(claim.reason);
      }
    },
  };
}
