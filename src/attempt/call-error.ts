import type { AttemptRecord } from "../domain/call.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { Failure, FailureKind } from "../domain/outcome.ts";
import { RouterError, type RouterErrorCode } from "../domain/router-error.ts";

export type FailedCall = {
  readonly attempts: readonly AttemptRecord[];
  /** Of the last attempt. */
  readonly endpoint: EndpointId;
  /** Content reached the caller before the failure. */
  readonly committed: boolean;
  readonly outputTokens: number;
};

/** Failures whose own wording helps the caller mend the request. */
const callersFaults: Partial<Record<FailureKind, RouterErrorCode>> = {
  "bad-request": "request-refused",
  "context-length": "context-length-exceeded",
  "content-filter": "content-filtered",
};

/** When every attempt failed for the same reason, the call did. */
const commonCauses: Partial<Record<FailureKind, RouterErrorCode>> = {
  "rate-limited": "upstream-rate-limited",
  "quota-exhausted": "upstream-quota-exhausted",
  credentials: "upstream-auth-failed",
};

/** What the caller is told when no attempt delivered a whole answer. */
export function callErrorOf(failure: Failure, failed: FailedCall): RouterError {
  const { attempts, endpoint, committed, outputTokens } = failed;
  const metadata = { attempts: attempts.map(describeAttempt).join(", ") };
  if (failure.kind === "canceled") {
    return new RouterError("canceled", failure.message, { metadata });
  }
  if (failure.kind === "total-timeout") {
    const phase = committed ? "generating" : "waiting-for-first-token";
    return new RouterError(
      "deadline-exceeded",
      `the deadline passed while ${phase.replaceAll("-", " ")}`,
      {
        metadata: { ...metadata, phase },
      },
    );
  }
  if (committed) {
    return new RouterError(
      "stream-interrupted",
      `${endpoint} broke off after its answer had begun: ${failure.message}`,
      {
        metadata: {
          ...metadata,
          endpoint,
          outputTokensSent: String(outputTokens),
          failure: failure.kind,
        },
      },
    );
  }
  const code = callersFaults[failure.kind];
  return code === undefined
    ? unavailable(failure, attempts, metadata)
    : new RouterError(code, failure.message, { metadata });
}

function unavailable(
  failure: Failure,
  attempts: readonly AttemptRecord[],
  metadata: Readonly<Record<string, string>>,
): RouterError {
  const kinds = new Set(attempts.map(({ outcome }) => outcome.kind));
  const common = kinds.size === 1 ? commonCauses[failure.kind] : undefined;
  const code = common ?? "upstream-unavailable";
  const retryAfterMs = soonestRetryMs(attempts);
  const endpointsTried = new Set(attempts.map(({ endpoint }) => endpoint.id)).size;
  return new RouterError(code, `no endpoint answered; the last one failed: ${failure.message}`, {
    metadata: { ...metadata, endpointsTried: String(endpointsTried) },
    ...(waitingHelps(code) && { retryAfterMs }),
  });
}

function waitingHelps(code: RouterErrorCode): boolean {
  return code === "upstream-rate-limited" || code === "upstream-unavailable";
}

/** Without a word from any provider: a second, long enough for a breaker to have an opinion. */
const DEFAULT_RETRY_MS = 1_000;

function soonestRetryMs(attempts: readonly AttemptRecord[]): number {
  const asked = attempts.flatMap(({ outcome }) =>
    outcome.kind === "success" || outcome.retryAfterMs === undefined ? [] : [outcome.retryAfterMs],
  );
  return asked.length === 0 ? DEFAULT_RETRY_MS : Math.min(...asked);
}

function describeAttempt({ endpoint, outcome, httpStatus }: AttemptRecord): string {
  const status = httpStatus === undefined ? "" : ` (${httpStatus})`;
  return `${endpoint.id}: ${outcome.kind}${status}`;
}
