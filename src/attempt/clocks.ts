import type { FailureKind } from "../domain/outcome.ts";
import type { Prediction } from "../domain/plan.ts";
import type { NowMs, Schedule } from "../domain/ports.ts";

/**
 * The clocks of one attempt.
 *
 * One timer serves all of them: it sleeps until the nearest clock could run out and looks again. An
 * event only writes down when it came, so a token costs no timer. The fourth clock, connecting, runs
 * where the socket is, in `upstream/`.
 */
export type Clocks = {
  /** Something arrived, content or not. Epoch milliseconds. */
  activity(atMs: number): void;
  /** Content arrived: from here on the idle clock runs instead of the first-token clock. */
  content(atMs: number): void;
  stop(): void;
};

/** The failure that a clock which ran out stands for. */
export type Expiry = Extract<FailureKind, "first-token-timeout" | "idle-timeout" | "total-timeout">;

export type ClockLimits = {
  /** To the first content; for an answer that comes whole, to all of it. */
  readonly firstTokenMs: number;
  /** Between two arrivals after the first content. */
  readonly idleMs: number;
  /** Epoch milliseconds. */
  readonly deadlineMs: number;
};

export type TimeoutSettings = {
  /** Three times the endpoint's p95, but at least this. Default 2,000. */
  readonly firstTokenMinMs: number;
  /** ... and at most this. Default 60,000. */
  readonly firstTokenMaxMs: number;
  /** For an endpoint nobody has measured. Default 30,000. */
  readonly firstTokenColdMs: number;
  /** Default 30,000: providers pause for seconds, proxies in between give up after a minute. */
  readonly idleMs: number;
};

export type ClockPorts = { readonly nowMs: NowMs; readonly schedule: Schedule };

export type AttemptClockInput = {
  readonly prediction: Prediction;
  readonly settings: TimeoutSettings;
  readonly streamed: boolean;
  readonly estimatedOutputTokens: number;
  /** The model was asked to think first, which takes long and says nothing meanwhile. */
  readonly reasoning: boolean;
  /** No other attempt can follow: it gets all the time that is left. */
  readonly last: boolean;
  readonly deadlineMs: number;
};

/** An answer that comes whole also has to be generated before its first byte. */
export function clockLimitsOf(input: AttemptClockInput): ClockLimits {
  const { settings, deadlineMs } = input;
  return {
    firstTokenMs: input.last ? Number.POSITIVE_INFINITY : firstTokenLimitMs(input),
    idleMs: settings.idleMs,
    deadlineMs,
  };
}

function firstTokenLimitMs(input: AttemptClockInput): number {
  const { prediction, settings, streamed, reasoning } = input;
  const generationMs = streamed
    ? 0
    : (input.estimatedOutputTokens / Math.max(prediction.tokensPerSecond, 1)) * 1_000;
  const cold = reasoning ? settings.firstTokenMaxMs : settings.firstTokenColdMs;
  const firstTokenMs = prediction.measured
    ? Math.max(settings.firstTokenMinMs, 3 * prediction.firstTokenP95Ms)
    : cold;
  return Math.min(firstTokenMs, settings.firstTokenMaxMs) + 3 * generationMs;
}

type Running = Clocks & {
  readonly limits: ClockLimits;
  readonly expire: (kind: Expiry) => void;
  readonly ports: ClockPorts;
  readonly startedAtMs: number;
  lastActivityMs: number;
  hasContent: boolean;
  /** Calls off the timer. */
  cancel: () => void;
};

export function startClocks(
  limits: ClockLimits,
  expire: (kind: Expiry) => void,
  ports: ClockPorts,
): Clocks {
  const startedAtMs = ports.nowMs();
  const clocks: Running = {
    limits,
    expire,
    ports,
    startedAtMs,
    lastActivityMs: startedAtMs,
    hasContent: false,
    cancel: ports.schedule(waitMs(limits, startedAtMs + limits.firstTokenMs, startedAtMs), () =>
      look(clocks),
    ),
    activity,
    content,
    stop,
  };
  return clocks;
}

function activity(this: Clocks, atMs: number): void {
  (this as Running).lastActivityMs = atMs;
}

function content(this: Clocks, atMs: number): void {
  const clocks = this as Running;
  clocks.hasContent = true;
  clocks.lastActivityMs = atMs;
}

function stop(this: Clocks): void {
  (this as Running).cancel();
}

function dueMs({ hasContent, lastActivityMs, startedAtMs, limits }: Running): number {
  return hasContent ? lastActivityMs + limits.idleMs : startedAtMs + limits.firstTokenMs;
}

/** Never sleeps past the idle limit, so that content which shortens the wait is noticed in time. */
function waitMs({ deadlineMs, idleMs }: ClockLimits, due: number, atMs: number): number {
  return Math.max(0, Math.min(due, deadlineMs, atMs + idleMs) - atMs);
}

function arm(clocks: Running, atMs: number): void {
  const { limits, ports } = clocks;
  clocks.cancel = ports.schedule(waitMs(limits, dueMs(clocks), atMs), () => look(clocks));
}

function look(clocks: Running): void {
  const { limits, ports } = clocks;
  const atMs = ports.nowMs();
  if (atMs >= Math.min(dueMs(clocks), limits.deadlineMs)) {
    // A busy event loop runs late timers before it reads what has long arrived: let it read first.
    clocks.cancel = ports.schedule(0, () => confirm(clocks));
  } else {
    arm(clocks, atMs);
  }
}

function confirm(clocks: Running): void {
  const { limits, hasContent, expire, ports } = clocks;
  const atMs = ports.nowMs();
  if (atMs >= limits.deadlineMs) {
    expire("total-timeout");
  } else if (atMs >= dueMs(clocks)) {
    expire(hasContent ? "idle-timeout" : "first-token-timeout");
  } else {
    arm(clocks, atMs);
  }
}
