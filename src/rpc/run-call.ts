import type { CancelSignal } from "../domain/cancel.ts";
import type { Schedule } from "../domain/ports.ts";
import { RouterError } from "../domain/router-error.ts";
import type { CallContext } from "./rpc-service.ts";

export type RunCallOptions = {
  /** Epoch milliseconds. */
  readonly deadlineMs: number;
  readonly nowMs: number;
  readonly schedule: Schedule;
};

/**
 * How long work may take to end in its own words after the abort. The attempts and the usage of a
 * call that ran out of time are known to the router alone, and adapters let go within 50 ms.
 */
const SETTLE_MS = 100;

/**
 * Runs `work` and settles as it does, at the latest `SETTLE_MS` after the deadline or after the abort.
 *
 * The router keeps the deadline itself; this is the net below it, so that no defect there can keep a
 * caller waiting. A call whose deadline has passed on arrival is not begun.
 */
export function runCall<Result>(
  { signal, abort }: Pick<CallContext, "signal" | "abort">,
  { deadlineMs, nowMs, schedule }: RunCallOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  if (deadlineMs <= nowMs) {
    return Promise.reject(deadlinePassed("queued"));
  }
  return new Promise((resolve, reject) => {
    let callOffGrace: (() => void) | undefined;
    const onAbort = () => {
      callOffGrace = schedule(SETTLE_MS, () => {
        finish();
        reject(reasonOf(signal));
      });
    };
    let callOffDeadline = schedule(deadlineMs - nowMs, () => {
      // What has arrived is read first, as by the clocks of an attempt: it may have come in time.
      callOffDeadline = schedule(0, () => abort(deadlinePassed("waiting")));
    });
    const finish = () => {
      callOffDeadline();
      callOffGrace?.();
      signal.removeEventListener("abort", onAbort);
    };
    if (signal.aborted) {
      onAbort();
    } else {
      signal.addEventListener("abort", onAbort);
    }
    work().then(
      (result) => {
        finish();
        resolve(result);
      },
      (error: unknown) => {
        finish();
        // A rejection is passed on as it is; what it may say is decided in `status.ts`.
        reject(error as Error);
      },
    );
  });
}

/** `phase` says where the call was: not begun, or with the router. */
function deadlinePassed(phase: "queued" | "waiting"): RouterError {
  return new RouterError("deadline-exceeded", "The deadline of the call has passed.", {
    metadata: { phase },
  });
}

/** Why a call was aborted, in the router's words. */
export function reasonOf({ reason }: CancelSignal): RouterError {
  const why: unknown = reason;
  return why instanceof RouterError
    ? why
    : new RouterError("canceled", "The caller has gone.", { cause: why });
}
