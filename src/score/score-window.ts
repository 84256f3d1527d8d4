import { type FailureKind, failureKinds, failureTraits } from "../domain/outcome.ts";
import type { Observation } from "../domain/ports.ts";
import type { EndpointScore } from "../domain/score.ts";
import { BIN_MS, binOf, createFastWindow, isDegraded } from "./fast-window.ts";
import { bucketOf, percentilesOf } from "./log-histogram.ts";
import { createRollingWindow, type RollingWindow, SLICE_MS, sliceOf } from "./rolling-window.ts";
import { createUptime, MINUTE_MS, minuteOf } from "./uptime.ts";
import {
  type CellGroup,
  durationCells,
  failureCells,
  firstTokenCells,
  SUCCESS_CELL,
  throughputCells,
} from "./window-cells.ts";

/**
 * The score of record of one endpoint: what its attempts said in the last 30 minutes.
 *
 * Successes alone are timed, because a failure that comes fast is not a fast endpoint; an attempt that
 * the caller ended after its first token says as much about that token as any other. An answer that
 * came whole has no first token and no throughput.
 */
export type ScoreWindow = {
  record(observation: Observation, nowMs: number): void;
  /** Samples of the time to first token, as of the latest `record` or `read`. */
  firstTokenSamples(): number;
  /** Rolls to `nowMs` first. Absent without any evidence. The result is frozen. */
  read(nowMs: number): EndpointScore | undefined;
  /** When the next `read` may differ although nothing is recorded; `Infinity` when it cannot. */
  nextChangeMs(nowMs: number): number;
  heldBytes(): number;
};

/** No sample lies beyond a 95th or below a 5th percentile of fewer. */
const MIN_SAMPLES_OF_TAIL = 20;
const MIN_SAMPLES_OF_MEDIAN = 5;
const MIN_RESULTS = 5;

const PERCENTS = [5, 50, 95];

/** Fewer tokens arrive in one or two packets, and their pace is the network's. */
const MIN_OUTPUT_TOKENS = 8;
const MIN_GENERATION_MS = 50;

const badKinds = failureKinds.filter((kind) => failureTraits[kind].evidence === "bad");
const rateKinds = failureKinds.filter((kind) => failureTraits[kind].evidence === "rate");

export function createScoreWindow(nowMs: number): ScoreWindow {
  const window = createRollingWindow(sliceOf(nowMs));
  const uptime = createUptime();
  const recent = createFastWindow();

  function addResult(successes: number, failures: number, atMs: number): void {
    uptime.addResults(minuteOf(atMs), successes, failures);
    recent.addResults(binOf(atMs), successes, failures);
  }

  return {
    record(observation, atMs) {
      const slice = sliceOf(atMs);
      const { kind } = observation.attempt.outcome;
      if (kind === "success") {
        window.add(slice, SUCCESS_CELL, 1);
        addResult(1, 0, atMs);
        addSample(window, durationCells, slice, observation.attempt.durationMs);
        addSample(window, throughputCells, slice, tokensPerSecond(observation));
      } else {
        window.add(slice, failureCells[kind], 1);
        addResult(0, failureTraits[kind].evidence === "bad" ? 1 : 0, atMs);
      }
      if (observation.streamed && timesFirstToken(kind)) {
        addSample(window, firstTokenCells, slice, observation.attempt.firstTokenMs);
      }
    },
    firstTokenSamples: () => window.samples(firstTokenCells),
    read(atMs) {
      window.roll(sliceOf(atMs));
      return readScore(window, uptime.read(minuteOf(atMs)), recent.read(binOf(atMs)));
    },
    nextChangeMs(atMs) {
      const { successes, failures } = recent.read(binOf(atMs));
      if (successes + failures > 0) {
        return nextMultiple(atMs, BIN_MS);
      }
      if (!window.isEmpty()) {
        return nextMultiple(atMs, SLICE_MS);
      }
      const { observedMinutes } = uptime.read(minuteOf(atMs));
      return observedMinutes > 0 ? nextMultiple(atMs, MINUTE_MS) : Number.POSITIVE_INFINITY;
    },
    heldBytes: () => window.heldBytes() + uptime.heldBytes() + recent.heldBytes(),
  };
}

function timesFirstToken(kind: "success" | FailureKind): boolean {
  return kind === "success" || failureTraits[kind].evidence === "none";
}

/** A value that is absent or not a number is not a sample. */
function addSample(
  window: RollingWindow,
  { layout, firstCell }: CellGroup,
  slice: number,
  value: number | undefined,
): void {
  if (value !== undefined && value >= 0) {
    window.add(slice, firstCell + bucketOf(layout, value), 1);
  }
}

function tokensPerSecond({
  streamed,
  generationMs,
  generatedTokens,
}: Observation): number | undefined {
  if (!streamed || generationMs === undefined) {
    return undefined;
  }
  return generatedTokens < MIN_OUTPUT_TOKENS || generationMs < MIN_GENERATION_MS
    ? undefined
    : ((generatedTokens - 1) * 1_000) / generationMs;
}

function readScore(
  window: RollingWindow,
  uptime: { readonly observedMinutes: number; readonly ratio: number | undefined },
  recent: EndpointScore["recent"],
): EndpointScore | undefined {
  const successes = window.total(SUCCESS_CELL);
  const failures = sumOf(window, badKinds);
  const rateLimited = sumOf(window, rateKinds);
  const firstTokens = window.samples(firstTokenCells);
  const samples = successes + failures + rateLimited + firstTokens;
  if (samples === 0 && uptime.ratio === undefined) {
    return undefined;
  }
  const results = successes + failures;
  const firstToken = readPercentiles(window, firstTokenCells);
  const throughput = readPercentiles(window, throughputCells);
  const duration = readPercentiles(window, durationCells);
  return Object.freeze({
    successes,
    failures,
    rateLimited,
    firstTokenMs: Object.freeze({
      count: firstToken.count,
      p50: firstToken.p50,
      p95: firstToken.p95,
    }),
    tokensPerSecond: Object.freeze(throughput),
    durationMs: Object.freeze({ count: duration.count, p50: duration.p50, p95: duration.p95 }),
    success: results < MIN_RESULTS ? undefined : successes / results,
    uptime: uptime.ratio,
    recent: Object.freeze(recent),
    degraded: isDegraded(recent),
  });
}

function sumOf(window: RollingWindow, kinds: readonly FailureKind[]): number {
  let sum = 0;
  for (const kind of kinds) {
    sum += window.total(failureCells[kind]);
  }
  return sum;
}

function readPercentiles(
  window: RollingWindow,
  group: CellGroup,
): EndpointScore["tokensPerSecond"] {
  const count = window.samples(group);
  if (count < MIN_SAMPLES_OF_MEDIAN) {
    return { count, p5: undefined, p50: undefined, p95: undefined };
  }
  const [p5, p50, p95] = percentilesOf(group.layout, window.buckets(group), count, PERCENTS);
  return count < MIN_SAMPLES_OF_TAIL
    ? { count, p5: undefined, p50, p95: undefined }
    : { count, p5, p50, p95 };
}

function nextMultiple(nowMs: number, stepMs: number): number {
  return (Math.floor(nowMs / stepMs) + 1) * stepMs;
}
