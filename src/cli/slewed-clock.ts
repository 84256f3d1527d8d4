import type { NowMs } from "../domain/ports.ts";

export type SlewedClock = {
  /** Milliseconds since 1970. Never goes back, and jumps only over time in which the machine stood still. */
  readonly nowMs: NowMs;
  /** To be called every second. */
  follow(): void;
};

export type ClockSources = {
  /** Goes on evenly, whatever is done to the other. */
  readonly monotonicMs: () => number;
  /** What the system takes for the time. */
  readonly wallMs: () => number;
  /** Of the time, when `monotonicMs` was 0. */
  readonly originMs: number;
};

/** How much faster or slower it goes while it is off: what is measured then is wrong by one in a hundred. */
const SLEW = 0.01;

/** More than the clock gains from one look to the next, and than the grain of the system's. */
const TOLERANCE_MS = 25;

/**
 * As far as clocks of a fleet may be apart. Behind by more it is of no use: what it dates is too old for everybody
 * else. That happens when a machine goes on that was stopped, and then waits that end at once are right.
 */
const STEP_MS = 60_000;

/** A minute of looks: there is no way back from a time that the system had by mistake. */
const STEP_LOOKS = 60;

/**
 * One clock for durations and for times of day. Durations must not jump whenever somebody sets the system's clock; so
 * this one goes a little faster or slower until both show the same: 10 s are made up in 17 minutes. Only when
 * it has been behind by more than a minute for a minute it follows at once; ahead, it is made up at the same pace, an hour in four
 * days, because time must not go back. Timers are not slewed, so whoever waits for one and then asks the time may find that a hundredth is still missing; and a lease
 * of 10 s is believed in for 0.1 s too long at most, while what it guards bears the length of a write.
 */
export function createSlewedClock({ monotonicMs, wallMs, originMs }: ClockSources): SlewedClock {
  let baseMs = originMs;
  let markMs = 0;
  let rate = 1;
  let farBehind = 0;
  const nowMs = () => baseMs + (monotonicMs() - markMs) * rate;
  return {
    nowMs,
    follow() {
      const atMs = monotonicMs();
      baseMs += (atMs - markMs) * rate;
      markMs = atMs;
      farBehind = wallMs() - baseMs > STEP_MS ? farBehind + 1 : 0;
      if (farBehind === STEP_LOOKS) {
        baseMs = wallMs();
      }
      const aheadMs = baseMs - wallMs();
      rate = Math.abs(aheadMs) < TOLERANCE_MS ? 1 : 1 - SLEW * Math.sign(aheadMs);
    },
  };
}
