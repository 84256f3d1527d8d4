import type { OutgoingReport } from "../domain/bus.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { HealthSignal } from "../domain/health.ts";
import type { Observation } from "../domain/ports.ts";
import {
  type BacklogOptions,
  type BacklogStats,
  createDeltaBacklog,
  sliceLapsesAtMs,
} from "./delta-backlog.ts";
import type { ReportOrigins } from "./report-origins.ts";
import type { SpanContext } from "./span-context.ts";
import { createUnacknowledged, type Sending, type UnacknowledgedStats } from "./unacknowledged.ts";
import { createUrgentSignals, type UrgentSignal } from "./urgent-signals.ts";

/**
 * What one producer has to tell, and in which order.
 *
 * A report whose fate is not known has to be sent again as it was: a bus that stored it drops the
 * second by its id, a folder by its sequence. So an item gets its sequence and bytes when it is tried
 * first, and keeps them until it is acknowledged; what comes later goes into another item. Until then
 * deltas merge and signals are replaced, which bounds what waits.
 *
 * A folder remembers the 64 sequences below the highest it saw. At most 64 reports are under way, and
 * none is tried 64 or more past the oldest that is not acknowledged: a report is never sent again when
 * nobody remembers whether it was counted. One that nobody would count any more is given up instead.
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
  /** All that waits falls due at once. */
  flush(nowMs: number): void;
  /** What to send next, which then is under way; `undefined` for the moment nothing. */
  next(nowMs: number): Sending | undefined;
  /** It is stored. */
  acknowledge(sending: Sending): void;
  /** Nobody knows: `next` hands it out again. */
  retry(sending: Sending): void;
  /** It never will be stored. */
  giveUp(sending: Sending): void;
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

const DEFAULT_MAX_SIGNALS = 10_000;

export function createOutbox(options: OutboxOptions, nowMs: number): Outbox {
  const backlog = createDeltaBacklog(options, nowMs);
  const urgent = createUrgentSignals(options.maxEndpoints ?? DEFAULT_MAX_SIGNALS);
  const unacknowledged = createUnacknowledged();

  function freezeNext(atMs: number): Sending | undefined {
    if (!unacknowledged.hasRoom()) {
      return undefined;
    }
    const sequence = unacknowledged.nextSequence();
    const signal = urgent.take(atMs);
    if (signal !== undefined) {
      const { untilMs, ...rest } = signal;
      return unacknowledged.add(options.freeze({ sequence, token: undefined, ...rest }), untilMs);
    }
    const due = backlog.take();
    if (due === undefined) {
      return undefined;
    }
    const { endpoint, token, delta, origins } = due;
    const draft = { sequence, endpoint, token, observedAtMs: atMs, signal: delta, origins };
    return unacknowledged.add(options.freeze(draft), sliceLapsesAtMs(delta.slice));
  }

  return {
    observe: backlog.observe,
    signal: urgent.put,
    turn: backlog.turn,
    wantsTurns: backlog.wantsTurns,
    flush: backlog.flush,
    next: (atMs) => unacknowledged.nextRepeated(atMs) ?? freezeNext(atMs),
    acknowledge: unacknowledged.forget,
    giveUp: unacknowledged.forget,
    retry: unacknowledged.retry,
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
