import { answerText } from "./answer-text.ts";
import type { BenchCase, Check } from "./bench-case.ts";
import { STREAM_PATH, UNARY_PATH } from "./grpc-client.ts";
import { models, ROUTER } from "./lab.ts";
import { type Coalescing, streamBody, unaryBody } from "./request-bodies.ts";
import { sampleStream, sampleUnary } from "./sample-call.ts";
import { compareSubjects, compareThroughput, type ThroughputPlan } from "./throughput.ts";

/** Chunks of content in a streamed answer, whichever way it is streamed. */
const CHUNKS = 100;
const LARGE_PROMPT_BYTES = 100_000;
const UNARY_TARGET = { least: 0.65 };
const CHUNKS_TARGET = { least: 0.7 };
/** What sharing the scores may cost of the rate of a router that keeps them to itself: 3 %. */
const NATS_TARGET = { least: 0.97 };

/** Enough in flight to keep a server busy without making its queue what is measured. */
const few = { connections: 4, streamsPerConnection: 25, rampSeconds: 1 };
/** Offers 80,000 chunks a second at one every 5 ms, more than a core of Node carries. */
const many = { connections: 8, streamsPerConnection: 50, rampSeconds: 3 };

export function unaryPlan(promptBytes: number, target: Check["target"]): ThroughputPlan {
  const model = `bench/${models.unary}`;
  return {
    path: UNARY_PATH,
    body: unaryBody(model, promptBytes),
    ...few,
    unit: "calls",
    unitsPerCall: 1,
    sample: (address) => sampleUnary(address, model),
    target,
  };
}

function unaryCase(name: string, promptBytes: number, target: Check["target"]): BenchCase {
  return { name, run: (lab) => compareThroughput(lab, unaryPlan(promptBytes, target)) };
}

/** Both fold reports and publish scores: one within its process, the other by way of nats-server. */
const natsCase: BenchCase = {
  name: "unary-nats",
  run: (lab) =>
    compareSubjects(lab, unaryPlan(0, NATS_TARGET), [
      ROUTER,
      { kind: "router", name: "router with NATS", nats: true },
    ]),
};

function streamCase(
  pace: "burst" | "paced",
  coalescing: Coalescing,
  target: Check["target"],
): BenchCase {
  const model = `bench/${models[pace]}`;
  return {
    name: `stream-${pace}-${coalescing === "never" ? "never-join" : "join-reads"}`,
    run: (lab) =>
      compareThroughput(lab, {
        path: STREAM_PATH,
        body: streamBody(model, coalescing),
        ...(pace === "burst" ? few : many),
        unit: "chunks",
        unitsPerCall: CHUNKS,
        sample: (address) => sampleStream(address, model, coalescing),
        // How many deltas a message joins differs from call to call; the text does not.
        ...(coalescing === "never" ? {} : { leastBytes: answerText(CHUNKS).length }),
        target,
      }),
  };
}

export const throughputCases: readonly BenchCase[] = [
  unaryCase("unary", 0, UNARY_TARGET),
  unaryCase("unary-100kb", LARGE_PROMPT_BYTES, undefined),
  natsCase,
  streamCase("burst", "never", CHUNKS_TARGET),
  streamCase("burst", "default", undefined),
  streamCase("paced", "never", CHUNKS_TARGET),
  streamCase("paced", "default", undefined),
];
