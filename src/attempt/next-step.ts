import { type FailureKind, failureTraits, type Outcome } from "../domain/outcome.ts";
import type { PlannedEndpoint } from "../domain/plan.ts";

export type NextStep =
  | { readonly kind: "deliver" }
  /** Try one of these, the first that admits a call. Never empty. */
  | { readonly kind: "try"; readonly endpoints: readonly PlannedEndpoint[] }
  /** Nothing else is left and the connection failed before a byte was sent: the same one once more. */
  | { readonly kind: "again" }
  | { readonly kind: "give-up" };

export type AttemptState = {
  readonly outcome: Outcome;
  /** The endpoint that was just tried. */
  readonly tried: PlannedEndpoint;
  /** Endpoints not tried yet, best first. */
  readonly remaining: readonly PlannedEndpoint[];
  /** Attempts made, this one included. */
  readonly attempts: number;
  readonly maxAttempts: number;
  /** Content has reached the caller. */
  readonly committed: boolean;
  /** Until the deadline. */
  readonly remainingMs: number;
};

/**
 * Decides what follows an attempt. The only place that knows which outcomes move on.
 *
 * Once content reached the caller the answer is never "try": a second endpoint would continue a
 * sentence it did not start.
 */
export function nextStep(state: AttemptState): NextStep {
  const { outcome } = state;
  if (outcome.kind === "success") {
    return { kind: "deliver" };
  }
  const exhausted =
    state.committed || state.attempts >= state.maxAttempts || state.remainingMs <= 0;
  if (exhausted || failureTraits[outcome.kind].elsewhere === "never") {
    return { kind: "give-up" };
  }
  const endpoints = endpointsThatMayHelp(state, outcome.kind);
  if (endpoints.length > 0) {
    return { kind: "try", endpoints };
  }
  const neverConnected = outcome.sent === false && connectionFailures.has(outcome.kind);
  return neverConnected && state.remaining.length === 0 ? { kind: "again" } : { kind: "give-up" };
}

const connectionFailures: ReadonlySet<FailureKind> = new Set(["network", "connect-timeout"]);

/** Best first, those of another account before those that share what may have failed. */
function endpointsThatMayHelp(
  { tried, remaining, remainingMs }: AttemptState,
  kind: FailureKind,
): readonly PlannedEndpoint[] {
  const needsContext = failureTraits[kind].elsewhere === "larger-context";
  const mayHelp = remaining.filter(
    ({ endpoint, prediction }) =>
      prediction.firstTokenP50Ms <= remainingMs &&
      (!needsContext || endpoint.contextLength > tried.endpoint.contextLength),
  );
  const isElsewhere = ({ endpoint }: PlannedEndpoint) =>
    endpoint.account !== tried.endpoint.account;
  return [...mayHelp.filter(isElsewhere), ...mayHelp.filter((planned) => !isElsewhere(planned))];
}
