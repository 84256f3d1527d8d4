import { type FailureKind, failureTraits, type Outcome } from "../domain/outcome.ts";
import type { PlannedEndpoint } from "../domain/plan.ts";

export type NextStep =
  | { readonly kind: "deliver" }
  /** Try this one next. `index` is its place in the remaining endpoints. */
  | { readonly kind: "try"; readonly index: number }
  /** Nothing else is left and no byte was sent: the same endpoint once more. */
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
  const index = nextIndex(state, outcome.kind);
  if (index >= 0) {
    return { kind: "try", index };
  }
  return outcome.sent === false && state.remaining.length === 0
    ? { kind: "again" }
    : { kind: "give-up" };
}

/** The best endpoint that may help, of another account where there is one; -1 when none may. */
function nextIndex({ tried, remaining, remainingMs }: AttemptState, kind: FailureKind): number {
  const needsContext = failureTraits[kind].elsewhere === "larger-context";
  const mayHelp = ({ endpoint, prediction }: PlannedEndpoint) =>
    prediction.firstTokenP50Ms <= remainingMs &&
    (!needsContext || endpoint.contextLength > tried.endpoint.contextLength);
  const elsewhere = remaining.findIndex(
    (planned) => planned.endpoint.account !== tried.endpoint.account && mayHelp(planned),
  );
  return elsewhere >= 0 ? elsewhere : remaining.findIndex(mayHelp);
}
