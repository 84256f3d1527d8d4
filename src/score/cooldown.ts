import type { Writable } from "../domain/writable.ts";

/**
 * How long an endpoint asked to be left alone.
 *
 * Providers count requests and tokens per account and per model, so one cooldown is shared by the
 * endpoints of the same account and the same model. It needs no probe: the provider said when.
 */
export type Cooldown = {
  /** Epoch milliseconds; in the past when there is none. */
  readonly untilMs: number;
  /** Never shortens. `retryAfterMs` is absent when the provider did not say. */
  extend(nowMs: number, retryAfterMs: number | undefined): void;
};

/** Long enough for a window of a minute to move, short enough to be wrong about. */
const DEFAULT_MS = 10_000;

const MIN_MS = 1_000;

/** A provider that says an hour is asked again in five minutes: quotas are raised, headers are wrong. */
const MAX_MS = 300_000;

export function createCooldown(): Cooldown {
  const cooldown: Writable<Cooldown> = {
    untilMs: Number.NEGATIVE_INFINITY,
    extend(nowMs, retryAfterMs) {
      const durationMs = Math.min(MAX_MS, Math.max(MIN_MS, retryAfterMs ?? DEFAULT_MS));
      if (nowMs + durationMs > cooldown.untilMs) {
        cooldown.untilMs = nowMs + durationMs;
      }
    },
  };
  return cooldown;
}
