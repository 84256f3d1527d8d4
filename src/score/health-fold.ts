import type {
  HealthReport,
  ModelScoreTable,
  OutcomeDelta,
  ProbeSignal,
  ScorePosition,
  StateSignal,
} from "../domain/health.ts";
import { type CellCounts, createCellCounts, readDelta } from "./delta-cells.ts";
import { HISTOGRAM_LAYOUT_VERSION } from "./log-histogram.ts";
import { MAX_CLAIM_MS } from "./outside-claims.ts";
import { createReplayWindow, type ReplayWindow } from "./replay-window.ts";
import { SLICES, sliceOf } from "./rolling-window.ts";
import { createSharedBoard, type SharedBoard } from "./shared-board.ts";
import type { Hash } from "./shared-endpoint.ts";
import { minuteOf, WINDOW_MINUTES } from "./uptime.ts";

/**
 * Makes scores of the stream of health reports.
 *
 * Every replica that folds the same stream must come to the same scores, also one that started half an
 * hour ago and never saw what came before. So the fold is a function of the reports of the last
 * `REPLAY_MS` alone: time is the stream's own, counts are whole numbers, every report says by itself
 * what it counts for and until when, and what has expired leaves no trace. Which of two reports comes
 * first matters only for the name of an endpoint's model and among claims about its state.
 *
 * Two bounds are the exception, because what does not fit depends on what is there: `maxEndpoints`, and
 * the number of producers whose reports are told apart. Replicas that started at different times may
 * differ while a stream exceeds them.
 */
export type HealthFold = {
  /** The stream was made anew, at `streamEpoch`: everything that is known is void. */
  restart(streamEpoch: number): void;
  take(stored: StoredAt, report: HealthReport): FoldVerdict;
  /** A message that nobody can read: the position moves, and nothing else. */
  skip(stored: StoredAt): void;
  position(): ScorePosition;
  /**
   * Models whose endpoints in `table` may differ from its last call, be it by time, in order of their
   * ids. Position and hash of the others move on with the stream all the same.
   */
  changedModels(): readonly string[];
  /** Models with anything in their window, in order of their ids. */
  models(): readonly string[];
  /**
   * Does a part of the work of `table` beforehand: reads the endpoints of the model that have changed, one
   * after the other, until `isOver`, which is asked after each. True: nothing is left, and `table` takes a
   * few microseconds for an endpoint. What is taken in between changes nothing but how much is left.
   */
  readOn(model: string, isOver: () => boolean): boolean;
  /** Empty for a model that nothing is known of. */
  table(model: string): ModelScoreTable;
  /** Over the state hashes of all `models()`. Reads what has changed of every one of them. */
  stateSha256(): Uint8Array;
  stats(): FoldStats;
  /** Bytes held in counters of endpoints: looks at every one of them. */
  heldBytes(): number;
};

export type StoredAt = {
  readonly sequence: number;
  /** Epoch milliseconds by the stream's clock. Fractions are cut off. */
  readonly storedAtMs: number;
};

export type FoldVerdict =
  | "folded"
  /** For a time that has left the window. */
  | "late"
  /** Of its producer and boot, or of the stream, the number has been taken. */
  | "duplicate"
  | "unknown-layout"
  /** A bound is violated; nothing of it is used. */
  | "invalid"
  /** Says nothing about scores. */
  | "ignored"
  | "too-many-endpoints";

export type FoldStats = {
  /** Reports by verdict, since the fold was made. */
  readonly verdicts: Readonly<Record<FoldVerdict, number>>;
  readonly late: number;
  readonly duplicates: number;
  /** Numbers that producers skipped and that have not come. */
  readonly gaps: number;
  /** Known, of a model or not. */
  readonly endpoints: number;
  readonly producers: number;
};

export type FoldPorts = { readonly hash: Hash };

export type FoldLimits = {
  /** Default 20,000. An endpoint takes 20 to 100 KB. */
  readonly maxEndpoints?: number;
};

/**
 * Grows with any change of what an equal stream amounts to: of the fold, and of what is let into it
 * (`health/report-intake.ts`). Replicas that differ in that would claim different hashes for one position.
 *
 * 2: a report counts only under the subject of the endpoint that it names.
 * 3: claims and probes count from when they were stored, unless they were held up; results of a minute
 * outweigh its probes.
 * 4: a fingerprint stands for the totals of a window in its hash; a claim that lapses keeps the minutes it
 * spoke for.
 */
export const ALGORITHM_VERSION = 4;

/**
 * How much of the stream a fold has to read before it equals one that has read all of it.
 *
 * 31 minutes are what windows span. Two more keep out the second copy of a report whose first copy was
 * stored just before: its producer's clock may be a minute ahead, and it counts up to a minute later than
 * that clock says. One that does not tell its time counts from when it is stored, so its copies are kept
 * out for two minutes.
 */
export const REPLAY_MS = 33 * 60_000;

/** As far as a clock may be off. */
const CLOCKS_MS = 60_000;

/** As long as a report may be on its way to the stream: beyond that it was held up, as in an outage. */
const DELIVERY_MS = 5_000;

const MAX_ENDPOINTS = 20_000;

type State = {
  readonly board: SharedBoard;
  readonly counts: CellCounts;
  readonly replays: ReplayWindow;
  readonly verdicts: Record<FoldVerdict, number>;
  streamEpoch: number;
  asOfSequence: number;
  asOfMs: number;
};

/** A count of each verdict, to begin with. */
export function noVerdicts(): Record<FoldVerdict, number> {
  return {
    folded: 0,
    late: 0,
    duplicate: 0,
    "unknown-layout": 0,
    invalid: 0,
    ignored: 0,
    "too-many-endpoints": 0,
  };
}

export function createHealthFold(ports: FoldPorts, limits: FoldLimits = {}): HealthFold {
  const state: State = {
    board: createSharedBoard(ports.hash, limits.maxEndpoints ?? MAX_ENDPOINTS),
    counts: createCellCounts(),
    replays: createReplayWindow(),
    verdicts: noVerdicts(),
    streamEpoch: 0,
    asOfSequence: 0,
    asOfMs: 0,
  };
  return {
    restart: (streamEpoch) => restart(state, streamEpoch),
    take(stored, report) {
      const verdict = take(state, stored, report);
      state.verdicts[verdict] += 1;
      return verdict;
    },
    skip(stored) {
      advance(state, stored);
    },
    position: () => positionOf(state),
    changedModels: () => state.board.changedModels(state.asOfMs),
    models: () => state.board.heldModels(state.asOfMs),
    readOn: (model, isOver) => state.board.readOn(model, state.asOfMs, isOver),
    table: (model) => ({
      position: positionOf(state),
      model,
      // Before `endpointsOf`, which may forget the model.
      stateSha256: state.board.stateHashOf(model, state.asOfMs),
      endpoints: state.board.endpointsOf(model, state.asOfMs),
    }),
    stateSha256: () => state.board.stateHash(state.asOfMs),
    stats: () => ({
      verdicts: { ...state.verdicts },
      late: state.verdicts.late,
      duplicates: state.verdicts.duplicate,
      gaps: state.replays.gaps(),
      endpoints: state.board.endpoints(),
      producers: state.replays.producers(),
    }),
    heldBytes: () => state.board.heldBytes(),
  };
}

function restart(state: State, streamEpoch: number): void {
  state.streamEpoch = streamEpoch;
  state.asOfSequence = 0;
  state.asOfMs = 0;
  state.replays.clear();
  state.board.clear();
}

function positionOf({ streamEpoch, asOfSequence, asOfMs }: State): ScorePosition {
  return { algorithmVersion: ALGORITHM_VERSION, streamEpoch, asOfSequence, asOfMs };
}

function take(state: State, stored: StoredAt, report: HealthReport): FoldVerdict {
  if (!advance(state, stored)) {
    return "duplicate";
  }
  if (report.signal.kind === "tick") {
    return "ignored";
  }
  if (!isIdentified(report)) {
    return "invalid";
  }
  const storedAtMs = Math.floor(stored.storedAtMs);
  if (!state.replays.admit(report, storedAtMs)) {
    return "duplicate";
  }
  switch (report.signal.kind) {
    case "outcomes":
      return takeOutcomes(state, report, report.signal, storedAtMs);
    case "probe":
      return takeProbe(state, report, report.signal, storedAtMs);
    case "state":
      return takeClaim(state, report, report.signal, storedAtMs);
    default:
      return "ignored";
  }
}

/** False: the stream has handed it out before. */
function advance(state: State, { sequence, storedAtMs }: StoredAt): boolean {
  // Stated so that what is not a number is refused.
  if (!(sequence > state.asOfSequence)) {
    return false;
  }
  state.asOfSequence = sequence;
  const before = sliceOf(state.asOfMs);
  state.asOfMs = storedAtMs > state.asOfMs ? Math.floor(storedAtMs) : state.asOfMs;
  if (sliceOf(state.asOfMs) > before) {
    state.board.sweep(state.asOfMs);
    state.replays.forget(state.asOfMs);
  }
  return true;
}

function isIdentified({ producer, sequence, endpoint }: HealthReport): boolean {
  return producer !== "" && endpoint !== "" && Number.isSafeInteger(sequence) && sequence > 0;
}

function takeOutcomes(
  state: State,
  report: HealthReport,
  delta: OutcomeDelta,
  storedAtMs: number,
): FoldVerdict {
  if (delta.layoutVersion !== HISTOGRAM_LAYOUT_VERSION) {
    return "unknown-layout";
  }
  const { counts } = state;
  if (!Number.isInteger(delta.slice) || !readDelta(delta, counts)) {
    return "invalid";
  }
  const arrival = sliceOf(storedAtMs);
  // A clock that is ahead cannot tell of what has not happened.
  const slice = Math.min(delta.slice, arrival);
  if (!(slice >= Math.max(arrival, sliceOf(state.asOfMs)) - SLICES)) {
    return "late";
  }
  const endpoint = state.board.endpoint(report.endpoint, report.model, storedAtMs);
  endpoint?.addOutcomes(slice, counts, storedAtMs);
  return endpoint === undefined ? "too-many-endpoints" : "folded";
}

function takeProbe(
  state: State,
  report: HealthReport,
  { passed }: ProbeSignal,
  storedAtMs: number,
): FoldVerdict {
  const atMs = momentOf(report, storedAtMs);
  if (isLate(state, atMs, storedAtMs)) {
    return "late";
  }
  const endpoint = state.board.endpoint(report.endpoint, report.model, storedAtMs);
  endpoint?.addProbe(atMs, passed);
  return endpoint === undefined ? "too-many-endpoints" : "folded";
}

function takeClaim(
  state: State,
  report: HealthReport,
  { state: claimed, reason, ttlMs }: StateSignal,
  storedAtMs: number,
): FoldVerdict {
  if (!(ttlMs > 0)) {
    return "invalid";
  }
  const sinceMs = isOvertaken(state, report)
    ? ownTimeOf(report, storedAtMs)
    : momentOf(report, storedAtMs);
  if (isLate(state, sinceMs, storedAtMs)) {
    return "late";
  }
  const untilMs = sinceMs + Math.floor(Math.min(ttlMs, MAX_CLAIM_MS));
  const endpoint = state.board.endpoint(report.endpoint, report.model, storedAtMs);
  endpoint?.addClaim({ state: claimed, reason, untilMs }, sinceMs);
  return endpoint === undefined ? "too-many-endpoints" : "folded";
}

/**
 * A report that its producer sent again after later ones. One of those may be a newer claim about the same
 * endpoint, and only the producer's own clock tells which was made first.
 */
function isOvertaken({ replays }: State, report: HealthReport): boolean {
  return replays.highestOf(report) > report.sequence;
}

/**
 * The time that a claim or a probe counts from.
 *
 * Clocks of producers differ, that of the stream is one: so it decides, whenever the producer's could
 * mean the same time. What is older than that was held up, as a whole outage of the bus may do, and counts
 * from when it was made: it must not begin anew. Never more than `CLOCKS_MS` after `observedAtMs`.
 */
function momentOf(report: HealthReport, storedAtMs: number): number {
  const ownMs = ownTimeOf(report, storedAtMs);
  return storedAtMs - ownMs <= CLOCKS_MS + DELIVERY_MS
    ? Math.min(storedAtMs, ownMs + CLOCKS_MS)
    : ownMs;
}

/** By the producer's clock, as far as that is possible. Who tells no time means the present. */
function ownTimeOf({ observedAtMs }: HealthReport, storedAtMs: number): number {
  return observedAtMs === 0 ? storedAtMs : Math.min(Math.floor(observedAtMs), storedAtMs);
}

/** The rule of slices, for minutes. */
function isLate({ asOfMs }: State, atMs: number, storedAtMs: number): boolean {
  const oldest = minuteOf(Math.max(asOfMs, storedAtMs)) - WINDOW_MINUTES;
  return !(minuteOf(atMs) >= oldest);
}
