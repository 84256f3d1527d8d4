/**
 * What it costs to decide, to fold a result, and to cut a stream into events: pure functions, timed in
 * this very process on the load side's core.
 */
import { createParser } from "eventsource-parser";
import type { Endpoint } from "../../src/domain/catalog.ts";
import { nativeOnlyGates } from "../../src/domain/gate.ts";
import type { PlanInput } from "../../src/domain/plan.ts";
import { defaultPolicy } from "../../src/domain/policy.ts";
import type { Observation } from "../../src/domain/ports.ts";
import { createPlanner } from "../../src/plan/plan-route.ts";
import { createSseParser } from "../../src/upstream/sse.ts";
import { exampleEndpoint, exampleSpec } from "../support/examples.ts";
import { tokensOf } from "./answer-text.ts";
import type { BenchCase, Check } from "./bench-case.ts";
import { createFleet, type Fleet, observationOf } from "./fleet.ts";
import { median, nanosecondsOf, round } from "./statistics.ts";

const PLAN_TARGET_MICROSECONDS = 50;
const FOLD_TARGET_MICROSECONDS = 2;
const DECISIONS = 1_024;
const FOLD_ENDPOINTS = 100;
/** Some 0.3 ms, which a scheduler seldom interrupts. */
const FOLD_BATCH = 200;
const FOLD_BATCHES = 3_000;

function inputsOf({ catalog, scoreboard, nowMs }: Fleet): readonly PlanInput[] {
  const scores = scoreboard.snapshot(nowMs);
  return Array.from({ length: DECISIONS }, (_, index) => ({
    spec: exampleSpec(),
    policy: defaultPolicy,
    decisionId: `00000000-0000-4000-8000-${String(index).padStart(12, "0")}`,
    catalog,
    scores,
    live: scoreboard.live,
    gates: nativeOnlyGates,
    nowMs: nowMs + 10,
    remainingMs: 60_000,
  }));
}

function planCase(size: number, target: Check["target"]): BenchCase {
  return {
    name: `plan-${size}`,
    async run() {
      const fleet = createFleet(size);
      const planner = createPlanner();
      const inputs = inputsOf(fleet);
      const inputAt = (index: number) => inputs[index % DECISIONS] as PlanInput;
      const plan = nanosecondsOf((index) => planner.plan(inputAt(index)).order.length);
      const explain = nanosecondsOf((index) => planner.explain(inputAt(index)).candidates.length);
      // A new object is a new snapshot to whoever keeps something for as long as one lasts.
      const afterSnapshot = nanosecondsOf((index) => {
        const input = inputAt(index);
        return planner.plan({ ...input, scores: { ...input.scores } }).order.length;
      });
      const microseconds = round(plan / 1_000, 2);
      return {
        figures: {
          unit: "us for each plan",
          endpoints: size,
          planMicroseconds: microseconds,
          explainMicroseconds: round(explain / 1_000, 2),
          afterNewScoresMicroseconds: round(afterSnapshot / 1_000, 2),
        },
        checks: [
          {
            what: `plan over ${size} endpoints`,
            value: microseconds,
            unit: "us",
            ...(target === undefined ? {} : { target }),
          },
        ],
      };
    },
  };
}

const foldCase: BenchCase = {
  name: "fold",
  async run() {
    const { endpoints, scoreboard, nowMs: startMs } = createFleet(FOLD_ENDPOINTS);
    const folds: number[] = [];
    const starts: number[] = [];
    const snapshots: number[] = [];
    let nowMs = startMs;
    for (let batch = 0; batch < FOLD_BATCHES; batch += 1) {
      const observations = observationsFrom(endpoints, nowMs);
      const startedAtMs = performance.now();
      for (const { attempt, endedAtMs } of observations) {
        scoreboard.tryStart(attempt.endpoint, { nowMs: endedAtMs, force: true });
      }
      const admittedAtMs = performance.now();
      for (const observation of observations) {
        scoreboard.record(observation);
      }
      const foldedAtMs = performance.now();
      nowMs = observations.at(-1)?.endedAtMs ?? nowMs;
      scoreboard.snapshot(nowMs);
      starts.push(((admittedAtMs - startedAtMs) * 1_000) / FOLD_BATCH);
      folds.push(((foldedAtMs - admittedAtMs) * 1_000) / FOLD_BATCH);
      snapshots.push((performance.now() - foldedAtMs) * 1_000);
    }
    const microseconds = round(median(folds), 2);
    return {
      figures: {
        unit: "us for each observation",
        endpoints: FOLD_ENDPOINTS,
        foldMicroseconds: microseconds,
        admitMicroseconds: round(median(starts), 2),
        snapshotMicroseconds: round(median(snapshots), 1),
      },
      checks: [
        {
          what: "fold of one observation",
          value: microseconds,
          unit: "us",
          target: { most: FOLD_TARGET_MICROSECONDS },
        },
        {
          what: `snapshot of ${FOLD_ENDPOINTS} endpoints, once a second`,
          value: round(median(snapshots), 1),
          unit: "us",
        },
      ],
    };
  },
};

/** A second of traffic over all endpoints in turn. */
function observationsFrom(endpoints: readonly Endpoint[], nowMs: number): readonly Observation[] {
  return Array.from({ length: FOLD_BATCH }, (_, index) =>
    observationOf(
      endpoints[index % endpoints.length] ?? exampleEndpoint("none"),
      nowMs + (index * 1_000) / FOLD_BATCH,
      index,
    ),
  );
}

const SSE_EVENTS = 100;
const SSE_PAIRS = 3;

function sseEvents(): readonly Buffer[] {
  const head = { id: "chatcmpl-Bench", object: "chat.completion.chunk", created: 1_800_000_000 };
  return tokensOf(SSE_EVENTS).map((content) => {
    const choices = [{ index: 0, delta: { content }, logprobs: null, finish_reason: null }];
    return Buffer.from(`data: ${JSON.stringify({ ...head, model: "bench", choices })}\n\n`);
  });
}

/** Cuts one stream into events. */
type ParseStream = (reads: readonly Buffer[], onData: (data: string) => void) => void;

const ownParser: ParseStream = (reads, onData) => {
  const parser = createSseParser({ onEvent: (_, data) => onData(data) });
  for (const read of reads) {
    parser.push(read);
  }
  parser.end();
};

const libraryParser: ParseStream = (reads, onData) => {
  const decoder = new TextDecoder();
  const parser = createParser({ onEvent: ({ data }) => onData(data) });
  for (const read of reads) {
    parser.feed(decoder.decode(read, { stream: true }));
  }
};

const single = sseEvents();
const readings = { eventPerRead: single, allInOneRead: [Buffer.concat(single)] };
type Reading = keyof typeof readings;

/** Nanoseconds an event. */
function timeSse(parse: ParseStream, reading: Reading, sizeOf: (data: string) => number): number {
  const perStream = nanosecondsOf(() => {
    let size = 0;
    parse(readings[reading], (data) => {
      size += sizeOf(data);
    });
    return size;
  });
  return perStream / SSE_EVENTS;
}

/** Ours beside the library's, turn by turn. */
function compareSse(reading: Reading, sizeOf: (data: string) => number) {
  const own: number[] = [];
  const library: number[] = [];
  for (let pair = 0; pair < SSE_PAIRS; pair += 1) {
    library.push(timeSse(libraryParser, reading, sizeOf));
    own.push(timeSse(ownParser, reading, sizeOf));
  }
  return { own: round(median(own), 0), library: round(median(library), 0) };
}

const sseCase: BenchCase = {
  name: "sse",
  async run() {
    const sizeOfText = (data: string) => data.length;
    // The library hands out slices, which cost something only once they are read.
    const sizeOfJson = (data: string) => JSON.parse(data).choices.length;
    const single = compareSse("eventPerRead", sizeOfText);
    const joined = compareSse("allInOneRead", sizeOfText);
    const singleJson = compareSse("eventPerRead", sizeOfJson);
    const joinedJson = compareSse("allInOneRead", sizeOfJson);
    return {
      figures: {
        unit: "ns for each event; baseline: eventsource-parser",
        eventPerRead: single.own,
        eventPerReadBaseline: single.library,
        allInOneRead: joined.own,
        allInOneReadBaseline: joined.library,
        eventPerReadWithJson: singleJson.own,
        eventPerReadWithJsonBaseline: singleJson.library,
        allInOneReadWithJson: joinedJson.own,
        allInOneReadWithJsonBaseline: joinedJson.library,
        ratio: round(singleJson.library / singleJson.own, 2),
      },
      checks: [
        {
          what: `event in a read of its own, JSON parsed; eventsource-parser ${singleJson.library} ns`,
          value: singleJson.own,
          unit: "ns",
        },
        {
          what: `event in a read of ${SSE_EVENTS}, JSON parsed; eventsource-parser ${joinedJson.library} ns`,
          value: joinedJson.own,
          unit: "ns",
        },
      ],
    };
  },
};

export const functionCases: readonly BenchCase[] = [
  planCase(10, undefined),
  planCase(100, { most: PLAN_TARGET_MICROSECONDS }),
  planCase(1_000, undefined),
  foldCase,
  sseCase,
];
