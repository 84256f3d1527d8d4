import type { NowMs, Schedule } from "../domain/ports.ts";
import { RouterError } from "../domain/router-error.ts";
import type { CallContext } from "./rpc-service.ts";
import { reasonOf } from "./run-call.ts";

export type WatchLoop = {
  readonly context: CallContext;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  /** Calls `listener` with every change until the returned function is called. Default: never. */
  readonly onChange?: (listener: () => void) => () => void;
  /** Sends what is new; false: nothing was sent. What it throws ends the call. */
  readonly send: () => boolean;
};

/** Scores are published at most once a second. */
const WATCH_INTERVAL_MS = 1_000;

/**
 * Sends at once, then with every change and whenever a second has passed, at most once a second.
 * Goes on until the caller leaves or its deadline passes, so it only ever rejects.
 */
export function watch(loop: WatchLoop): Promise<never> {
  const { context, nowMs, schedule, onChange = () => () => undefined, send } = loop;
  const { signal, timeoutMs, receivedAtMs } = context;
  const endsAtMs = receivedAtMs + (timeoutMs ?? Number.POSITIVE_INFINITY);
  return new Promise((_, reject) => {
    let sentAtMs = Number.NEGATIVE_INFINITY;
    let isOver = false;
    let callOff: () => void = () => undefined;
    const ignore = onChange(() => {
      if (nowMs() - sentAtMs >= WATCH_INTERVAL_MS) {
        look();
      }
    });
    const end = (error: unknown) => {
      isOver = true;
      callOff();
      ignore();
      signal.removeEventListener("abort", onAbort);
      reject(error as Error);
    };
    const onAbort = () => end(reasonOf(signal));
    function look(): void {
      callOff();
      const leftMs = endsAtMs - nowMs();
      if (leftMs <= 0) {
        end(new RouterError("deadline-exceeded", "The deadline of the call has passed."));
        return;
      }
      try {
        sentAtMs = send() ? nowMs() : sentAtMs;
      } catch (error) {
        end(error);
      }
      if (!isOver) {
        callOff = schedule(Math.min(WATCH_INTERVAL_MS, leftMs), look);
      }
    }
    signal.addEventListener("abort", onAbort);
    look();
    if (signal.aborted && !isOver) {
      onAbort();
    }
  });
}
