import type { CanonicalBytes } from "./canonical-bytes.ts";
import type { OutsideClaims } from "./outside-claims.ts";
import { createResultRing, type ResultRing } from "./result-ring.ts";
import { isGood, WINDOW_MINUTES } from "./uptime.ts";

/**
 * Good minutes among the observed ones, from what all producers reported.
 *
 * Whoever knows best judges a minute. Its results do where it has any, and it is good when at least 95 %
 * of them are successes: an endpoint that fails its callers and answers a probe's one token is not up.
 * Without results its probes do, by the same share. Without both it is what an outside source claims of it,
 * and good only if that is `up`. Without any of the three it is unknown. The running minute is judged
 * when it is over.
 */
export type SharedUptime = {
  addResults(minute: number, successes: number, failures: number): void;
  addProbe(minute: number, passed: boolean): void;
  /** Judges the 30 minutes before `minute`, which is that of `nowMs`. */
  read(minute: number, nowMs: number): UptimeMinutes;
  /** Whether nothing is known of `minute` and the 30 before it. */
  isEmpty(minute: number): boolean;
  /** What is known of these minutes. */
  write(bytes: CanonicalBytes, minute: number): void;
  heldBytes(): number;
};

export type UptimeMinutes = {
  readonly goodMinutes: number;
  /** 0 to 30. */
  readonly observedMinutes: number;
};

const NEVER = Number.NEGATIVE_INFINITY;

export function createSharedUptime(claims: OutsideClaims): SharedUptime {
  const results = createResultRing(WINDOW_MINUTES + 1);
  /** Most endpoints are never probed. */
  let probes: ResultRing | undefined;
  /** What was read at that minute, while it still holds. */
  let readMinute = NEVER;
  let held: UptimeMinutes = { goodMinutes: 0, observedMinutes: 0 };

  /** Only minutes that are over are judged. */
  function outdate(minute: number): void {
    readMinute = minute < readMinute ? NEVER : readMinute;
  }

  /** Absent: not observed. */
  function judge(minute: number, nowMs: number): boolean | undefined {
    return judgeBy(results, minute) ?? judgeBy(probes, minute) ?? judgeByClaim(minute, nowMs);
  }

  function judgeByClaim(minute: number, nowMs: number): boolean | undefined {
    const state = claims.stateIn(minute, nowMs);
    return state === undefined ? undefined : state === "up";
  }

  function count(minute: number, nowMs: number): UptimeMinutes {
    let goodMinutes = 0;
    let observedMinutes = 0;
    for (let past = minute - WINDOW_MINUTES; past < minute; past++) {
      const verdict = judge(past, nowMs);
      observedMinutes += verdict === undefined ? 0 : 1;
      goodMinutes += verdict === true ? 1 : 0;
    }
    return { goodMinutes, observedMinutes };
  }

  return {
    addResults(minute, successes, failures) {
      outdate(minute);
      results.add(minute, successes, failures);
    },
    addProbe(minute, passed) {
      outdate(minute);
      probes ??= createResultRing(WINDOW_MINUTES + 1);
      probes.add(minute, passed ? 1 : 0, passed ? 0 : 1);
    },
    read(minute, nowMs) {
      if (minute !== readMinute || !claims.isEmpty()) {
        held = count(minute, nowMs);
        readMinute = claims.isEmpty() ? minute : NEVER;
      }
      return held;
    },
    isEmpty(minute) {
      for (let past = minute; past >= minute - WINDOW_MINUTES; past--) {
        if (countOf(results, past) + countOf(probes, past) > 0) {
          return false;
        }
      }
      return true;
    },
    write(bytes, minute) {
      writeMinutes(bytes, results, minute);
      writeMinutes(bytes, probes, minute);
    },
    heldBytes: () => results.heldBytes() + (probes?.heldBytes() ?? 0),
  };
}

function judgeBy(ring: ResultRing | undefined, minute: number): boolean | undefined {
  const count = countOf(ring, minute);
  return ring === undefined || count === 0 ? undefined : isGood(ring.successes(minute), count);
}

function countOf(ring: ResultRing | undefined, minute: number): number {
  return ring === undefined ? 0 : ring.successes(minute) + ring.failures(minute);
}

/** Distance from `minute`, successes and failures of each that is known; a distance of 0 ends them. */
function writeMinutes(bytes: CanonicalBytes, ring: ResultRing | undefined, minute: number): void {
  for (let past = minute - WINDOW_MINUTES; ring !== undefined && past <= minute; past++) {
    const successes = ring.successes(past);
    const failures = ring.failures(past);
    if (successes + failures > 0) {
      bytes.number(minute + 1 - past);
      bytes.number(successes);
      bytes.number(failures);
    }
  }
  bytes.number(0);
}
