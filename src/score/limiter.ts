import type { Writable } from "../domain/writable.ts";

/**
 * How many calls at a time an endpoint takes before it pushes back.
 *
 * The total time of a call depends on how much it writes and says nothing about a queue, so the limit
 * follows explicit signals: refusals for rate or load, and first tokens that never came. It starts at
 * what the catalogue allows, because a refusal is cheap and a limit that is too low is silent. It
 * falls to a share of what was in flight when the endpoint refused, which is what it could not carry,
 * and grows by one for every round of successes while the limit is in use.
 */
export type Limiter = {
  /** Learnt: beyond it an endpoint is tried after its peers, not refused. */
  readonly limit: number;
  /** Declared by the catalogue: beyond it no call starts. */
  readonly max: number;
  /** `inflight` counts the attempt that was refused. `firstTokenP50Ms` is absent when not known. */
  overload(inflight: number, nowMs: number, firstTokenP50Ms: number | undefined): void;
  /** `inflight` counts the attempt that succeeded. */
  success(inflight: number): void;
  /** Takes another ceiling; a limit that was never lowered moves with it. */
  setMax(maxConcurrency: number): void;
};

/** One call alone could never show that the endpoint carries two. */
const MIN_LIMIT = 2;

const DECREASE = 0.7;

/** Refusals of one burst are one signal: they come within a second or within a first token. */
const MIN_DECREASE_INTERVAL_MS = 1_000;

/** `maxConcurrency` is at least 1 and is the ceiling, also below the minimum of 2. */
export function createLimiter(maxConcurrency: number): Limiter {
  let successes = 0;
  let decreasedAtMs = Number.NEGATIVE_INFINITY;
  const limiter: Writable<Limiter> = {
    limit: maxConcurrency,
    max: maxConcurrency,
    overload(inflight, nowMs, firstTokenP50Ms) {
      if (nowMs - decreasedAtMs < Math.max(MIN_DECREASE_INTERVAL_MS, firstTokenP50Ms ?? 0)) {
        return;
      }
      decreasedAtMs = nowMs;
      successes = 0;
      const lowered = Math.floor(Math.min(limiter.limit, inflight) * DECREASE);
      limiter.limit = Math.min(limiter.max, Math.max(MIN_LIMIT, lowered));
    },
    success(inflight) {
      if (limiter.limit >= limiter.max || 2 * inflight < limiter.limit) {
        return;
      }
      successes += 1;
      if (successes >= limiter.limit) {
        successes = 0;
        limiter.limit += 1;
      }
    },
    setMax(next) {
      limiter.limit = limiter.limit === limiter.max ? next : Math.min(limiter.limit, next);
      limiter.max = next;
    },
  };
  return limiter;
}
