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
  /** A report of the endpoint failed, and is not acknowledged since. */
  hasFailed(endpoint: EndpointId): boolean;
  /** Grows with every report that had failed and is here no longer. */
  recoveries(): number;
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
  hasFailed: boolean;
  /** In a row, up to now. */
  passedOver: number;
};

type State = {
  /** Sequences ascend; never more than `REPLAY_WINDOW`. */
  reports: Tried[];
  inFlight: number;
  lastSequence: number;
  lapsed: number;
  /** Of `reports`. */
  failed: number;
  recoveries: number;
};

export function createUnacknowledged(): Unacknowledged {
  const state: State = {
    reports: [],
    inFlight: 0,
    lastSequence: 0,
    lapsed: 0,
    failed: 0,
    recoveries: 0,
  };
  return {
    hasRoom() {
      const { reports, inFlight, lastSequence } = state;
      const oldest = reports[0]?.sequence ?? lastSequence + 1;
      return inFlight < MAX_IN_FLIGHT && lastSequence + 1 - oldest < REPLAY_WINDOW;
    },
    nextSequence: () => state.lastSequence + 1,
    add: (endpoint, report, untilMs) => add(state, { endpoint, report, untilMs }),
    nextRepeated: (nowMs) => nextRepeated(state, nowMs),
    retry(sending) {
      const tried = settle(state, sending);
      if (tried !== undefined) {
        fail(state, tried);
        tried.passedOver = 0;
      }
    },
    passedOver: (sending, limit) => passedOver(state, sending, limit),
    forget(sending) {
      const tried = settle(state, sending);
      if (tried !== undefined) {
        remove(state, tried);
      }
    },
    hasFailed: (endpoint) =>
      state.failed > 0 &&
      state.reports.some((tried) => tried.hasFailed && tried.endpoint === endpoint),
    recoveries: () => state.recoveries,
    stats() {
      const { reports, inFlight, lapsed } = state;
      return { unacknowledged: reports.length, inFlight, lapsed };
    },
  };
}

function add(state: State, report: Pick<Tried, "endpoint" | "report" | "untilMs">): Tried {
  state.lastSequence += 1;
  state.inFlight += 1;
  const sequence = state.lastSequence;
  const tried = { sequence, ...report, isInFlight: true, hasFailed: false, passedOver: 0 };
  state.reports.push(tried);
  return tried;
}

function nextRepeated(state: State, nowMs: number): Tried | undefined {
  if (state.inFlight >= MAX_IN_FLIGHT || state.reports.length === state.inFlight) {
    return undefined;
  }
  dropLapsed(state, nowMs);
  const tried = state.reports.find(({ isInFlight }) => !isInFlight);
  if (tried !== undefined) {
    tried.isInFlight = true;
    state.inFlight += 1;
  }
  return tried;
}

/** What is not in flight has failed. */
function dropLapsed(state: State, nowMs: number): void {
  const { reports } = state;
  const kept = reports.filter(({ isInFlight, untilMs }) => isInFlight || untilMs > nowMs);
  const dropped = reports.length - kept.length;
  state.lapsed += dropped;
  recover(state, dropped);
  state.reports = kept;
}

function passedOver(state: State, sending: Sending, limit: number): boolean {
  const tried = settle(state, sending);
  if (tried === undefined) {
    return false;
  }
  fail(state, tried);
  tried.passedOver += 1;
  const isOver = tried.passedOver >= limit;
  if (isOver) {
    remove(state, tried);
  }
  return isOver;
}

/** Of the reports; absent: it was settled before. */
function settle(state: State, { sequence }: Sending): Tried | undefined {
  const tried = state.reports.find((other) => other.sequence === sequence);
  if (!tried?.isInFlight) {
    return undefined;
  }
  tried.isInFlight = false;
  state.inFlight -= 1;
  return tried;
}

function fail(state: State, tried: Tried): void {
  state.failed += tried.hasFailed ? 0 : 1;
  tried.hasFailed = true;
}

function remove(state: State, tried: Tried): void {
  state.reports.splice(state.reports.indexOf(tried), 1);
  recover(state, tried.hasFailed ? 1 : 0);
}

function recover(state: State, reports: number): void {
  state.failed -= reports;
  state.recoveries += reports;
}
