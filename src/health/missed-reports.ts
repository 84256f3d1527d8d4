import type { StoredReport } from "../domain/bus.ts";
import type { Log, NowMs } from "../domain/ports.ts";
import { REPLAY_MS } from "../score/health-fold.ts";
import { REPLAY_WINDOW } from "../score/replay-window.ts";
import { decodeReport } from "./report-codec.ts";

/**
 * What a scorer never got of the reports in its window.
 *
 * The stream numbers what it stores without a gap, whoever sent it. So a number that is skipped was a
 * report that made room for others of its subject or that somebody deleted, and was stored before the one
 * that comes instead. Numbers of producers are no measure: anybody may invent producers, and reports that
 * were given up or refused leave gaps where nothing is lost.
 *
 * Before the first report there is nothing to skip: numbers from before the window are missing as well,
 * and those of reports that were too old. What the bus is certain of it tells. Else the first report
 * shows it: its producer has told much before, of which nothing is left, and tells it without the
 * delay of one that comes after an outage.
 *
 * Two numbers are kept, whatever the stream holds.
 */
export type MissedReports = {
  /** The stream is read from its beginning: what was missed of another is void. */
  began(): void;
  /** Of what comes next nothing is left that was stored before, epoch milliseconds. */
  lostUntil(keptSinceMs: number): void;
  /** To be told of every report, in the order of the stream. O(1), and allocates for the first alone. */
  took(stored: StoredReport): void;
  /** All that was stored has been taken. */
  caughtUp(): void;
  /**
   * How much of the window passes until it holds every report, from its beginning up to the latest loss.
   * 0: nothing is missing.
   */
  missingMs(): number;
  /** Skipped within the window, ever. Those before the first report are not among them. */
  lost(): number;
  /** Logs what was missed since it last did, once a minute at most. */
  tell(): void;
};

export type MissedReportsPorts = { readonly nowMs: NowMs; readonly log: Log };

/** As far as two clocks may be apart; what comes after an outage is older. */
const PROMPT_MS = 60_000;

const TELL_EVERY_MS = 60_000;

type State = MissedReportsPorts & {
  /** Epoch milliseconds: reports from before are missing. */
  completeSinceMs: number;
  /** Sequence of the latest report; 0: none came. */
  latest: number;
  isReplaying: boolean;
  lost: number;
  isUntold: boolean;
  quietUntilMs: number;
};

const NEVER = Number.NEGATIVE_INFINITY;

export function createMissedReports(ports: MissedReportsPorts): MissedReports {
  const state: State = {
    ...ports,
    completeSinceMs: NEVER,
    latest: 0,
    isReplaying: true,
    lost: 0,
    isUntold: false,
    quietUntilMs: NEVER,
  };
  return {
    began() {
      state.completeSinceMs = NEVER;
      state.latest = 0;
      state.isReplaying = true;
      state.isUntold = false;
    },
    lostUntil: (keptSinceMs) => note(state, keptSinceMs, 0),
    took(stored) {
      const { sequence, storedAtMs } = stored;
      const skipped = sequence - state.latest - 1;
      if (skipped > 0) {
        if (state.latest > 0) {
          note(state, storedAtMs, skipped);
        } else if (state.isReplaying && tellsOfEarlier(stored)) {
          note(state, storedAtMs, 0);
        }
      }
      state.latest = sequence;
    },
    caughtUp() {
      state.isReplaying = false;
    },
    missingMs: () => missingMsOf(state),
    lost: () => state.lost,
    tell: () => tell(state),
  };
}

/** What was lost before the window is not missing. */
function note(state: State, keptSinceMs: number, reports: number): void {
  if (keptSinceMs > state.nowMs() - REPLAY_MS) {
    state.lost += reports;
    state.isUntold = state.isUntold || reports > 0 || keptSinceMs > state.completeSinceMs;
    state.completeSinceMs = Math.max(state.completeSinceMs, keptSinceMs);
  }
}

/** Never more than the window, however far the bus's clock is ahead. */
function missingMsOf({ nowMs, completeSinceMs }: State): number {
  return Math.min(REPLAY_MS, Math.max(0, Math.round(completeSinceMs - nowMs() + REPLAY_MS)));
}

/**
 * More than may be under way at once, and what came before it is gone. A bus that was away for so long
 * that all is too old is told first what was tried when it went away.
 */
function tellsOfEarlier({ bytes, storedAtMs }: StoredReport): boolean {
  const report = decodeReport(bytes);
  return (
    "sequence" in report &&
    report.sequence > REPLAY_WINDOW &&
    storedAtMs - report.observedAtMs <= PROMPT_MS
  );
}

function tell(state: State): void {
  const { nowMs, log, lost, quietUntilMs } = state;
  if (!state.isUntold || nowMs() < quietUntilMs) {
    return;
  }
  state.isUntold = false;
  const missingMs = missingMsOf(state);
  if (missingMs === 0) {
    // It has left the window meanwhile.
    return;
  }
  state.quietUntilMs = nowMs() + TELL_EVERY_MS;
  log(
    "warn",
    "health reports of the window are lost: no room was left for them, or they were deleted",
    {
      missingMs,
      lost,
      setting: "bus.nats.reportBytes",
    },
  );
}
