import type { EndpointId } from "../domain/endpoint.ts";
import type { Failure, FailureKind } from "../domain/outcome.ts";
import type { Log, Observation, ObservationSink } from "../domain/ports.ts";
import { createQuietLines, type QuietLines } from "./quiet-lines.ts";

/** Failures that end when somebody acts, and would go unseen while other endpoints take the calls. */
const needsSomebody: ReadonlySet<FailureKind> = new Set<FailureKind>([
  "credentials",
  "quota-exhausted",
  "model-not-found",
  "malformed-response",
]);

/** A broken endpoint fails thousands of times a second, in the same way. */
const QUIET_MS = 10_000;

/**
 * A line for every failed attempt that has a cause to tell or that only somebody's action ends, also
 * when the call itself succeeded elsewhere; at most one per endpoint and kind in 10 s. `suppressed`
 * counts the attempts that were left out since the line before.
 */
export function createAttemptLog(log: Log): ObservationSink {
  const lines = new Map<EndpointId, QuietLines<FailureKind>>();

  function linesOf(id: EndpointId): QuietLines<FailureKind> {
    const known = lines.get(id) ?? createQuietLines<FailureKind>(QUIET_MS);
    lines.set(id, known);
    return known;
  }

  return (observation) => {
    const { attempt, endedAtMs } = observation;
    const { outcome, endpoint } = attempt;
    if (outcome.kind === "success" || !isTold(outcome)) {
      return;
    }
    const suppressed = linesOf(endpoint.id).pass(outcome.kind, endedAtMs);
    if (suppressed !== undefined) {
      log("warn", "attempt failed", fieldsOf(observation, outcome, suppressed));
    }
  };
}

function isTold({ kind, cause }: Failure): boolean {
  return cause !== undefined || needsSomebody.has(kind);
}

function fieldsOf(
  { callId, trace, attempt }: Observation,
  { kind, message, cause }: Failure,
  suppressed: number,
): Readonly<Record<string, unknown>> {
  const { endpoint, number, httpStatus, upstreamRequestId } = attempt;
  return {
    call: callId,
    trace: trace.traceId,
    attempt: number,
    endpoint: endpoint.id,
    failure: kind,
    reason: message,
    httpStatus,
    upstreamRequestId,
    cause,
    suppressed,
  };
}
