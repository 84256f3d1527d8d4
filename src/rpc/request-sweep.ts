import type http2 from "node:http2";
import type { Schedule } from "../domain/ports.ts";

/** Knows the streams whose request has not been told to be complete, and gives them up in time. */
export type RequestSweep = {
  /** The headers of a request have arrived. */
  begun(stream: http2.ServerHttp2Stream): void;
  /** Forgets a stream whose request is complete. */
  forgetComplete(stream: http2.ServerHttp2Stream): void;
  /** Nothing is given up any more. */
  stop(): void;
};

export type RequestSweepOptions = {
  /** From the headers of a request to its last byte; held to a second, or a quarter of it if shorter. */
  readonly timeoutMs: number;
  readonly schedule: Schedule;
  readonly onTooSlow: (stream: http2.ServerHttp2Stream) => void;
};

const MAX_INTERVAL_MS = 1_000;
const ROUNDS = 4;

/**
 * One timer for all requests: most are complete before a timer of their own would be worth its cost.
 *
 * Nearly every stream is forgotten when its request is complete. Others are forgotten by the first round
 * that finds them so, and those that were reset by the first that finds them closed.
 */
export function createRequestSweep(options: RequestSweepOptions): RequestSweep {
  const { timeoutMs, schedule, onTooSlow } = options;
  const intervalMs = Math.min(MAX_INTERVAL_MS, timeoutMs / ROUNDS);
  const rounds = Math.ceil(timeoutMs / intervalMs);
  /** By the round in which each began. */
  const receiving = new Map<http2.ServerHttp2Stream, number>();
  let round = 0;
  let callOff: (() => void) | undefined;
  let isStopped = false;

  function sweep(): void {
    callOff = undefined;
    round += 1;
    for (const [stream, begunIn] of receiving) {
      if (isOver(stream)) {
        receiving.delete(stream);
      } else if (round - begunIn > rounds) {
        receiving.delete(stream);
        onTooSlow(stream);
      }
    }
    arm();
  }

  function arm(): void {
    if (callOff === undefined && receiving.size > 0 && !isStopped) {
      callOff = schedule(intervalMs, sweep);
    }
  }

  return {
    begun(stream) {
      receiving.set(stream, round);
      if (callOff === undefined) {
        arm();
      }
    },
    forgetComplete(stream) {
      // What is answered early, as a message that is too large, can go on for ever.
      if (stream.readableEnded) {
        receiving.delete(stream);
      }
    },
    stop() {
      isStopped = true;
      callOff?.();
      receiving.clear();
    },
  };
}

function isOver(stream: http2.ServerHttp2Stream): boolean {
  return stream.readableEnded || stream.closed || stream.destroyed;
}
