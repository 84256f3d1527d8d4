import type { Log, RpcEnd, RpcSink } from "../domain/ports.ts";
import { createQuietLines } from "./quiet-lines.ts";

/** A caller that sends what cannot be read sends it again. */
const QUIET_MS = 10_000;

/**
 * A line for RPCs that failed before they were calls of the router, such as bad requests: at most one
 * per reason in 10 s. `suppressed` counts what was left out since the line before. Reasons are few.
 *
 * What became a call has its line from the call log, and defects have theirs where they are caught.
 * Callers who leave are an everyday event.
 */
export function createRpcLog(log: Log): RpcSink {
  const lines = createQuietLines<string>(QUIET_MS);
  return (end) => {
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
