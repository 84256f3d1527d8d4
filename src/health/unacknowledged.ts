import type { OutgoingReport } from "../domain/bus.ts";
import { REPLAY_WINDOW } from "../score/replay-window.ts";

/**
 * Reports that were tried, until somebody knows that they are stored.
 *
 * Sequences ascend by one with every report that is added. `outbox.ts` says why there are bounds.
 */
export type Unacknowledged = {
  /** One more may be tried for the first time. */
  hasRoom(): boolean;
  /** Of the report that is added next. */
  nextSequence(): number;
  /** It is under way. From `untilMs` on nobody counts it. */
  add(report: OutgoingReport, untilMs: number): Sending;
  /** The oldest that failed, which is under way again. */
  nextRepeated(nowMs: number): Sending | undefined;
  /** Nobody knows whether it is stored. */
  retry(sending: Sending): void;
  forget(sending: Sending): void;
  stats(): UnacknowledgedStats;
};

export type Sending = {
  readonly sequence: number;
  readonly report: OutgoingReport;
};

export type UnacknowledgedStats = {
  /** Tried and not acknowledged, of which `inFlight` are under way. */
  readonly unacknowledged: number;
  readonly inFlight: number;
  /** Tried and not acknowledged before nobody would count them. */
  readonly lapsed: number;
};

/** As many as readers remember: the more are answered together, the fewer times the process wakes. */
export const MAX_IN_FLIGHT = REPLAY_WINDOW;

type Tried = Sending & { readonly untilMs: number; isInFlight: boolean };

export function createUnacknowledged(): Unacknowledged {
  /** Sequences ascend; never more than `REPLAY_WINDOW`. */
  let reports: Tried[] = [];
  let inFlight = 0;
  let lastSequence = 0;
  let lapsed = 0;

  function dropLapsed(nowMs: number): void {
    const kept = reports.filter(({ isInFlight, untilMs }) => isInFlight || untilMs > nowMs);
    lapsed += reports.length - kept.length;
    reports = kept;
  }

  /** Where it is among the reports; -1: it was settled before. */
  function settle({ sequence }: Sending): number {
    const index = reports.findIndex((other) => other.sequence === sequence);
    const tried = reports[index];
    if (tried === undefined || !tried.isInFlight) {
      return -1;
    }
    tried.isInFlight = false;
    inFlight -= 1;
    return index;
  }

  return {
    hasRoom() {
      const oldest = reports[0]?.sequence ?? lastSequence + 1;
      return inFlight < MAX_IN_FLIGHT && lastSequence + 1 - oldest < REPLAY_WINDOW;
    },
    nextSequence: () => lastSequence + 1,
    add(report, untilMs) {
      lastSequence += 1;
      inFlight += 1;
      const tried = { sequence: lastSequence, report, untilMs, isInFlight: true };
      reports.push(tried);
      return tried;
    },
    nextRepeated(nowMs) {
      if (inFlight >= MAX_IN_FLIGHT || reports.length === inFlight) {
        return undefined;
      }
      dropLapsed(nowMs);
      const tried = reports.find(({ isInFlight }) => !isInFlight);
      if (tried !== undefined) {
        tried.isInFlight = true;
        inFlight += 1;
      }
      return tried;
    },
    retry(sending) {
      settle(sending);
    },
    forget(sending) {
      const index = settle(sending);
      if (index >= 0) {
        reports.splice(index, 1);
      }
    },
    stats: () => ({ unacknowledged: reports.length, inFlight, lapsed }),
  };
}
