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

export function startClocks(
  limits: ClockLimits,
  expire: (kind: Expiry) => void,
  { nowMs, schedule }: ClockPorts,
): Clocks {
  const startedAtMs = nowMs();
  let lastActivityMs = startedAtMs;
  let hasContent = false;
  let cancel = arm(startedAtMs);

  function dueMs(): number {
    return hasContent ? lastActivityMs + limits.idleMs : startedAtMs + limits.firstTokenMs;
  }

  /** Never sleeps past the idle limit, so that content which shortens the wait is noticed in time. */
  function arm(atMs: number): () => void {
    const nearestMs = Math.min(dueMs(), limits.deadlineMs, atMs + limits.idleMs);
    return schedule(Math.max(0, nearestMs - atMs), look);
  }

  function look(): void {
    const atMs = nowMs();
    if (atMs >= limits.deadlineMs) {
      expire("total-timeout");
    } else if (atMs >= dueMs()) {
      // A busy event loop runs late timers before it reads what has long arrived: let it read first.
      cancel = schedule(0, confirm);
    } else {
      cancel = arm(atMs);
    }
  }

  function confirm(): void {
    const atMs = nowMs();
    if (atMs >= dueMs()) {
      expire(hasContent ? "idle-timeout" : "first-token-timeout");
    } else {
      cancel = arm(atMs);
    }
  }

  return {
    activity(atMs) {
      lastActivityMs = atMs;
    },
    content(atMs) {
      hasContent = true;
      lastActivityMs = atMs;
    },
    stop() {
      cancel();
    },
  };
}
