import type { NowMs } from "../domain/ports.ts";

/** Lets others run in the middle of long work. */
export type Turns = {
  /** Work begins. */
  begin(): void;
  /** This piece has lasted long enough. */
  isOver(): boolean;
  /** Resolves when everybody else had a turn, and begins the next piece. */
  next(): Promise<void>;
};

export type TurnPorts = {
  readonly nowMs: NowMs;
  /** Resolves after what waits in the event loop had its turn. */
  readonly yieldTurn: () => Promise<void>;
};

/** A piece ends with the step that outlasts it; others have theirs in the same turn of the event loop. */
const PIECE_MS = 4;

/** Of several who wait each goes on in a turn of the event loop of its own. */
export function createTurns({ nowMs, yieldTurn }: TurnPorts): Turns {
  let beganMs = nowMs();
  let lastTurn = Promise.resolve();
  return {
    begin() {
      beganMs = nowMs();
    },
    isOver: () => nowMs() - beganMs >= PIECE_MS,
    async next() {
      lastTurn = lastTurn.then(yieldTurn);
      await lastTurn;
      beganMs = nowMs();
    },
  };
}
