import type { DeadLetters, StoredReport } from "../domain/bus.ts";
import type { HealthReport } from "../domain/health.ts";
import { type FoldVerdict, type HealthFold, noVerdicts } from "../score/health-fold.ts";
import { createTokenCheck, type TokenCheck } from "./endpoint-token.ts";
import { createLetterBox, type LetterBox } from "./letter-box.ts";
import type { ProcessTracer } from "./process-tracer.ts";
import { decodeReport } from "./report-codec.ts";
import type { Turns } from "./turns.ts";

/**
 * Feeds the fold with what the stream holds, in its order.
 *
 * While tables are read from the fold it has to stand still, so that all of them tell of one position:
 * what comes then waits, and is folded afterwards in pieces.
 *
 * Whom the bus lets publish under the token of one endpoint must not tell about another: a report counts
 * only under the token of the endpoint that it names.
 */
export type ReportIntake = {
  /** Forgets what waits. */
  began(streamEpoch: number): void;
  /** What was taken so far had been stored before following began. */
  caughtUp(): void;
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
  /** Reports under the token of another endpoint than they name. */
  readonly wrongToken: number;
  /** Dead letters of which no copy could be kept, because too many came at once. */
  readonly lettersDropped: number;
};

/** What a fold takes in. */
export type FoldInput = Pick<HealthFold, "restart" | "take" | "skip">;

export type IntakePorts = {
  readonly fold: FoldInput;
  readonly deadLetters: DeadLetters;
  readonly turns: Turns;
  /** Absent: no spans are made. */
  readonly tracer?: ProcessTracer | undefined;
};

/** Why such a report is a dead letter. */
const WRONG_TOKEN = "wrong-token";

type State = IntakePorts & {
  readonly verdicts: Record<FoldVerdict, number>;
  readonly isTokenOf: TokenCheck;
  readonly letterBox: LetterBox;
  /** Sequence of the latest report taken. */
  latest: number;
  undecodable: number;
  wrongToken: number;
  isHeld: boolean;
  queue: StoredReport[];
  /** Those of the queue before it are folded. */
  head: number;
};

export function createReportIntake(ports: IntakePorts): ReportIntake {
  const state: State = {
    ...ports,
    verdicts: noVerdicts(),
    isTokenOf: createTokenCheck(),
    letterBox: createLetterBox(ports.deadLetters),
    latest: 0,
    undecodable: 0,
    wrongToken: 0,
    isHeld: false,
    queue: [],
    head: 0,
  };
  return {
    began(streamEpoch) {
      empty(state);
      state.latest = 0;
      ports.tracer?.began();
      ports.fold.restart(streamEpoch);
    },
    caughtUp() {
      ports.tracer?.caughtUp(state.latest);
    },
    take(stored) {
      state.latest = stored.sequence;
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
      wrongToken: state.wrongToken,
      lettersDropped: state.letterBox.dropped(),
    }),
  };
}

function empty(state: State): void {
  state.queue = [];
  state.head = 0;
}

/** What is folded need not be held until all is: a leader may be minutes behind. */
const LET_GO_AT = 512;

async function foldWaiting(state: State): Promise<void> {
  const { turns } = state;
  state.isHeld = false;
  turns.begin();
  while (state.head < state.queue.length) {
    // Within the queue's length.
    const stored = state.queue[state.head] as StoredReport;
    state.head += 1;
    foldOne(state, stored);
    if (state.head === LET_GO_AT) {
      state.queue.splice(0, state.head);
      state.head = 0;
    }
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
    leaveAside(state, stored, { report: undefined, problem: decoded.problem });
    return;
  }
  if (!state.isTokenOf(stored.token, decoded)) {
    state.wrongToken += 1;
    leaveAside(state, stored, { report: undefined, problem: WRONG_TOKEN });
    return;
  }
  const verdict = state.fold.take(stored, decoded);
  state.verdicts[verdict] += 1;
  if (verdict === "unknown-layout" || verdict === "invalid") {
    keepApart(state, stored, { report: decoded, problem: verdict });
  } else {
    state.tracer?.processed(stored, { outcome: verdict, report: decoded, problem: undefined });
  }
}

/** The position moves, and nothing else. */
function leaveAside(state: State, stored: StoredReport, letter: Letter): void {
  state.fold.skip(stored);
  keepApart(state, stored, letter);
}

type Letter = { readonly report: HealthReport | undefined; readonly problem: string };

function keepApart(state: State, stored: StoredReport, letter: Letter): void {
  state.tracer?.processed(stored, { outcome: "dead-letter", ...letter });
  state.letterBox.put({ reason: letter.problem, report: stored });
}
