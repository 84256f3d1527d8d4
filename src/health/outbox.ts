import type { OutgoingReport } from "../domain/bus.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { HealthSignal } from "../domain/health.ts";
import type { Observation } from "../domain/ports.ts";
import {
  type BacklogOptions,
  type BacklogStats,
  createDeltaBacklog,
  type DeltaBacklog,
  sliceLapsesAtMs,
} from "./delta-backlog.ts";
import { createRefusedEndpoints, type RefusedEndpoints } from "./refused-endpoints.ts";
import type { ReportOrigins } from "./report-origins.ts";
import type { SpanContext } from "./span-context.ts";
import {
  createUnacknowledged,
  type Sending,
  type Unacknowledged,
  type UnacknowledgedStats,
} from "./unacknowledged.ts";
import { createUrgentSignals, type UrgentSignal, type UrgentSignals } from "./urgent-signals.ts";

/**
 * What one producer has to tell, and in which order.
 *
 * A report whose fate is not known has to be sent again as it was: a bus that stored it drops the
 * second by its id, a folder by its sequence. So an item gets its sequence and bytes when it is tried
 * first, and keeps them until it is acknowledged; what comes later goes into another item. Until then
 * deltas merge and signals are replaced, which bounds what waits. For the same reason an endpoint of which a
 * report failed has no other tried for the first time until that one is settled: what is tried merges no more, and a
 * bus that is back may refuse it.
 *
 * A folder remembers the 64 sequences below the highest it saw. At most 64 reports are under way, and
 * none is tried 64 or more past the oldest that is not acknowledged: a report is never sent again when
 * nobody remembers whether it was counted. One that nobody would count any more is given up instead.
 *
 * So one that is never taken would stop all others. One that the bus refuses is given up, and so is one
 * that it passes over while it takes others. What else its endpoint has to tell waits as before, and one of it
 * is tried in a minute.
 *
 * Order: what failed, oldest first, else the window above would close; then signals; then deltas.
 */
export type Outbox = {
  /** O(1). */
  observe(observation: Observation): void;
  /** `origin` is the attempt that showed it, if its span is kept. */
  signal(endpoint: EndpointId, signal: UrgentSignal, nowMs: number, origin?: SpanContext): void;
  /** To be called at every multiple of `TURN_MS` for as long as `wantsTurns`. */
  turn(nowMs: number): void;
  wantsTurns(): boolean;
  /** All that waits falls due at once, also of endpoints that were refused or have one that failed: it is the end. */
  flush(nowMs: number): void;
  /** What to send next, which then is under way; `undefined` for the moment nothing. */
  next(nowMs: number): Sending | undefined;
  /** It is stored. */
  acknowledge(sending: Sending): void;
  /** Nobody knows: `next` hands it out again. */
  retry(sending: Sending): void;
  /** It never will be stored. */
  giveUp(sending: Sending): void;
  /** As `giveUp`, and so it is with whatever else is told of the endpoint for now. */
  refuse(sending: Sending, nowMs: number): void;
  /** As `retry`, but the bus took others meanwhile. True: for too long, and it is refused. */
  passOver(sending: Sending, nowMs: number): boolean;
  /** When `next` has more, though nothing is added; infinite: never. */
  resumesAtMs(): number;
  isEmpty(): boolean;
  stats(): OutboxStats;
};

/** What a report is made of when it is tried first. */
export type Draft = {
  readonly sequence: number;
  readonly endpoint: EndpointId;
  /** Of the endpoint; absent when it is not at hand. */
  readonly token: string | undefined;
  readonly observedAtMs: number;
  readonly signal: HealthSignal;
  /** Absent: no span is kept of what it tells. */
  readonly origins: ReportOrigins | undefined;
};

export type OutboxOptions = BacklogOptions & {
  /** Makes the message. Must not throw. */
  readonly freeze: (draft: Draft) => OutgoingReport;
};

export type OutboxStats = BacklogStats &
  UnacknowledgedStats & {
    /** Not tried yet. */
    readonly signals: number;
    /** Lapsed before they could be told, or beyond the limit. */
    readonly droppedSignals: number;
  };

const DEFAULT_MAX_ENDPOINTS = 10_000;

/**
 * Of one report, in a row, before it is refused; each takes about 8 s on NATS. Three servers whose leader
 * has lost the others go on answering for up to 20 s, though they store nothing.
 */
const MAX_PASSED_OVER = 5;

type State = {
  readonly freeze: OutboxOptions["freeze"];
  readonly backlog: DeltaBacklog;
  readonly urgent: UrgentSignals;
  readonly unacknowledged: Unacknowledged;
  readonly refused: RefusedEndpoints;
  /** Of the latest look for something new. */
  latestMs: number;
  isEnding: boolean;
  /** Of `unacknowledged`, after which signals were laid aside. */
  recoveries: number;
  readonly isDeltaHeld: (endpoint: EndpointId) => boolean;
  readonly isSignalHeld: (endpoint: EndpointId) => boolean;
};

export function createOutbox(options: OutboxOptions, nowMs: number): Outbox {
  const state = createState(options, nowMs);
  const { backlog, urgent, unacknowledged, refused } = state;
  return {
    observe: backlog.observe,
    signal: urgent.put,
    turn: backlog.turn,
    wantsTurns: backlog.wantsTurns,
    flush(atMs) {
      state.isEnding = true;
      refused.clear();
      resume(state);
      backlog.flush(atMs);
    },
    next: (atMs) => unacknowledged.nextRepeated(atMs) ?? freezeNext(state, atMs),
    acknowledge(sending) {
      unacknowledged.forget(sending);
      if (refused.accept(sending.endpoint)) {
        resume(state);
      }
    },
    giveUp: unacknowledged.forget,
    retry: unacknowledged.retry,
    refuse(sending, atMs) {
      unacknowledged.forget(sending);
      refused.refuse(sending.endpoint, atMs);
    },
    passOver(sending, atMs) {
      const limit = refused.has(sending.endpoint) ? 1 : MAX_PASSED_OVER;
      const isOver = unacknowledged.passedOver(sending, limit);
      if (isOver) {
        refused.refuse(sending.endpoint, atMs);
      }
      return isOver;
    },
    resumesAtMs: refused.resumesAtMs,
    isEmpty: () =>
      unacknowledged.stats().unacknowledged === 0 &&
      urgent.size() === 0 &&
      backlog.stats().deltas === 0,
    stats: () => ({
      ...backlog.stats(),
      ...unacknowledged.stats(),
      signals: urgent.size(),
      droppedSignals: urgent.dropped(),
    }),
  };
}

function createState(options: OutboxOptions, nowMs: number): State {
  const maxEndpoints = options.maxEndpoints ?? DEFAULT_MAX_ENDPOINTS;
  const refused = createRefusedEndpoints(maxEndpoints);
  const state: State = {
    freeze: options.freeze,
    backlog: createDeltaBacklog(options, nowMs),
    urgent: createUrgentSignals(maxEndpoints),
    unacknowledged: createUnacknowledged(),
    refused,
    latestMs: nowMs,
    isEnding: false,
    recoveries: 0,
    isDeltaHeld: (endpoint) =>
      waitsForOne(state, endpoint) || refused.isHeld(endpoint, state.latestMs),
    isSignalHeld: (endpoint) =>
      waitsForOne(state, endpoint) || refused.layAside(endpoint, state.latestMs),
  };
  return state;
}

function waitsForOne({ isEnding, unacknowledged }: State, endpoint: EndpointId): boolean {
  return !isEnding && unacknowledged.hasFailed(endpoint);
}

/** Signals that were laid aside come again. */
function resume({ refused, urgent }: State): void {
  refused.resume();
  urgent.release();
}

function freezeNext(state: State, atMs: number): Sending | undefined {
  const { unacknowledged, urgent, backlog, refused, freeze } = state;
  if (!unacknowledged.hasRoom()) {
    return undefined;
  }
  const recoveries = unacknowledged.recoveries();
  // Also by a clock that went back: the turn was told by what it showed before.
  const isTurn = atMs >= refused.resumesAtMs() || atMs < state.latestMs;
  if (isTurn || recoveries !== state.recoveries) {
    state.recoveries = recoveries;
    resume(state);
  }
  state.latestMs = atMs;
  const sequence = unacknowledged.nextSequence();
  const signal = urgent.take(atMs, state.isSignalHeld);
  if (signal !== undefined) {
    const { untilMs, ...rest } = signal;
    refused.tried(rest.endpoint, atMs);
    return unacknowledged.add(
      rest.endpoint,
      freeze({ sequence, token: undefined, ...rest }),
      untilMs,
    );
  }
  const due = backlog.take(state.isDeltaHeld);
  if (due === undefined) {
    return undefined;
  }
  const { endpoint, token, delta, origins } = due;
  refused.tried(endpoint, atMs);
  const draft = { sequence, endpoint, token, observedAtMs: atMs, signal: delta, origins };
  return unacknowledged.add(endpoint, freeze(draft), sliceLapsesAtMs(delta.slice));
}
