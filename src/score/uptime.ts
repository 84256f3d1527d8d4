import { createResultRing } from "./result-ring.ts";

/**
 * Share of good minutes among the observed ones.
 *
 * A success ratio weighs an outage by its traffic, which falls in an outage. Minutes weigh alike. A
 * minute is good when at least 95 % of its results are successes, and unknown without any result:
 * silence is neither up nor down. The running minute is judged when it is over, so that its first
 * failure does not make the figure jump.
 */
export type Uptime = {
  /** Results of one minute, which is `floor(epoch ms / 60,000)`. */
  addResults(minute: number, successes: number, failures: number): void;
  /** Judges the 30 minutes before `minute`. */
  read(minute: number): UptimeReading;
  heldBytes(): number;
};

export type UptimeReading = {
  readonly observedMinutes: number;
  /** 0 to 1; absent below the minimum of observed minutes. */
  readonly ratio: number | undefined;
};

export const MINUTE_MS = 60_000;

export const WINDOW_MINUTES = 30;

/** One bad minute of fewer would read as an endpoint that is down most of the time. */
const MIN_OBSERVED_MINUTES = 5;

export function minuteOf(nowMs: number): number {
  return Math.floor(nowMs / MINUTE_MS);
}

/** When a minute is no longer judged. */
export function endOfMinute(minute: number): number {
  return (minute + WINDOW_MINUTES + 1) * MINUTE_MS;
}

export function createUptime(): Uptime {
  const ring = createResultRing(WINDOW_MINUTES + 1);
  return {
    addResults(minute, successes, failures) {
      ring.add(minute, successes, failures);
    },
    read(minute) {
      let observedMinutes = 0;
      let goodMinutes = 0;
      for (let past = minute - WINDOW_MINUTES; past < minute; past++) {
        const successes = ring.successes(past);
        const results = successes + ring.failures(past);
        observedMinutes += results > 0 ? 1 : 0;
        goodMinutes += results > 0 && isGood(successes, results) ? 1 : 0;
      }
      return {
        observedMinutes,
        ratio: uptimeRatio(goodMinutes, observedMinutes),
      };
    },
    heldBytes: () => ring.heldBytes(),
  };
}

/** 0 to 1; absent below the minimum of observed minutes. */
export function uptimeRatio(goodMinutes: number, observedMinutes: number): number | undefined {
  return observedMinutes < MIN_OBSERVED_MINUTES ? undefined : goodMinutes / observedMinutes;
}

/** At least 95 %, in whole numbers, so that every replica agrees. */
export function isGood(successes: number, results: number): boolean {
  return successes * 100 >= results * 95;
}
