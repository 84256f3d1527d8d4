import type { AttemptRecord, CompletionCall } from "../domain/call.ts";
import type { Failure } from "../domain/outcome.ts";
import type { PlannedEndpoint, RoutePlan } from "../domain/plan.ts";
import type { Admission, Random } from "../domain/ports.ts";
import { RouterError } from "../domain/router-error.ts";
import type { StreamEvent } from "../domain/stream-event.ts";
import { type AttemptEnd, type AttemptOncePorts, attemptOnce } from "./attempt-once.ts";
import { clockLimitsOf, type TimeoutSettings } from "./clocks.ts";
import { type Heartbeat, startHeartbeat } from "./heartbeat.ts";
import { type NextStep, nextStep } from "./next-step.ts";
import type { RetryBudget } from "./retry-budget.ts";

export type AttemptPorts = AttemptOncePorts & {
  readonly admission: Admission;
  readonly budget: RetryBudget;
  readonly timeouts: TimeoutSettings;
  /** Spreads the waits before the same endpoint is tried again. */
  readonly random: Random;
};

/** How the walk ended: the last attempt decided it. */
export type PlanEnd = {
  readonly attempts: readonly [AttemptRecord, ...AttemptRecord[]];
  readonly last: AttemptEnd;
  /** How long the ends of all others waited for the event loop. */
  readonly waitedMs: number;
  /** Absent: the call succeeded. */
  readonly failure: Failure | undefined;
};

/**
 * The deadline's own error must reach the caller before the caller's library gives up, so the clocks
 * stop this much earlier; a tenth of the time where there is little.
 */
const DEADLINE_MARGIN_MS = 20;

const DEADLINE_PASSED: Failure = { kind: "total-timeout", message: "the deadline passed" };

/**
 * Walks the plan until an endpoint answers or nothing is left worth trying.
 *
 * Output is pushed to `call.emit` as it arrives. Resolves after the last event, with every attempt in
 * order. Each attempt was observed once. Rejects with a `RouterError` when none could start.
 */
export async function attemptPlan(
  plan: RoutePlan,
  call: CompletionCall,
  ports: AttemptPorts,
): Promise<PlanEnd> {
  const heartbeat = heartbeatFor(call, ports);
  const startedAtMs = ports.nowMs();
  const walk = startWalk({ plan, call, ports, heartbeat }, startedAtMs);
  try {
    let planned = admitFirst(walk, startedAtMs);
    for (;;) {
      const end = await attempt(walk, planned);
      walk.attempts.push(end.record);
      const step = stepAfter(walk, end, planned);
      const next = isRetry(step) ? await nextEndpoint(walk, step, planned) : undefined;
      if (next === undefined) {
        return endWalk(walk, end);
      }
      walk.waitedMs += end.waitedMs;
      heartbeat?.noticed();
      call.emit({ kind: "route-switched", failed: end.record, next: next.endpoint.id });
      planned = next;
    }
  } finally {
    heartbeat?.stop();
  }
}

type WalkInput = {
  readonly plan: RoutePlan;
  readonly call: CompletionCall;
  readonly ports: AttemptPorts;
  readonly heartbeat: Heartbeat | undefined;
};

type Walk = {
  readonly plan: RoutePlan;
  readonly call: CompletionCall;
  readonly ports: AttemptPorts;
  readonly maxAttempts: number;
  /** Epoch milliseconds, with the margin taken off. */
  readonly deadlineMs: number;
  /** Not tried yet, best first. */
  readonly remaining: PlannedEndpoint[];
  readonly attempts: AttemptRecord[];
  /** Of the attempts that another one followed. */
  waitedMs: number;
  readonly emit: (event: StreamEvent) => void;
};

function startWalk(input: WalkInput, atMs: number): Walk {
  const { plan, call, ports, heartbeat } = input;
  const leftMs = call.deadlineMs - atMs;
  return {
    plan,
    call,
    ports,
    maxAttempts: maxAttemptsOf(input),
    deadlineMs: call.deadlineMs - Math.min(DEADLINE_MARGIN_MS, leftMs / 10),
    remaining: [...plan.order],
    attempts: [],
    waitedMs: 0,
    emit: heartbeat === undefined ? call.emit : postponing(heartbeat, call),
  };
}

/** What is sent makes the next heartbeat needless. */
function postponing(heartbeat: Heartbeat, { emit }: CompletionCall): Walk["emit"] {
  return (event) => {
    heartbeat.sent();
    emit(event);
  };
}

/** In panic everything is believed to be down: one try is a probe, three would be a storm. */
function maxAttemptsOf({ plan, call }: WalkInput): number {
  const { disableFallbacks, maxAttempts } = call.policy;
  return disableFallbacks || plan.decision.relaxations.includes("panic") ? 1 : maxAttempts;
}

/** Where nothing admits a call, as in panic, the best endpoint that is not switched off is forced. */
function admitFirst(walk: Walk, atMs: number): PlannedEndpoint {
  const { ports, deadlineMs, plan } = walk;
  if (atMs >= deadlineMs) {
    throw new RouterError("deadline-exceeded", "the deadline passed while planning", {
      metadata: { phase: "planning" },
    });
  }
  const planned =
    admitOneOf(walk, plan.order, { nowMs: atMs, force: false }) ??
    admitOneOf(walk, plan.order, { nowMs: atMs, force: true });
  if (planned === undefined) {
    throw new RouterError("upstream-unavailable", "every endpoint of the plan was switched off");
  }
  ports.budget.deposit(atMs);
  return planned;
}

type AdmitOptions = Parameters<Admission["tryStart"]>[1];

/** The first of these that admits a call; it is not tried again. */
function admitOneOf(
  { remaining, ports }: Walk,
  endpoints: readonly PlannedEndpoint[],
  options: AdmitOptions,
): PlannedEndpoint | undefined {
  for (const planned of endpoints) {
    if (ports.admission.tryStart(planned.endpoint, options)) {
      remaining.splice(remaining.indexOf(planned), 1);
      return planned;
    }
  }
  return undefined;
}

const NOBODY: readonly PlannedEndpoint[] = [];

function attempt(walk: Walk, planned: PlannedEndpoint): Promise<AttemptEnd> {
  const { plan, call, ports, attempts, remaining, maxAttempts, deadlineMs, emit } = walk;
  const { admission, nowMs } = ports;
  const streamed = call.streaming || admission.wantsTiming(planned.endpoint.id, nowMs());
  const number = attempts.length + 1;
  const isLast = number >= maxAttempts || remaining.length === 0;
  const limits = clockLimitsOf({
    prediction: planned.prediction,
    settings: ports.timeouts,
    streamed,
    estimatedOutputTokens: plan.decision.estimatedOutputTokens,
    reasoning: call.spec.reasoning !== undefined,
    last: isLast,
    deadlineMs,
  });
  const followers = isLast ? NOBODY : remaining;
  return attemptOnce({ call, planned, number, streamed, limits, followers, emit }, ports);
}

function stepAfter(walk: Walk, end: AttemptEnd, tried: PlannedEndpoint): NextStep {
  const { call, ports, remaining, attempts, maxAttempts, deadlineMs } = walk;
  return nextStep({
    outcome: end.record.outcome,
    tried,
    remaining,
    attempts: attempts.length,
    maxAttempts,
    committed: end.committed,
    remainingMs: call.signal.aborted ? 0 : deadlineMs - ports.nowMs(),
  });
}

type Retry = Extract<NextStep, { kind: "try" | "again" }>;

function isRetry(step: NextStep): step is Retry {
  return step.kind === "try" || step.kind === "again";
}

/** The endpoint of the next attempt, already admitted; absent when none may start. */
function nextEndpoint(
  walk: Walk,
  step: Retry,
  tried: PlannedEndpoint,
): Promise<PlannedEndpoint | undefined> | PlannedEndpoint | undefined {
  return step.kind === "again"
    ? again(walk, tried)
    : retry(walk.ports, (options) => admitOneOf(walk, step.endpoints, options));
}

/** The endpoint's breaker has its say: three failed connections in a row open it. */
async function again(walk: Walk, tried: PlannedEndpoint): Promise<PlannedEndpoint | undefined> {
  const { ports, attempts } = walk;
  const mayStart =
    ports.budget.canWithdraw(ports.nowMs()) && (await backOff(walk, attempts.length));
  return mayStart
    ? retry(ports, (options) =>
        ports.admission.tryStart(tried.endpoint, options) ? tried : undefined,
      )
    : undefined;
}

/**
 * Pays for a retry that starts, and for no other. The budget is asked before the place is taken,
 * because only the observation of an attempt gives a place back.
 */
function retry(
  { budget, nowMs }: AttemptPorts,
  admit: (options: AdmitOptions) => PlannedEndpoint | undefined,
): PlannedEndpoint | undefined {
  const atMs = nowMs();
  const planned = budget.canWithdraw(atMs) ? admit({ nowMs: atMs, force: false }) : undefined;
  if (planned !== undefined) {
    budget.withdraw(atMs);
  }
  return planned;
}

const BACK_OFF_MS = 100;
const MAX_BACK_OFF_MS = 1_000;

/** Full jitter, doubling. False when the caller left, or the deadline leaves no time for it. */
async function backOff({ call, ports, deadlineMs }: Walk, attempts: number): Promise<boolean> {
  const { nowMs, schedule, random } = ports;
  const waitMs = random() * Math.min(BACK_OFF_MS * 2 ** attempts, MAX_BACK_OFF_MS);
  if (nowMs() + waitMs >= deadlineMs) {
    return false;
  }
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancel = schedule(waitMs, resolve);
  const leave = () => resolve();
  call.signal.addEventListener("abort", leave);
  await promise;
  cancel();
  call.signal.removeEventListener("abort", leave);
  return !call.signal.aborted;
}

function endWalk({ attempts, waitedMs, deadlineMs, ports }: Walk, last: AttemptEnd): PlanEnd {
  return {
    // The last one is among them.
    attempts: attempts as [AttemptRecord, ...AttemptRecord[]],
    last,
    waitedMs,
    failure: failureOf(last, { outOfTime: ports.nowMs() >= deadlineMs }),
  };
}

/** A fault that used up the deadline is the deadline's fault to the caller. */
function failureOf(
  { record, committed }: AttemptEnd,
  { outOfTime }: { readonly outOfTime: boolean },
): Failure | undefined {
  const { outcome } = record;
  if (outcome.kind === "success") {
    return undefined;
  }
  const timedOut = outcome.kind === "first-token-timeout" || outcome.kind === "connect-timeout";
  return outOfTime && timedOut && !committed ? DEADLINE_PASSED : outcome;
}

function heartbeatFor(
  call: CompletionCall,
  { nowMs, schedule }: AttemptPorts,
): Heartbeat | undefined {
  if (!call.streaming || call.heartbeatIntervalMs <= 0) {
    return undefined;
  }
  return startHeartbeat(call.heartbeatIntervalMs, {
    nowMs,
    schedule,
    send: (phase) => call.emit({ kind: "heartbeat", phase }),
  });
}
