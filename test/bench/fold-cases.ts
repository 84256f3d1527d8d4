/** What it costs to fold health reports of a fleet into shared scores, and to read the scores. */

import { setImmediate as everybodyElse } from "node:timers/promises";
import { createMemoryBus } from "../../src/bus/memory-bus.ts";
import type { EndpointId } from "../../src/domain/endpoint.ts";
import type { HealthReport, OutcomeDelta } from "../../src/domain/health.ts";
import type { Observation } from "../../src/domain/ports.ts";
import { createScoreLedger } from "../../src/health/score-ledger.ts";
import { createScorePublisher } from "../../src/health/score-publisher.ts";
import { sha256 } from "../../src/health/sha256.ts";
import { createTurns } from "../../src/health/turns.ts";
import { createHealthFold, type HealthFold } from "../../src/score/health-fold.ts";
import { createDelta } from "../../src/score/observation-delta.ts";
import { exampleEndpoint } from "../support/examples.ts";
import type { BenchCase } from "./bench-case.ts";
import { observationOf, START_MS } from "./fleet.ts";
import { median, round } from "./statistics.ts";

const TAKE_TARGET_PER_SECOND = 50_000;
const READ_TARGET_MS = 200;
const TURN_TARGET_MS = 20;
const HELD_TARGET_KB = 100;

const ENDPOINTS = 10_000;
const MODELS = 200;
const PRODUCERS = 3;
/** More than a slice, so that slices close on the way. */
const ROUNDS = 16;
const ROUND_MS = 3_000;

const BUSY_ENDPOINTS = 20;
const BUSY_SECONDS = 1_800;
const BUSY_RESULTS = 17;

const DELTAS = 2_000;
const MAX_RESULTS = 20;

type Stored = { readonly storedAtMs: number; readonly report: HealthReport };

/** The same on every run. */
function createRandom(): () => number {
  let state = 7;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** Log-normal, with a slow tail of some three medians, as live endpoints have. */
function spread(medianValue: number, random: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(random())) * Math.cos(2 * Math.PI * random());
  return medianValue * Math.exp(0.7 * normal);
}

function deltasOf(resultsOf: (random: () => number) => number): readonly OutcomeDelta[] {
  const random = createRandom();
  const endpoint = exampleEndpoint("bench/one");
  return Array.from({ length: DELTAS }, () => {
    const delta = createDelta(0);
    for (let results = resultsOf(random); results > 0; results -= 1) {
      const firstTokenMs = spread(700, random);
      const generationMs = spread(2_000, random);
      const observation: Observation = observationOf(endpoint, START_MS, 0);
      const attempt = {
        ...observation.attempt,
        firstTokenMs,
        durationMs: firstTokenMs + generationMs,
      };
      delta.add({ ...observation, attempt, generationMs });
    }
    return delta.build();
  });
}

function createFeed(deltas: readonly OutcomeDelta[], endpoints: number, models = MODELS) {
  const ids = Array.from({ length: endpoints }, (_, index) => `provider-${index}/one`);
  const random = createRandom();
  const sequences = new Array<number>(PRODUCERS).fill(0);
  return (storedAtMs: number): readonly Stored[] =>
    Array.from({ length: PRODUCERS * endpoints }, (_, index) => {
      const producer = Math.floor(index / endpoints);
      const sequence = (sequences[producer] ?? 0) + 1;
      sequences[producer] = sequence;
      const delta = deltas[Math.floor(random() * deltas.length)] as OutcomeDelta;
      const endpoint = (index * 7_919) % endpoints;
      return {
        storedAtMs,
        report: {
          producer: `router-${producer}`,
          boot: BigInt(producer + 1),
          sequence,
          endpoint: ids[endpoint] as EndpointId,
          model: `acme/model-${endpoint % models}`,
          observedAtMs: storedAtMs,
          signal: { ...delta, slice: Math.floor((storedAtMs - 500) / 30_000) },
        },
      };
    });
}

function createIntake(fold: HealthFold) {
  let sequence = 0;
  /** Reports a second. */
  return (reports: readonly Stored[]): number => {
    const startedAtMs = performance.now();
    for (const { storedAtMs, report } of reports) {
      sequence += 1;
      fold.take({ sequence, storedAtMs }, report);
    }
    return (reports.length * 1_000) / (performance.now() - startedAtMs);
  };
}

/** Milliseconds of the whole reading and of the longest call. */
function readAll(fold: HealthFold): { readonly totalMs: number; readonly longestMs: number } {
  const times: number[] = [];
  const timed = <Result>(run: () => Result): Result => {
    const startedAtMs = performance.now();
    const result = run();
    times.push(performance.now() - startedAtMs);
    return result;
  };
  for (const model of timed(() => fold.changedModels())) {
    timed(() => fold.table(model));
  }
  timed(() => fold.stateSha256());
  return { totalMs: times.reduce((sum, time) => sum + time, 0), longestMs: Math.max(...times) };
}

const foldCase: BenchCase = {
  name: "shared-fold",
  async run() {
    const fold = createHealthFold({ hash: sha256 });
    const intake = createIntake(fold);
    const deltas = deltasOf((random) => 1 + Math.floor(random() * MAX_RESULTS));
    const feed = createFeed(deltas, ENDPOINTS);
    const rates: number[] = [];
    const readings: number[] = [];
    const longest: number[] = [];
    for (let index = 0; index < ROUNDS; index += 1) {
      // Kept by nobody: what reads the scores should not have to move them about.
      rates.push(intake(feed(START_MS + index * ROUND_MS)));
      const { totalMs, longestMs } = readAll(fold);
      readings.push(totalMs);
      longest.push(longestMs);
    }
    const idle = readAll(fold).totalMs;
    const perSecond = round(median(rates), 0);
    return {
      figures: {
        unit: "reports/s; ms for all scores",
        endpoints: ENDPOINTS,
        reportsPerSecond: perSecond,
        slowestReportsPerSecond: round(Math.min(...rates), 0),
        readMs: round(median(readings), 1),
        longestCallMs: round(Math.max(...longest), 1),
        readUnchangedMs: round(idle, 2),
      },
      checks: [
        {
          what: "reports folded on one core",
          value: perSecond,
          unit: "reports/s",
          target: { least: TAKE_TARGET_PER_SECOND },
        },
        {
          what: `scores of ${ENDPOINTS} endpoints, all changed`,
          value: round(median(readings), 1),
          unit: "ms",
          target: { most: READ_TARGET_MS },
        },
        {
          what: "longest time without a turn of the event loop",
          value: round(median(longest), 1),
          unit: "ms",
          target: { most: TURN_TARGET_MS },
        },
      ],
    };
  },
};

type PublishTimes = {
  /** From asking to the version that is written. */
  readonly totalMs: number;
  /** That reports have to wait while tables are read. */
  readonly heldMs: number;
  /** Longest time without a turn of the event loop. */
  readonly longestMs: number;
};

/** A publisher as a scorer has it, with tables in memory. */
function createPublishing(fold: HealthFold) {
  const nowMs = () => performance.now();
  const pieces: number[] = [];
  let pieceBeganMs = 0;
  const endPiece = () => pieces.push(performance.now() - pieceBeganMs);
  const turns = createTurns({
    nowMs,
    async yieldTurn() {
      endPiece();
      await everybodyElse();
      pieceBeganMs = performance.now();
    },
  });
  let heldMs = 0;
  const bus = createMemoryBus({
    nowMs: Date.now,
    schedule: () => () => {},
    log: () => {},
  });
  const publisher = createScorePublisher({
    fold,
    intake: {
      hold() {
        heldMs = -performance.now();
      },
      async release() {
        heldMs += performance.now();
      },
    },
    ledger: createScoreLedger({ scores: bus.scores, hash: sha256, turns }),
    hash: sha256,
    turns,
    publisher: "scorer",
    log: () => {},
  });
  return async (): Promise<PublishTimes> => {
    pieces.length = 0;
    await everybodyElse();
    const startedAtMs = performance.now();
    pieceBeganMs = startedAtMs;
    await publisher.publish(() => true);
    endPiece();
    return { totalMs: performance.now() - startedAtMs, heldMs, longestMs: Math.max(...pieces) };
  };
}

async function publishTimes(models: number): Promise<readonly PublishTimes[]> {
  const fold = createHealthFold({ hash: sha256 });
  const intake = createIntake(fold);
  const deltas = deltasOf((random) => 1 + Math.floor(random() * MAX_RESULTS));
  const feed = createFeed(deltas, ENDPOINTS, models);
  const publish = createPublishing(fold);
  const times: PublishTimes[] = [];
  for (let index = 0; index < ROUNDS; index += 1) {
    intake(feed(START_MS + index * ROUND_MS));
    times.push(await publish());
  }
  return times;
}

function publishCase(name: string, models: number): BenchCase {
  return {
    name,
    async run() {
      const times = await publishTimes(models);
      const middle = (of: keyof PublishTimes) => round(median(times.map((time) => time[of])), 1);
      const slowest = times.slice(1).map(({ longestMs }) => longestMs);
      return {
        figures: {
          unit: "ms for a publication",
          endpoints: ENDPOINTS,
          models,
          publishMs: middle("totalMs"),
          reportsWaitMs: middle("heldMs"),
          longestTurnMs: middle("longestMs"),
          longestTurnOfAllMs: round(Math.max(...slowest), 1),
        },
        checks: [
          {
            what: `scores of ${ENDPOINTS} endpoints in ${models} models published`,
            value: middle("totalMs"),
            unit: "ms",
            target: { most: READ_TARGET_MS },
          },
          { what: "of which reports wait", value: middle("heldMs"), unit: "ms" },
          {
            what: "longest time without a turn of the event loop",
            value: middle("longestMs"),
            unit: "ms",
            target: { most: TURN_TARGET_MS },
          },
        ],
      };
    },
  };
}

const memoryCase: BenchCase = {
  name: "shared-fold-memory",
  async run() {
    const fold = createHealthFold({ hash: sha256 });
    const intake = createIntake(fold);
    const feed = createFeed(
      deltasOf(() => BUSY_RESULTS),
      BUSY_ENDPOINTS,
    );
    for (let second = 0; second < BUSY_SECONDS; second += 1) {
      intake(feed(START_MS + second * 1_000));
    }
    readAll(fold);
    const kilobytes = round(fold.heldBytes() / BUSY_ENDPOINTS / 1_024, 1);
    return {
      figures: {
        unit: "KB for each endpoint",
        endpoints: BUSY_ENDPOINTS,
        resultsPerSecond: PRODUCERS * BUSY_RESULTS,
        heldKilobytes: kilobytes,
      },
      checks: [
        {
          what: `held for an endpoint at ${PRODUCERS * BUSY_RESULTS} results/s for 30 min`,
          value: kilobytes,
          unit: "KB",
          target: { most: HELD_TARGET_KB },
        },
      ],
    };
  },
};

export const foldCases: readonly BenchCase[] = [
  foldCase,
  publishCase("shared-publish", MODELS),
  publishCase("shared-publish-one-model", 1),
  memoryCase,
];
