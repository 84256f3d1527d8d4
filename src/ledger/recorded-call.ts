import type { AttemptRecord, CallEnd, CompletionCall } from "../domain/call.ts";
import type { RecordedCall } from "../domain/ledger.ts";
import { type Outcome, quotesProvider } from "../domain/outcome.ts";
import type { RouterError } from "../domain/router-error.ts";

/** In place of words that may quote the prompt or the answer. */
const WITHHELD = "The provider's words are for the caller alone.";

/**
 * What is remembered of a call. The decision is kept as it is: it refers to the catalogue and to nothing
 * of the caller's. Names and labels are bounded where requests are decoded.
 */
export function recordedCallOf(call: CompletionCall, end: CallEnd): RecordedCall {
  const { caller, policy } = call;
  const { error } = end;
  const answered = end.usage === undefined ? undefined : end;
  return {
    id: call.id,
    trace: call.trace,
    receivedAtMs: call.receivedAtMs,
    application: caller.application,
    labels: caller.labels,
    model: call.spec.model,
    operation: policy.operation,
    tier: policy.tier,
    streaming: call.streaming,
    decision: end.decision,
    attempts: attemptsOf(end.attempts),
    error: error === undefined ? undefined : errorOf(error, end.attempts),
    partial: answered?.partial ?? false,
    usage: answered?.usage,
    cost: answered?.cost,
    timings: end.timings,
    outputTokensPerSecond: answered?.outputTokensPerSecond ?? 0,
    upstreamModel: answered?.upstreamModel ?? "",
  };
}

/** Most calls have nothing to leave out. */
function attemptsOf(attempts: readonly AttemptRecord[]): readonly AttemptRecord[] {
  return attempts.every(({ outcome }) => outcome.kind === "success")
    ? attempts
    : attempts.map((attempt) => ({ ...attempt, outcome: withoutCause(attempt.outcome) }));
}

/** A cause is whatever was thrown, with all that hangs on it. */
function withoutCause(outcome: Outcome): Outcome {
  if (outcome.kind === "success") {
    return outcome;
  }
  const { cause: _, ...told } = outcome;
  return quotesProvider.has(told.kind) ? { ...told, message: WITHHELD } : told;
}

/** The error of a call repeats what its last attempt was told. */
function errorOf(
  { code, message }: RouterError,
  attempts: readonly AttemptRecord[],
): RecordedCall["error"] {
  const isQuoted = attempts.some(
    ({ outcome }) => outcome.kind !== "success" && quotesProvider.has(outcome.kind),
  );
  return { code, message: isQuoted ? WITHHELD : message };
}
