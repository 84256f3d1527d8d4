import type http2 from "node:http2";
import type { Schedule } from "../domain/ports.ts";

/** Knows streams that wait for their callers, and gives up those that wait for too long. */
export type StreamSweep = {
  /** It waits from now on. */
  watch(stream: http2.ServerHttp2Stream): void;
  /** Forgets it if its wait is over. */
  check(stream: http2.ServerHttp2Stream): void;
  /** Gives it up in the round after the next, if it is watched and still waits then. */
  hurry(stream: http2.ServerHttp2Stream): void;
  /** Nothing is given up any more. */
  stop(): void;
};

export type StreamSweepOptions = {
  /** Held to a second, or a quarter of it if shorter. */
  readonly timeoutMs: number;
  /** Whether a stream waits no more. One that has closed never does. */
  readonly isOver: (stream: http2.ServerHttp2Stream) => boolean;
  readonly schedule: Schedule;
  readonly onTooSlow: (stream: http2.ServerHttp2Stream) => void;
};

const MAX_INTERVAL_MS = 1_000;
const ROUNDS = 4;

/**
 * One timer for all streams: most waits are over before a timer of their own would be worth its cost.
 *
 * Whoever does not check is forgotten by the first round that finds its wait over.
 */
export function createStreamSweep(options: StreamSweepOptions): StreamSweep {
  const { timeoutMs, isOver, schedule, onTooSlow } = options;
  const intervalMs = Math.min(MAX_INTERVAL_MS, timeoutMs / ROUNDS);
  const rounds = Math.ceil(timeoutMs / intervalMs);
  /** By the round in which each wait began. */
  const waiting = new Map<http2.ServerHttp2Stream, number>();
  let round = 0;
  let callOff: (() => void) | undefined;
  let isStopped = false;

  function isDone(stream: http2.ServerHttp2Stream): boolean {
    return stream.closed || stream.destroyed || isOver(stream);
  }

  function sweep(): void {
    callOff = undefined;
    round += 1;
    for (const [stream, begunIn] of waiting) {
      if (isDone(stream)) {
        waiting.delete(stream);
      } else if (round - begunIn > rounds) {
        waiting.delete(stream);
        onTooSlow(stream);
      }
    }
    arm();
  }

  function arm(): void {
    if (callOff === undefined && waiting.size > 0 && !isStopped) {
      callOff = schedule(intervalMs, sweep);
    }
  }

  return {
    watch(stream) {
      waiting.set(stream, round);
      if (callOff === undefined) {
        arm();
      }
    },
    check(stream) {
      if (isDone(stream)) {
        waiting.delete(stream);
      }
    },
    hurry(stream) {
      if (waiting.has(stream)) {
        waiting.set(stream, round - rounds + 1);
      }
    },
    stop() {
      isStopped = true;
      callOff?.();
      waiting.clear();
    },
  };
}
