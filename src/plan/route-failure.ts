import type { Candidate, RejectionReason } from "../domain/plan.ts";
import type { Violation } from "../domain/router-error.ts";
import { RouterError } from "../domain/router-error.ts";
import { candidatesOf } from "./candidates.ts";
import type { Demand } from "./demand.ts";
import { refusals } from "./refusal-text.ts";
import type { Survey } from "./survey.ts";

/** No caller is told to come back sooner: places free up by the second, not by the millisecond. */
const MIN_RETRY_AFTER_MS = 100;

/**
 * Why no model of the call can be planned. Holds every endpoint with its reasons.
 *
 * In this order: an endpoint that is only full or only switched off upstream is our trouble and passes;
 * a prompt too long for all of them is the caller's; then the gate, if it alone stood in the way; else
 * what the caller allows has no overlap with what there is.
 */
export function routeFailure(surveys: readonly Survey[], demand: Demand): RouterError {
  const candidates = surveys.flatMap((survey) => candidatesOf(survey, demand, new Map()));
  return (
    saturated(surveys, demand, candidates) ??
    switchedOff(candidates) ??
    tooLong(demand, candidates) ??
    ungated(demand, candidates) ??
    new RouterError("no-eligible-endpoint", noneText(surveys, candidates), {
      candidates,
      violations: violationsOf(candidates),
    })
  );
}

function saturated(
  surveys: readonly Survey[],
  { nowMs }: Demand,
  candidates: readonly Candidate[],
): RouterError | undefined {
  const untilMs = surveys.flatMap(({ availability }) =>
    availability.kind === "saturated" ? [availability.untilMs] : [],
  );
  if (untilMs.length === 0) {
    return undefined;
  }
  return new RouterError("upstream-rate-limited", "every endpoint has all the calls it may have", {
    candidates,
    retryAfterMs: Math.max(MIN_RETRY_AFTER_MS, Math.ceil(Math.min(...untilMs) - nowMs)),
  });
}

function switchedOff(candidates: readonly Candidate[]): RouterError | undefined {
  const switched = candidates.filter((candidate) =>
    hasOnly(candidate, ["credentials", "quota-exhausted", "misconfigured"]),
  );
  if (switched.length === 0) {
    return undefined;
  }
  const allFor = (reason: RejectionReason) =>
    switched.every((candidate) => reasonsOf(candidate).includes(reason));
  if (allFor("credentials")) {
    const message = "every endpoint refuses the router's credentials";
    return new RouterError("upstream-auth-failed", message, { candidates });
  }
  if (allFor("quota-exhausted")) {
    const message = "the router's accounts with the providers are out of credit";
    return new RouterError("upstream-quota-exhausted", message, { candidates });
  }
  const message = "every endpoint is switched off or misconfigured";
  return new RouterError("upstream-unavailable", message, { candidates });
}

function tooLong(
  { inputTokens }: Demand,
  candidates: readonly Candidate[],
): RouterError | undefined {
  const maxInputTokens = Math.max(0, ...candidates.map(({ endpoint }) => endpoint.contextLength));
  if (candidates.length === 0 || inputTokens <= maxInputTokens) {
    return undefined;
  }
  return new RouterError(
    "context-length-exceeded",
    `the prompt has about ${inputTokens} tokens, the largest window takes ${maxInputTokens}`,
    {
      candidates,
      metadata: { inputTokens: String(inputTokens), maxInputTokens: String(maxInputTokens) },
    },
  );
}

function ungated({ policy }: Demand, candidates: readonly Candidate[]): RouterError | undefined {
  if (!candidates.some((candidate) => hasOnly(candidate, ["gate-not-green"]))) {
    return undefined;
  }
  return new RouterError(
    "eval-gate-failed",
    policy.operation === ""
      ? "no endpoint serves the released precision, and without an operation there is no eval gate"
      : `no endpoint serves the released precision or has a green eval gate for ${policy.operation}`,
    { candidates, violations: violationsOf(candidates) },
  );
}

/** One violation for each reason, with an endpoint as example. */
function violationsOf(candidates: readonly Candidate[]): readonly Violation[] {
  const examples = new Map<RejectionReason, { count: number; detail: string }>();
  for (const { endpoint, rejections } of candidates) {
    for (const { reason, detail } of rejections) {
      const count = (examples.get(reason)?.count ?? 0) + 1;
      examples.set(reason, {
        count,
        detail: examples.get(reason)?.detail ?? `${endpoint.id}: ${detail}`,
      });
    }
  }
  return Array.from(examples, ([reason, { count, detail }]) => ({
    field: refusals[reason].field,
    description: `${refusals[reason].phrase}: ${count} of ${candidates.length} endpoints; ${detail}`,
  }));
}

function noneText(surveys: readonly Survey[], candidates: readonly Candidate[]): string {
  const models = surveys.map(({ model }) => model.id).join(", ");
  return candidates.length === 0
    ? `no endpoint serves ${models}`
    : `none of ${candidates.length} endpoints of ${models} satisfies the policy and the request`;
}

/** Whether nothing but these stands in the way. */
function hasOnly(candidate: Candidate, reasons: readonly RejectionReason[]): boolean {
  const hard = reasonsOf(candidate);
  return hard.length > 0 && hard.every((reason) => reasons.includes(reason));
}

function reasonsOf({ rejections }: Candidate): readonly RejectionReason[] {
  return rejections.filter(({ soft }) => !soft).map(({ reason }) => reason);
}
