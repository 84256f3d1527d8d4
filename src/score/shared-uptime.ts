import { type CanonicalBytes, createCanonicalBytes } from "./canonical-bytes.ts";
import type { OutsideClaims } from "./outside-claims.ts";
import { createResultRing, type ResultRing } from "./result-ring.ts";
import { isGood, WINDOW_MINUTES } from "./uptime.ts";

/**
 * Good minutes among the observed ones, from what all producers reported.
 *
 * Whoever knows best judges a minute. Its results do where it has any, and it is good when at least 95 %
 * of them are successes: an endpoint that fails its callers and answers a probe's one token is not up.
 * Without results its probes do, by the same share. Without both it is what an outside source claimed of it,
 * and good only if that is `up`. Without any of the three it is unknown. The running minute is judged
 * when it is over.
 */
export type SharedUptime = {
  addResults(minute: number, successes: number, failures: number): void;
  addProbe(minute: number, passed: boolean): void;
  /** Judges the 30 minutes before `minute`, by the claims that are left of them. */
  read(minute: number): UptimeMinutes;
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

/** Thirty minutes of a few calls. */
const FEW_BYTES = 128;

const NEVER = Number.NEGATIVE_INFINITY;

export function createSharedUptime(claims: OutsideClaims): SharedUptime {
  const results = createResultRing(WINDOW_MINUTES + 1);
  /** Most endpoints are never probed. */
  let probes: ResultRing | undefined;
  /** What was read at that minute, while it still holds. */
  let readMinute = NEVER;
  let held: UptimeMinutes = { goodMinutes: 0, observedMinutes: 0 };

  const pastBytes = createPastBytes();

  /** Only minutes that are over are judged. */
  function outdate(minute: number): void {
    readMinute = minute < readMinute ? NEVER : readMinute;
    pastBytes.outdate(minute);
  }

  /** Absent: not observed. */
  function judge(minute: number): boolean | undefined {
    return judgeBy(results, minute) ?? judgeBy(probes, minute) ?? judgeByClaim(minute);
  }

  function judgeByClaim(minute: number): boolean | undefined {
    const state = claims.stateIn(minute);
    return state === undefined ? undefined : state === "up";
  }

  function count(minute: number): UptimeMinutes {
    let goodMinutes = 0;
    let observedMinutes = 0;
    for (let past = minute - WINDOW_MINUTES; past < minute; past++) {
      const verdict = judge(past);
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
    read(minute) {
      // A new claim may be about any minute, and does not pass here.
      if (minute !== readMinute || !claims.isEmpty()) {
        held = count(minute);
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
      bytes.raw(pastBytes.read(minute, [results, probes]));
      writeMinute(bytes, results, minute, minute);
      bytes.number(0);
      writeMinute(bytes, probes, minute, minute);
      bytes.number(0);
    },
    heldBytes: () => results.heldBytes() + (probes?.heldBytes() ?? 0) + pastBytes.heldBytes(),
  };
}

/** What is written of the minutes before one: kept for as long as it holds, as most is written each second. */
function createPastBytes() {
  let keptMinute = NEVER;
  let kept = new Uint8Array(0);
  return {
    outdate(minute: number): void {
      keptMinute = minute < keptMinute ? NEVER : keptMinute;
    },
    read(minute: number, rings: readonly (ResultRing | undefined)[]): Uint8Array {
      if (minute !== keptMinute) {
        kept = writePast(minute, rings);
        keptMinute = minute;
      }
      return kept;
    },
    heldBytes: () => kept.byteLength,
  };
}

function writePast(minute: number, rings: readonly (ResultRing | undefined)[]) {
  const bytes = createCanonicalBytes(FEW_BYTES);
  for (const ring of rings) {
    for (let past = minute - WINDOW_MINUTES; past < minute; past++) {
      writeMinute(bytes, ring, past, minute);
    }
    bytes.number(0);
  }
  return bytes.view().slice();
}

function judgeBy(ring: ResultRing | undefined, minute: number): boolean | undefined {
  const count = countOf(ring, minute);
  return ring === undefined || count === 0 ? undefined : isGood(ring.successes(minute), count);
}

function countOf(ring: ResultRing | undefined, minute: number): number {
  return ring === undefined ? 0 : ring.successes(minute) + ring.failures(minute);
}

/** Its distance from `minute`, successes and failures, if it is known; the distance is 1 or more. */
function writeMinute(
  bytes: CanonicalBytes,
  ring: ResultRing | undefined,
  past: number,
  minute: number,
): void {
  if (ring !== undefined && countOf(ring, past) > 0) {
    bytes.number(minute + 1 - past);
    bytes.number(ring.successes(past));
    bytes.number(ring.failures(past));
  }
}
