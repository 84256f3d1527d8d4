import type { EndpointId } from "../domain/endpoint.ts";
import type {
  BreakerSignal,
  LoadSignal,
  ProbeSignal,
  RateLimitSignal,
  StateSignal,
} from "../domain/health.ts";
import { createFifo } from "./fifo.ts";
import type { ReportOrigins } from "./report-origins.ts";
import type { SpanContext } from "./span-context.ts";

/** What is told at once, by itself. */
export type UrgentSignal = StateSignal | RateLimitSignal | BreakerSignal | LoadSignal | ProbeSignal;

/**
 * Signals that nobody was told yet, the one that waits longest first.
 *
 * Of one kind the newest of an endpoint stands for the older ones. A signal says how things are, so one
 * that waited too long would mislead: it lapses, and a pause that it asks for has less of it left.
 */
export type UrgentSignals = {
  /** `origin` is the attempt that showed it, if its span is kept. */
  put(endpoint: EndpointId, signal: UrgentSignal, nowMs: number, origin?: SpanContext): void;
  /** Hands over the next: from here on it is not among them. Those that are held stay until `release`. */
  take(nowMs: number, isHeld?: (endpoint: EndpointId) => boolean): DueSignal | undefined;
  /** What was held comes again, behind the others. */
  release(): void;
  size(): number;
  /** Lapsed, or beyond the limit. */
  dropped(): number;
};

export type DueSignal = {
  readonly endpoint: EndpointId;
  readonly signal: UrgentSignal;
  /** Epoch milliseconds. */
  readonly observedAtMs: number;
  readonly origins: ReportOrigins | undefined;
  /** When it lapses. */
  readonly untilMs: number;
};

/** What a router waits when the provider does not say, see `score/cooldown.ts`. */
const RATE_LIMIT_MS = 10_000;
/** A load or a probe is of its minute. */
const MEASUREMENT_MS = 60_000;
/** Of use to people who look back. */
const BREAKER_MS = 1_800_000;

type Waiting = {
  readonly key: string;
  readonly endpoint: EndpointId;
  signal: UrgentSignal;
  observedAtMs: number;
  origin: SpanContext | undefined;
};

/** `maxSignals` is how many may wait. */
export function createUrgentSignals(maxSignals: number): UrgentSignals {
  const waiting = new Map<string, Waiting>();
  const order = createFifo<Waiting>();
  let held: Waiting[] = [];
  let dropped = 0;

  function next(nowMs: number, isHeld?: (endpoint: EndpointId) => boolean): DueSignal | undefined {
    for (let item = order.shift(); item !== undefined; item = order.shift()) {
      const { key, endpoint, signal, observedAtMs, origin } = item;
      const leftMs = observedAtMs + lifeMs(signal) - nowMs;
      if (leftMs <= 0) {
        waiting.delete(key);
        dropped += 1;
      } else if (isHeld?.(endpoint) === true) {
        held.push(item);
      } else {
        waiting.delete(key);
        return {
          endpoint,
          signal: shortened(signal, leftMs),
          observedAtMs,
          origins: origin && { first: origin },
          untilMs: nowMs + leftMs,
        };
      }
    }
    return undefined;
  }

  return {
    put(endpoint, signal, observedAtMs, origin) {
      // A kind holds no space, so no two pairs meet.
      const key = `${signal.kind} ${endpoint}`;
      const older = waiting.get(key);
      if (older !== undefined) {
        older.signal = signal;
        older.observedAtMs = observedAtMs;
        older.origin = origin;
      } else if (waiting.size < maxSignals) {
        const item = { key, endpoint, signal, observedAtMs, origin };
        waiting.set(key, item);
        order.push(item);
      } else {
        dropped += 1;
      }
    },
    take: next,
    release() {
      const released = held;
      held = [];
      released.forEach(order.push);
    },
    size: () => waiting.size,
    dropped: () => dropped,
  };
}

function lifeMs(signal: UrgentSignal): number {
  switch (signal.kind) {
    case "state":
      return signal.ttlMs;
    case "rate-limit":
      return signal.retryAfterMs ?? RATE_LIMIT_MS;
    case "breaker":
      return BREAKER_MS;
    case "load":
    case "probe":
      return MEASUREMENT_MS;
  }
}

/** A claim keeps its whole `ttlMs`: readers count it from the time at which the claim was made. */
function shortened(signal: UrgentSignal, leftMs: number): UrgentSignal {
  return signal.kind === "rate-limit" && signal.retryAfterMs !== undefined
    ? { ...signal, retryAfterMs: leftMs }
    : signal;
}
