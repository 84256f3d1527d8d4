import type { CallEnd, CompletionCall } from "../domain/call.ts";
import type { CallSink, Log, NowMs } from "../domain/ports.ts";
import { type RouterErrorCode, routerErrors } from "../domain/router-error.ts";

/** A caller that asks for what there is not asks for it again. */
const QUIET_MS = 10_000;

type Line = { readonly loggedAtMs: number; suppressed: number };

/**
 * A warning for every call that failed and was not its caller's doing.
 *
 * What was refused to a caller before any attempt, as when nothing satisfies its policy, is told as
 * well, at most once per reason in 10 s: the policy may be the operator's. `suppressed` counts the
 * refusals that were left out since the line before. Reasons are few, so this never grows.
 */
export function createCallLog(log: Log, nowMs: NowMs): CallSink {
  const refusals = new Map<RouterErrorCode, Line>();

  /** Refusals left out since the last line; absent when it is too early for another one. */
  function suppressedBefore(reason: RouterErrorCode): number | undefined {
    const last = refusals.get(reason);
    const atMs = nowMs();
    if (last !== undefined && atMs - last.loggedAtMs < QUIET_MS) {
      last.suppressed += 1;
      return undefined;
    }
    refusals.set(reason, { loggedAtMs: atMs, suppressed: 0 });
    return last?.suppressed ?? 0;
  }

  return (call, end) => {
    const { error } = end;
    if (error === undefined) {
      return;
    }
    if (routerErrors[error.code].source !== "caller") {
      log("warn", "call failed", fieldsOf(call, end));
    } else if (end.attempts.length === 0) {
      const suppressed = suppressedBefore(error.code);
      if (suppressed !== undefined) {
        log("info", "call refused", { ...fieldsOf(call, end), suppressed });
      }
    }
  };
}

function fieldsOf({ id, spec }: CompletionCall, { error, attempts, timings }: CallEnd) {
  return {
    call: id,
    reason: error?.code,
    message: error?.message,
    model: spec.model,
    attempts: attempts.map(({ endpoint, outcome }) => `${endpoint.id}: ${outcome.kind}`),
    totalMs: Math.round(timings.total),
  };
}
