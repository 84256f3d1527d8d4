import type { OutgoingReport } from "../domain/bus.ts";
import type { EndpointId } from "../domain/endpoint.ts";
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
  add(endpoint: EndpointId, report: OutgoingReport, untilMs: number): Sending;
  /** The oldest that failed, which is under way again. */
  nextRepeated(nowMs: number): Sending | undefined;
  /** Nobody knows whether it is stored. */
  retry(sending: Sending): void;
  /** As `retry`, but the bus took others meanwhile. True: `limit` times in a row, and it is forgotten. */
  passedOver(sending: Sending, limit: number): boolean;
  forget(sending: Sending): void;
  stats(): UnacknowledgedStats;
};

export type Sending = {
  readonly sequence: number;
  readonly endpoint: EndpointId;
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

type Tried = Sending & {
  readonly untilMs: number;
  isInFlight: boolean;
  /** In a row, up to now. */
  passedOver: number;
};

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

  /** Of the reports; absent: it was settled before. */
  function settle({ sequence }: Sending): Tried | undefined {
    const tried = reports.find((other) => other.sequence === sequence);
    if (!tried?.isInFlight) {
      return undefined;
    }
    tried.isInFlight = false;
    inFlight -= 1;
    return tried;
  }

  function remove(tried: Tried): void {
    reports.splice(reports.indexOf(tried), 1);
  }

  return {
    hasRoom() {
      const oldest = reports[0]?.sequence ?? lastSequence + 1;
      return inFlight < MAX_IN_FLIGHT && lastSequence + 1 - oldest < REPLAY_WINDOW;
    },
    nextSequence: () => lastSequence + 1,
    add(endpoint, report, untilMs) {
      lastSequence += 1;
      inFlight += 1;
      const sequence = lastSequence;
      const tried = { sequence, endpoint, report, untilMs, isInFlight: true, passedOver: 0 };
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
      const tried = settle(sending);
      if (tried !== undefined) {
        tried.passedOver = 0;
      }
    },
    passedOver(sending, limit) {
      const tried = settle(sending);
      if (tried === undefined || ++tried.passedOver < limit) {
        return false;
      }
      remove(tried);
      return true;
    },
    forget(sending) {
      const tried = settle(sending);
      if (tried !== undefined) {
        remove(tried);
      }
    },
    stats: () => ({ unacknowledged: reports.length, inFlight, lapsed }),
  };
}
