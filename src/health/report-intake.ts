import type { DeadLetters, StoredReport } from "../domain/bus.ts";
import type { FoldVerdict, HealthFold } from "../score/health-fold.ts";
import { decodeReport } from "./report-codec.ts";
import type { Turns } from "./turns.ts";

/**
 * Feeds the fold with what the stream holds, in its order.
 *
 * While tables are read from the fold it has to stand still, so that all of them tell of one position:
 * what comes then waits, and is folded afterwards in pieces.
 */
export type ReportIntake = {
  /** Forgets what waits. */
  began(streamEpoch: number): void;
  take(stored: StoredReport): void;
  /** From here on reports wait. */
  hold(): void;
  /** Folds what waits, and what comes meanwhile; resolves when nothing waits. */
  release(): Promise<void>;
  waiting(): number;
  counts(): IntakeCounts;
};

export type IntakeCounts = {
  readonly verdicts: Readonly<Record<FoldVerdict, number>>;
  readonly undecodable: number;
  /** Unreadable reports of which no copy could be kept, because too many came at once. */
  readonly lettersDropped: number;
};

/** What a fold takes in. */
export type FoldInput = Pick<HealthFold, "restart" | "take" | "skip">;

export type IntakePorts = {
  readonly fold: FoldInput;
  readonly deadLetters: DeadLetters;
  readonly turns: Turns;
};

/** Whoever floods the stream with rubbish must not fill our memory with letters about it. */
const MAX_LETTERS_AT_A_TIME = 16;

type State = IntakePorts & {
  readonly verdicts: Record<FoldVerdict, number>;
  undecodable: number;
  lettersDropped: number;
  lettersOnTheWay: number;
  isHeld: boolean;
  queue: StoredReport[];
  /** Those of the queue before it are folded. */
  head: number;
};

export function createReportIntake(ports: IntakePorts): ReportIntake {
  const state: State = {
    ...ports,
    verdicts: {
      folded: 0,
      late: 0,
      duplicate: 0,
      "unknown-layout": 0,
      invalid: 0,
      ignored: 0,
      "too-many-endpoints": 0,
    },
    undecodable: 0,
    lettersDropped: 0,
    lettersOnTheWay: 0,
    isHeld: false,
    queue: [],
    head: 0,
  };
  return {
    began(streamEpoch) {
      empty(state);
      ports.fold.restart(streamEpoch);
    },
    take(stored) {
      if (state.isHeld || state.queue.length > 0) {
        state.queue.push(stored);
      } else {
        foldOne(state, stored);
      }
    },
    hold() {
      state.isHeld = true;
    },
    release: () => foldWaiting(state),
    waiting: () => state.queue.length - state.head,
    counts: () => ({
      verdicts: { ...state.verdicts },
      undecodable: state.undecodable,
      lettersDropped: state.lettersDropped,
    }),
  };
}

function empty(state: State): void {
  state.queue = [];
  state.head = 0;
}

async function foldWaiting(state: State): Promise<void> {
  const { turns } = state;
  state.isHeld = false;
  turns.begin();
  while (state.head < state.queue.length) {
    // Within the queue's length.
    const stored = state.queue[state.head] as StoredReport;
    state.head += 1;
    foldOne(state, stored);
    if (turns.isOver()) {
      await turns.next();
    }
  }
  empty(state);
}

function foldOne(state: State, stored: StoredReport): void {
  const decoded = decodeReport(stored.bytes);
  if ("problem" in decoded) {
    state.undecodable += 1;
    state.fold.skip(stored);
    keepApart(state, stored, decoded.problem);
    return;
  }
  const verdict = state.fold.take(stored, decoded);
  state.verdicts[verdict] += 1;
  if (verdict === "unknown-layout" || verdict === "invalid") {
    keepApart(state, stored, verdict);
  }
}

function keepApart(state: State, report: StoredReport, reason: string): void {
  if (state.lettersOnTheWay >= MAX_LETTERS_AT_A_TIME) {
    state.lettersDropped += 1;
    return;
  }
  state.lettersOnTheWay += 1;
  const isDone = () => {
    state.lettersOnTheWay -= 1;
  };
  state.deadLetters.put({ reason, report }).then(isDone, isDone);
}
