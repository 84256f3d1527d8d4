import type { Observation } from "../domain/ports.ts";
import type { EndpointScore } from "../domain/score.ts";
import { BIN_MS, binOf, createFastWindow, isDegraded } from "./fast-window.ts";
import { percentilesIn, resultsIn, successRatio } from "./figures.ts";
import { nextMultiple } from "./next-multiple.ts";
import { cellsOf, isFault, MAX_OBSERVATION_CELLS } from "./observation-delta.ts";
import { createRollingWindow, type RollingWindow, SLICE_MS, sliceOf } from "./rolling-window.ts";
import { createUptime, MINUTE_MS, minuteOf } from "./uptime.ts";
import { durationCells, firstTokenCells, throughputCells } from "./window-cells.ts";

/**
 * The score of record of one endpoint: what its attempts said in the last 30 minutes, as `cellsOf`
 * reads them.
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

export function createScoreWindow(nowMs: number): ScoreWindow {
  const window = createRollingWindow(sliceOf(nowMs));
  const uptime = createUptime();
  const recent = createFastWindow();

  // One per window, so that recording allocates nothing.
  const cells = new Uint16Array(MAX_OBSERVATION_CELLS);

  return {
    record(observation, atMs) {
      const slice = sliceOf(atMs);
      const used = cellsOf(observation, cells);
      for (let index = 0; index < used; index++) {
        window.add(slice, cells[index] as number, 1);
      }
      const { kind } = observation.attempt.outcome;
      const successes = kind === "success" ? 1 : 0;
      const failures = isFault(kind) ? 1 : 0;
      uptime.addResults(minuteOf(atMs), successes, failures);
      recent.addResults(binOf(atMs), successes, failures);
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

function readScore(
  window: RollingWindow,
  uptime: { readonly observedMinutes: number; readonly ratio: number | undefined },
  recent: EndpointScore["recent"],
): EndpointScore | undefined {
  const { successes, failures, rateLimited } = resultsIn(window);
  const firstTokens = window.samples(firstTokenCells);
  const samples = successes + failures + rateLimited + firstTokens;
  if (samples === 0 && uptime.ratio === undefined) {
    return undefined;
  }
  const firstToken = percentilesIn(window, firstTokenCells);
  const throughput = percentilesIn(window, throughputCells);
  const duration = percentilesIn(window, durationCells);
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
    success: successRatio(successes, failures),
    uptime: uptime.ratio,
    recent: Object.freeze(recent),
    degraded: isDegraded(recent),
  });
}
