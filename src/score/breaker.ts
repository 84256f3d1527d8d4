import type { Random } from "../domain/ports.ts";
import type { Writable } from "../domain/writable.ts";
import { binOf, createFastWindow, type RecentResults } from "./fast-window.ts";

/**
 * Keeps calls away from an endpoint that fails, and finds out when it recovered.
 *
 * A timer alone would send the whole traffic into an endpoint that is still down. States:
 *
 * - `closed`: calls pass. Opens after 5 provider faults in a row, 3 failures to connect in a row, or
 *   less than 80 % successes among at least 20 results of 30 s.
 * - `open`: nothing passes until the dead time is over, then one call does, as a probe.
 * - `half-open`: one probe at a time. Three successes close, a fault opens for twice as long, a result
 *   that says nothing lets the next probe go. A probe holds its place no longer than a lease, so that
 *   one that hangs cannot keep the endpoint out for ever.
 *
 * The dead time doubles with every opening and comes back by a step per healthy minute. Half of it is
 * random, so that replicas which lost an endpoint together do not probe it together.
 *
 * What began before the last opening is old news: it neither closes nor opens anything. All of it is
 * local to a replica: one replica's broken network must not eject an endpoint for all.
 */
export type Breaker = {
  readonly kind: BreakerState["kind"];
  /** When the last recovery was complete; `-Infinity` before any, and unless closed. */
  readonly recoveredAtMs: number;
  /** Until when no call may start; in the past when one may. */
  readonly blockedUntilMs: number;
  /** A call starts, and is the probe if one is due. `leaseMs` is how long it may take to show content. */
  start(nowMs: number, leaseMs: number): void;
  /** First content of an attempt that runs; decides a probe without waiting for its end. */
  firstContent(startedAtMs: number, nowMs: number): void;
  /** An attempt ended. */
  end(verdict: BreakerVerdict, startedAtMs: number, nowMs: number): void;
};

/** `connect-fault`: not even a connection. `ignorable`: nothing the endpoint is to blame for. */
export type BreakerVerdict = "success" | "fault" | "connect-fault" | "ignorable";

export type BreakerState =
  | {
      readonly kind: "closed";
      readonly faults: number;
      readonly connectFaults: number;
      readonly sinceMs: number;
      /** Beginning of the attempts whose faults count. */
      readonly evidenceFromMs: number;
      /** Openings that the next dead time doubles for. */
      readonly ejections: number;
    }
  | {
      readonly kind: "open";
      readonly openedAtMs: number;
      readonly untilMs: number;
      readonly ejections: number;
    }
  | {
      readonly kind: "half-open";
      readonly openedAtMs: number;
      readonly successes: number;
      /** End of the running probe's lease; `-Infinity` when none runs. */
      readonly probeUntilMs: number;
      /** Beginning of the attempts whose success is not counted yet. */
      readonly successFromMs: number;
      readonly ejections: number;
    };

type Closed = Extract<BreakerState, { kind: "closed" }>;
type Open = Extract<BreakerState, { kind: "open" }>;
type HalfOpen = Extract<BreakerState, { kind: "half-open" }>;

export type BreakerEvent = {
  readonly kind: BreakerVerdict | "first-content";
  readonly startedAtMs: number;
  readonly nowMs: number;
  /** Recent results are bad enough to open. */
  readonly mostlyFailing: boolean;
};

const TRIP_FAULTS = 5;
const TRIP_CONNECT_FAULTS = 3;
const TRIP_RESULTS = 20;
const TRIP_SUCCESS_PERCENT = 80;
const RECOVERY_SUCCESSES = 3;

const FIRST_DEAD_MS = 5_000;
const MAX_DEAD_MS = 300_000;
/** 5 s doubled six times is beyond the maximum; more would only take longer to forget. */
const MAX_EJECTIONS = 6;
const HEALTHY_STEP_MS = 60_000;

const NEVER = Number.NEGATIVE_INFINITY;

export const CLOSED: Closed = {
  kind: "closed",
  faults: 0,
  connectFaults: 0,
  sinceMs: NEVER,
  evidenceFromMs: NEVER,
  ejections: 0,
};

export function createBreaker(random: Random): Breaker {
  const results = createFastWindow();
  let state: BreakerState = CLOSED;

  function setState(next: BreakerState): void {
    if (next.kind === "open" && state.kind !== "open") {
      results.clear();
    }
    state = next;
    breaker.kind = next.kind;
    breaker.recoveredAtMs = next.kind === "closed" ? next.sinceMs : NEVER;
    breaker.blockedUntilMs = blockedUntilMs(next);
  }

  function count(verdict: BreakerVerdict, startedAtMs: number, nowMs: number): void {
    if (verdict !== "ignorable" && isCurrent(state, startedAtMs)) {
      const good = verdict === "success" ? 1 : 0;
      results.addResults(binOf(nowMs), good, 1 - good);
    }
  }

  const breaker: Writable<Breaker> = {
    kind: state.kind,
    recoveredAtMs: state.sinceMs,
    blockedUntilMs: NEVER,
    start(nowMs, leaseMs) {
      setState(startProbe(state, nowMs, leaseMs));
    },
    firstContent(startedAtMs, nowMs) {
      if (state.kind === "half-open") {
        const event = { kind: "first-content", startedAtMs, nowMs, mostlyFailing: false } as const;
        setState(nextBreakerState(state, event, random));
      }
    },
    end(kind, startedAtMs, nowMs) {
      count(kind, startedAtMs, nowMs);
      // The usual case changes nothing and costs no event.
      if (kind === "success" && isSpotless(state)) {
        return;
      }
      const mostlyFailing = isMostlyFailing(results.read(binOf(nowMs)));
      setState(nextBreakerState(state, { kind, startedAtMs, nowMs, mostlyFailing }, random));
    },
  };
  return breaker;
}

/** The one transition by what attempts show. `random` is drawn from when the breaker opens. */
export function nextBreakerState(
  state: BreakerState,
  event: BreakerEvent,
  random: Random,
): BreakerState {
  switch (state.kind) {
    case "closed":
      return nextOfClosed(state, event, random);
    case "open":
      // Only a call that was forced through can end here. Its success is as good as a probe's.
      return event.kind === "success" && event.startedAtMs >= state.openedAtMs
        ? addSuccess(halfOpen(state, NEVER), event)
        : state;
    case "half-open":
      return nextOfHalfOpen(state, event, random);
  }
}

function nextOfClosed(state: Closed, event: BreakerEvent, random: Random): BreakerState {
  switch (event.kind) {
    case "success":
      return { ...state, faults: 0, connectFaults: 0 };
    case "ignorable":
    case "first-content":
      return state;
    case "fault":
    case "connect-fault":
      return event.startedAtMs >= state.evidenceFromMs ? addFault(state, event, random) : state;
  }
}

function addFault(state: Closed, event: BreakerEvent, random: Random): BreakerState {
  const faults = state.faults + 1;
  const connectFaults = event.kind === "connect-fault" ? state.connectFaults + 1 : 0;
  if (faults < TRIP_FAULTS && connectFaults < TRIP_CONNECT_FAULTS && !event.mostlyFailing) {
    return { ...state, faults, connectFaults };
  }
  const healthySteps = Math.floor(Math.max(0, event.nowMs - state.sinceMs) / HEALTHY_STEP_MS);
  return open(Math.max(0, state.ejections - healthySteps), event.nowMs, random);
}

function nextOfHalfOpen(state: HalfOpen, event: BreakerEvent, random: Random): BreakerState {
  switch (event.kind) {
    case "success":
      return event.startedAtMs >= state.successFromMs ? addSuccess(state, event) : state;
    case "first-content":
      return event.startedAtMs >= state.successFromMs
        ? addSuccess({ ...state, successFromMs: event.nowMs }, event)
        : state;
    case "ignorable":
      return event.startedAtMs >= state.successFromMs ? { ...state, probeUntilMs: NEVER } : state;
    case "fault":
    case "connect-fault":
      return event.startedAtMs >= state.openedAtMs
        ? open(state.ejections, event.nowMs, random)
        : state;
  }
}

function addSuccess(state: HalfOpen, { nowMs }: BreakerEvent): BreakerState {
  const { openedAtMs, ejections } = state;
  const successes = state.successes + 1;
  return successes < RECOVERY_SUCCESSES
    ? { ...state, successes, probeUntilMs: NEVER }
    : { ...CLOSED, sinceMs: nowMs, evidenceFromMs: openedAtMs, ejections };
}

/** Equal jitter: between half of the dead time and all of it. */
function open(ejections: number, nowMs: number, random: Random): Open {
  const deadMs = Math.min(MAX_DEAD_MS, FIRST_DEAD_MS * 2 ** ejections);
  return {
    kind: "open",
    openedAtMs: nowMs,
    untilMs: nowMs + deadMs / 2 + (random() * deadMs) / 2,
    ejections: Math.min(MAX_EJECTIONS, ejections + 1),
  };
}

function startProbe(state: BreakerState, nowMs: number, leaseMs: number): BreakerState {
  if (state.kind === "closed" || nowMs < blockedUntilMs(state)) {
    return state;
  }
  return state.kind === "open"
    ? halfOpen(state, nowMs + leaseMs)
    : { ...state, probeUntilMs: nowMs + leaseMs };
}

function halfOpen({ openedAtMs, ejections }: Open, probeUntilMs: number): HalfOpen {
  return {
    kind: "half-open",
    openedAtMs,
    successes: 0,
    probeUntilMs,
    successFromMs: openedAtMs,
    ejections,
  };
}

function blockedUntilMs(state: BreakerState): number {
  switch (state.kind) {
    case "closed":
      return NEVER;
    case "open":
      return state.untilMs;
    case "half-open":
      return state.probeUntilMs;
  }
}

/** Whether an attempt's result belongs to the ratio that may open the breaker. */
function isCurrent(state: BreakerState, startedAtMs: number): boolean {
  return state.kind === "closed" && startedAtMs >= state.evidenceFromMs;
}

function isSpotless(state: BreakerState): boolean {
  return state.kind === "closed" && state.faults === 0;
}

/** In whole numbers, so that 80 % of 20 is exactly 16. */
function isMostlyFailing({ successes, failures }: RecentResults): boolean {
  const results = successes + failures;
  return results >= TRIP_RESULTS && successes * 100 < results * TRIP_SUCCESS_PERCENT;
}
