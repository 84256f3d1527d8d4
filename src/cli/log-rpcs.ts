import type { Log, RpcEnd, RpcSink } from "../domain/ports.ts";
import type { TraceContext } from "../domain/trace.ts";
import { createLineSampling } from "./line-sampling.ts";
import { createQuietLines } from "./quiet-lines.ts";

/** A caller that sends what cannot be read sends it again. */
const QUIET_MS = 10_000;

/**
 * A line for RPCs that the call log does not tell of.
 *
 * - `request refused`: it failed before it was a call of the router, as bad requests do. At most one per
 *   reason in 10 s; reasons are few.
 * - `answered again`: it repeated a call, and got what that one ended with, or ended while it waited for
 *   that. At most `callsPerSecond`, which is read anew for each; 0, the default, writes none.
 *
 * `suppressed` counts the lines of the same kind that were left out since the one before. Defects have
 * their line where they are caught. Callers who leave are an everyday event.
 */
export function createRpcLog(log: Log, callsPerSecond: () => number = () => 0): RpcSink {
  const lines = createQuietLines<string>(QUIET_MS);
  const repeats = createLineSampling(callsPerSecond);

  function tellRepeat(end: RpcEnd, first: TraceContext): void {
    const { callId: call, status, reason, trace, receivedAtMs, endedAtMs } = end;
    const suppressed = repeats.pass(endedAtMs);
    if (suppressed !== undefined) {
      log("info", "answered again", {
        call,
        trace: trace.traceId,
        firstTrace: first.traceId,
        status,
        reason,
        tookMs: Math.round(endedAtMs - receivedAtMs),
        suppressed,
      });
    }
  }

  return (end) => {
    if (end.repeats !== undefined) {
      tellRepeat(end, end.repeats);
    }
    if (!isTold(end)) {
      return;
    }
    const { method, status, reason, system, peer, trace, endedAtMs } = end;
    const suppressed = lines.pass(reason ?? status, endedAtMs);
    if (suppressed !== undefined) {
      const words = { method, status, reason, system, peer };
      log("info", "request refused", { ...words, trace: trace.traceId, suppressed });
    }
  };
}

function isTold({ status, callId }: RpcEnd): boolean {
  return callId === undefined && status !== "OK" && status !== "CANCELLED" && status !== "INTERNAL";
}
