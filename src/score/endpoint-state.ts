import type { Endpoint } from "../domain/catalog.ts";
import { type FailureKind, failureTraits, type Outcome } from "../domain/outcome.ts";
import type { Observation, Random } from "../domain/ports.ts";
import type { Block, EndpointScore, LiveState } from "../domain/score.ts";
import type { Writable } from "../domain/writable.ts";
import type { AccountState } from "./account-state.ts";
import { type Breaker, type BreakerVerdict, createBreaker } from "./breaker.ts";
import type { Cooldown } from "./cooldown.ts";
import { createLimiter } from "./limiter.ts";
import { createOpenWaits, type OpenWaits } from "./open-waits.ts";
import { createPeakEwma } from "./peak-ewma.ts";
import { createScoreWindow, type ScoreWindow } from "./score-window.ts";

/**
 * Everything this replica knows about one endpoint: the score of record, and beside it what it alone
 * has seen and never shares (breaker, limit, cooldown, moving average, attempts in flight).
 */
export type EndpointState = {
  readonly live: LiveState;
  /** As of the latest `refresh`. */
  score(): EndpointScore | undefined;
  /** Something was recorded since the latest `refresh`, or time changed the score. */
  isStale(nowMs: number): boolean;
  refresh(nowMs: number): void;
  /** Counts an attempt in, whatever speaks against it. */
  start(nowMs: number): void;
  /** Whether the operator has to act before a call may start. */
  isDisabled(nowMs: number): boolean;
  awaitContent(startedAtMs: number): void;
  /** `cameAtMs`, by default `nowMs`, may lie before what was told last. */
  firstContent(startedAtMs: number, nowMs: number, cameAtMs?: number): void;
  /** Counts the attempt out and learns from it. */
  end(observation: Observation, nowMs: number): void;
  wantsTiming(nowMs: number): boolean;
  /** The catalogue changed: takes its figures and gives a misconfigured endpoint another chance. */
  reconfigure(endpoint: Endpoint, shared: SharedState, nowMs: number): void;
};

/** What an endpoint has in common with its siblings. */
export type SharedState = { readonly account: AccountState; readonly cooldown: Cooldown };

/** Enough for the tails of the first token. */
const TIMING_SAMPLES = 20;
/** One a second keeps them alive: up to 1,800 samples a window, at a cost that does not grow with traffic. */
const TIMING_INTERVAL_MS = 1_000;

const COLD_RESULTS = 20;
const COLD_MS = 10_000;

const SLOW_START_MS = 60_000;
const SLOW_START_MIN = 0.1;

/** How long a probe may take to show content: thrice the slow tail, and without one half a minute. */
const LEASE_TAILS = 3;
const MIN_LEASE_MS = 2_000;
const MAX_LEASE_MS = 60_000;
const COLD_LEASE_MS = 30_000;

/** A failure is no faster than twice the slow tail, else failing fast would attract calls. */
const FAILURE_TAILS = 2;

type Parts = {
  readonly live: Writable<LiveState>;
  shared: SharedState;
  readonly breaker: Breaker;
  readonly limiter: ReturnType<typeof createLimiter>;
  readonly firstTokenEwma: ReturnType<typeof createPeakEwma>;
  readonly waits: OpenWaits;
  /** Only once there is something to keep: a window takes 20 KB. */
  window: ScoreWindow | undefined;
  score: EndpointScore | undefined;
  isDirty: boolean;
  nextChangeMs: number;
  isMisconfigured: boolean;
  /** When its settings last changed: a refusal of what was asked before says nothing about them. */
  configuredAtMs: number;
  /** When an attempt was last streamed to be measured. */
  timedAtMs: number;
  /** Successes and provider faults ever seen. */
  results: number;
  firstResultAtMs: number;
};

export function createEndpointState(
  endpoint: Endpoint,
  shared: SharedState,
  random: Random,
): EndpointState {
  const breaker = createBreaker(random);
  const firstTokenEwma = createPeakEwma();
  const parts: Parts = {
    live: {
      inflight: 0,
      limit: endpoint.maxConcurrency,
      breaker: breaker.kind,
      cold: true,
      block: (nowMs) => blockOf(parts, nowMs),
      firstTokenEwmaMs: (nowMs) => firstTokenEwma.read(nowMs),
      waitingMs: (nowMs) => parts.waits.oldestMs(nowMs),
      slowStart: (nowMs) => slowStartOf(breaker, nowMs),
    },
    shared,
    breaker,
    limiter: createLimiter(endpoint.maxConcurrency),
    firstTokenEwma,
    waits: createOpenWaits(),
    window: undefined,
    score: undefined,
    isDirty: false,
    nextChangeMs: Number.POSITIVE_INFINITY,
    isMisconfigured: false,
    configuredAtMs: Number.NEGATIVE_INFINITY,
    timedAtMs: Number.NEGATIVE_INFINITY,
    results: 0,
    firstResultAtMs: Number.POSITIVE_INFINITY,
  };
  return {
    live: parts.live,
    score: () => parts.score,
    isStale: (nowMs) => parts.isDirty || nowMs >= parts.nextChangeMs,
    refresh: (nowMs) => refresh(parts, nowMs),
    start(nowMs) {
      warmUp(parts, nowMs);
      parts.live.inflight += 1;
      breaker.start(nowMs, probeLeaseMs(parts.score));
      parts.live.breaker = breaker.kind;
      parts.shared.account.start(nowMs);
    },
    isDisabled: (nowMs) => parts.isMisconfigured || nowMs < parts.shared.account.blockedUntilMs,
    awaitContent: (startedAtMs) => parts.waits.begin(startedAtMs),
    firstContent: (startedAtMs, nowMs, cameAtMs = nowMs) =>
      takeFirstContent(parts, startedAtMs, nowMs, cameAtMs),
    end(observation, nowMs) {
      stopWaiting(parts, observation);
      observeFirstToken(parts, observation, nowMs);
      learn(parts, observation, nowMs);
      parts.live.inflight = Math.max(0, parts.live.inflight - 1);
      parts.live.breaker = breaker.kind;
      parts.live.limit = parts.limiter.limit;
      parts.window ??= createScoreWindow(nowMs);
      parts.window.record(observation, nowMs);
      parts.isDirty = true;
    },
    wantsTiming: (nowMs) => wantsTiming(parts, nowMs),
    reconfigure({ maxConcurrency }, next, nowMs) {
      parts.configuredAtMs = nowMs;
      parts.shared = next;
      parts.limiter.setMax(maxConcurrency);
      parts.live.limit = parts.limiter.limit;
      parts.isMisconfigured = false;
    },
  };
}

function slowStartOf({ kind, recoveredAtMs }: Breaker, nowMs: number): number {
  if (kind !== "closed") {
    return SLOW_START_MIN;
  }
  return Math.min(1, Math.max(SLOW_START_MIN, (nowMs - recoveredAtMs) / SLOW_START_MS));
}

/** What lasts longest among the things only time can end; the operator's before all, the limit last. */
function blockOf(parts: Parts, nowMs: number): Block | undefined {
  const { live, shared, breaker } = parts;
  if (parts.isMisconfigured) {
    return { reason: "misconfigured", untilMs: Number.POSITIVE_INFINITY };
  }
  if (nowMs < shared.account.blockedUntilMs) {
    return { reason: shared.account.fault, untilMs: shared.account.blockedUntilMs };
  }
  const breakerMs = breaker.blockedUntilMs;
  const cooldownMs = shared.cooldown.untilMs;
  if (nowMs < breakerMs && breakerMs >= cooldownMs) {
    return { reason: "breaker-open", untilMs: breakerMs };
  }
  if (nowMs < cooldownMs) {
    return { reason: "rate-limited", untilMs: cooldownMs };
  }
  return live.inflight >= parts.limiter.max
    ? { reason: "at-concurrency-limit", untilMs: nowMs }
    : undefined;
}

function refresh(parts: Parts, nowMs: number): void {
  warmUp(parts, nowMs);
  parts.isDirty = false;
  parts.score = parts.window?.read(nowMs);
  parts.nextChangeMs = parts.window?.nextChangeMs(nowMs) ?? Number.POSITIVE_INFINITY;
  if (parts.score === undefined && parts.nextChangeMs === Number.POSITIVE_INFINITY) {
    parts.window = undefined;
  }
}

function warmUp(parts: Parts, nowMs: number): void {
  if (parts.live.cold && parts.results >= COLD_RESULTS) {
    parts.live.cold = nowMs - parts.firstResultAtMs < COLD_MS;
  }
}

function wantsTiming(parts: Parts, nowMs: number): boolean {
  const isDue =
    (parts.window?.firstTokenSamples() ?? 0) < TIMING_SAMPLES ||
    nowMs - parts.timedAtMs >= TIMING_INTERVAL_MS;
  if (isDue) {
    parts.timedAtMs = nowMs;
  }
  return isDue;
}

function probeLeaseMs(score: EndpointScore | undefined): number {
  const p95 = score?.firstTokenMs.p95;
  return p95 === undefined
    ? COLD_LEASE_MS
    : Math.min(MAX_LEASE_MS, Math.max(MIN_LEASE_MS, LEASE_TAILS * p95));
}

/** Now and not at the end, which may be minutes away: then it would be old news taken for the latest. */
function takeFirstContent(
  parts: Parts,
  startedAtMs: number,
  nowMs: number,
  cameAtMs: number,
): void {
  const { waits, firstTokenEwma, breaker, live } = parts;
  if (waits.end(startedAtMs)) {
    firstTokenEwma.observe(cameAtMs - startedAtMs, nowMs);
  }
  breaker.firstContent(startedAtMs, nowMs);
  live.breaker = breaker.kind;
}

/** With its content an attempt has stopped waiting before, and another may have begun at the same time. */
function stopWaiting({ waits }: Parts, { attempt, streamed }: Observation): void {
  if (streamed && attempt.firstTokenMs === undefined) {
    waits.end(attempt.startedAtMs);
  }
}

/**
 * Keeps the moving average honest about what was not measured: a failure counts as a slow answer, and
 * a wait that the caller ended shows that the first token takes at least as long.
 */
function observeFirstToken(
  { firstTokenEwma, score }: Parts,
  { attempt, streamed }: Observation,
  nowMs: number,
): void {
  const { kind } = attempt.outcome;
  const elapsedMs = attempt.firstTokenMs ?? attempt.durationMs;
  if (!Number.isFinite(elapsedMs)) {
    return;
  }
  if (kind !== "success" && failureTraits[kind].evidence === "bad") {
    const tailMs = score?.firstTokenMs.p95 ?? 0;
    firstTokenEwma.observe(Math.max(elapsedMs, FAILURE_TAILS * tailMs), nowMs);
  } else if (
    streamed &&
    attempt.firstTokenMs === undefined &&
    (kind === "canceled" || kind === "total-timeout")
  ) {
    firstTokenEwma.observeAtLeast(elapsedMs, nowMs);
  }
}

function learn(parts: Parts, { attempt }: Observation, nowMs: number): void {
  const { outcome } = attempt;
  const verdict = verdictOf(outcome);
  parts.breaker.end(verdict, attempt.startedAtMs, nowMs);
  if (verdict !== "ignorable") {
    parts.results += 1;
    parts.firstResultAtMs = Math.min(parts.firstResultAtMs, nowMs);
    warmUp(parts, nowMs);
  }
  if (outcome.kind === "success") {
    parts.limiter.success(parts.live.inflight);
    parts.isMisconfigured = false;
    parts.shared.account.enable();
    return;
  }
  const traits = failureTraits[outcome.kind];
  if (traits.overload) {
    parts.limiter.overload(parts.live.inflight, nowMs, parts.score?.firstTokenMs.p50);
  }
  if (traits.evidence === "rate" || (traits.overload && outcome.retryAfterMs !== undefined)) {
    parts.shared.cooldown.extend(nowMs, outcome.retryAfterMs);
  }
  if (attempt.startedAtMs >= parts.configuredAtMs) {
    switchOff(parts, outcome.kind, nowMs);
  }
}

function switchOff(parts: Parts, kind: FailureKind, nowMs: number): void {
  parts.isMisconfigured ||= failureTraits[kind].disables === "endpoint";
  if (kind === "credentials" || kind === "quota-exhausted") {
    parts.shared.account.disable(kind, nowMs);
  }
}

function verdictOf(outcome: Outcome): BreakerVerdict {
  if (outcome.kind === "success") {
    return "success";
  }
  if (failureTraits[outcome.kind].evidence !== "bad") {
    return "ignorable";
  }
  const neverConnected =
    outcome.kind === "connect-timeout" || (outcome.kind === "network" && outcome.sent === false);
  return neverConnected ? "connect-fault" : "fault";
}
