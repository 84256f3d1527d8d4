import { createHash } from "node:crypto";
import type { StoredReport } from "../../../src/domain/bus.ts";
import { type HealthSignal, type OutcomeDelta, outsideStates } from "../../../src/domain/health.ts";
import { failureKinds } from "../../../src/domain/outcome.ts";
import { TICK_TOKEN, tokenOf } from "../../../src/health/endpoint-token.ts";
import { encodeReport } from "../../../src/health/report-codec.ts";
import { createReportIntake } from "../../../src/health/report-intake.ts";
import { sha256 } from "../../../src/health/sha256.ts";
import { encodeTable } from "../../../src/health/table-codec.ts";
import {
  createHealthFold,
  type FoldVerdict,
  type HealthFold,
} from "../../../src/score/health-fold.ts";
import { makeDelta, makeReport } from "./make-report.ts";

/**
 * One stream of every kind of report, and of what is no report, that is the same wherever and whenever it
 * is made: only whole numbers, and a generator of its own.
 */

const START_MS = 1_800_000_000_000;
const SLICE_MS = 30_000;
const MINUTE_MS = 60_000;
const MESSAGES = 800;
const READ_EVERY = 3;
const MAX_ENDPOINTS = 9;

/** Whole numbers from 0 to `below` - 1. */
type Draw = (below: number) => number;

/** Mulberry32, whose operations are all on 32 bits. */
function createDraw(seed: number): Draw {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function anyHistogram(draw: Draw, below: number) {
  // Many of few samples, for what needs several.
  const most = [12, 4, 2][draw(3)] ?? 1;
  const chosen = Array.from({ length: draw(most) }, () => draw(below));
  const buckets = [...new Set(chosen)].sort((a, b) => a - b);
  return { buckets, counts: buckets.map(() => 1 + draw(most)) };
}

/** Most of this slice, some of the future, of the last minutes or older than the window. */
function anySlice(draw: Draw, nowMs: number): number {
  const offsets = [0, 0, 0, 0, 0, -1, -2, -3, -4, 5, -draw(70), -draw(200)];
  return Math.floor(nowMs / SLICE_MS) + (offsets[draw(offsets.length)] ?? 0);
}

function anyDelta(draw: Draw, nowMs: number): OutcomeDelta {
  const kinds = failureKinds.filter(() => draw(8) === 0);
  return makeDelta({
    slice: anySlice(draw, nowMs),
    layoutVersion: draw(40) === 0 ? 2 : 1,
    successes: draw(50) === 0 ? 2_000_000 : draw(60),
    failures: new Map(kinds.map((kind) => [kind, 1 + draw(6)])),
    firstToken: anyHistogram(draw, 666),
    throughput: anyHistogram(draw, 576),
    duration: anyHistogram(draw, 700),
  });
}

function anySignal(draw: Draw, nowMs: number): HealthSignal {
  switch (draw(12)) {
    case 0:
    case 1:
      return {
        kind: "state",
        state: outsideStates[draw(outsideStates.length)] ?? "up",
        reason: ["", "incident 7", "Wartung ü"][draw(3)] ?? "",
        ttlMs: 500 + draw(draw(5) === 0 ? 2_000 : 40 * MINUTE_MS),
      };
    case 2:
    case 3:
      return { kind: "probe", passed: draw(3) > 0, firstTokenMs: draw(900) };
    case 4:
      return anyAside(draw);
    default:
      return anyDelta(draw, nowMs);
  }
}

/** What no score counts. */
function anyAside(draw: Draw): HealthSignal {
  const load = { runningRequests: draw(9), waitingRequests: draw(9) };
  const limit = { requestsRemaining: draw(9), tokensRemaining: undefined };
  const all: readonly HealthSignal[] = [
    { kind: "breaker", state: "open" },
    { kind: "load", ...load, kvCacheUsage: undefined, prefixCacheHitRate: undefined },
    { kind: "rate-limit", ...limit, retryAfterMs: 1_000 },
  ];
  return all[draw(all.length)] ?? { kind: "tick" };
}

/** Most by clocks that differ by up to a minute; some held up or not told, one of a wrong clock. */
function anyObserved(draw: Draw, producer: number, nowMs: number): number {
  const skewMs = [0, MINUTE_MS, -MINUTE_MS, 400, -75 * MINUTE_MS][producer] ?? 0;
  const delaysMs = [0, 0, 0, draw(5_000), 65_000 + draw(1_000), draw(90_000), draw(45 * MINUTE_MS)];
  const heldUpMs = delaysMs[draw(delaysMs.length)] ?? 0;
  return draw(10) === 0 ? 0 : nowMs + skewMs - heldUpMs;
}

/** By message: within the window, for almost all of it and beyond it, in minutes. */
const silences: Readonly<Record<number, number>> = { 300: 11, 450: 29, 600: 40 };

function anyStep(draw: Draw, index: number): number {
  const silence = silences[index];
  const longest = [1, 3_000, 3_000, 3_000, 3_000, 60_000][draw(6)] ?? 1;
  return silence === undefined ? draw(longest) : silence * MINUTE_MS;
}

const endpoints = ["a", "b", "c", "d", "acme/e", "f:1", "g", "h", "i", "j", "k", "l"];

/** `sequences` are the latest by producer. */
function anyMessage(draw: Draw, nowMs: number, sequences: number[]) {
  if (draw(15) === 0) {
    const report = makeReport({ producer: "scorer", endpoint: "", model: "" });
    return { token: TICK_TOKEN, bytes: encodeReport({ ...report, signal: { kind: "tick" } }) };
  }
  // Few tell of those that are one too many.
  const endpoint = endpoints[draw(12) === 0 ? draw(12) : draw(5)] ?? "a";
  const producer = draw(20) === 0 ? 4 : draw(4);
  // Some numbers never come, and some come after their successors.
  const last = sequences[producer] ?? 0;
  const sequence = Math.max(1, last + (draw(6) === 0 ? draw(6) - 2 : 1));
  sequences[producer] = Math.max(last, sequence);
  const report = makeReport({
    producer: `p${producer}`,
    sequence,
    endpoint,
    model: draw(4) === 0 ? "" : `model-${(endpoint.charCodeAt(0) + (draw(60) === 0 ? 1 : 0)) % 3}`,
    observedAtMs: anyObserved(draw, producer, nowMs),
    signal: anySignal(draw, nowMs),
  });
  return { token: tokenOf(draw(40) === 0 ? "b" : endpoint), bytes: encodeReport(report) };
}

function pinnedStream(): readonly StoredReport[] {
  const draw = createDraw(41);
  const sequences: number[] = [];
  const stream: StoredReport[] = [];
  let storedAtMs = START_MS;
  for (let index = 1; index <= MESSAGES; index += 1) {
    storedAtMs += anyStep(draw, index);
    const message = anyMessage(draw, storedAtMs, sequences);
    const isAgain = draw(15) === 0 || index in silences;
    const again = isAgain ? stream[stream.length - 1 - draw(20)] : undefined;
    const { token, bytes } = again ?? message;
    const sent = draw(40) === 0 ? bytes.subarray(0, draw(bytes.length)) : bytes;
    stream.push({ token, sequence: index, storedAtMs, bytes: sent, headers: {} });
  }
  return [...stream, ...rareClaims(storedAtMs)];
}

/** What chance hardly brings about: two of one millisecond, and one sent again after a newer one. */
function rareClaims(nowMs: number): readonly StoredReport[] {
  const claims = [
    { endpoint: "a", producer: "x", sequence: 1, state: "down", afterMs: 0 },
    { endpoint: "a", producer: "y", sequence: 1, state: "up", afterMs: 0 },
    { endpoint: "b", producer: "x", sequence: 3, state: "draining", afterMs: 2_000 },
    { endpoint: "b", producer: "x", sequence: 2, state: "degraded", afterMs: 1_000 },
  ] as const;
  return claims.map(({ endpoint, afterMs, state, ...source }, index) => ({
    token: tokenOf(endpoint),
    sequence: MESSAGES + 1 + index,
    storedAtMs: nowMs + 2_000 + (index >> 1),
    bytes: encodeReport(
      makeReport({
        ...source,
        endpoint,
        observedAtMs: nowMs + afterMs,
        signal: { kind: "state", state, reason: "rare", ttlMs: 20 * MINUTE_MS },
      }),
    ),
    headers: {},
  }));
}

export type PinnedDigest = {
  /** Of all tables and states that were read on the way, as published. */
  readonly sha256: string;
  readonly verdicts: Readonly<Record<FoldVerdict, number>>;
  readonly deadLetters: number;
};

/** What the stream amounts to, from the bytes of its messages to those of the tables. */
export function digestOfPinnedStream(): PinnedDigest {
  const fold = createHealthFold({ hash: sha256 }, { maxEndpoints: MAX_ENDPOINTS });
  const intake = createReportIntake({
    fold,
    deadLetters: { put: async () => undefined },
    turns: { begin: () => undefined, isOver: () => false, next: async () => undefined },
  });
  intake.began(START_MS);
  const digest = createHash("sha256");
  for (const stored of pinnedStream()) {
    intake.take(stored);
    if (stored.sequence % READ_EVERY === 0 || stored.sequence > MESSAGES) {
      for (const bytes of readingOf(fold)) {
        digest.update(bytes);
      }
    }
  }
  const { verdicts, undecodable, wrongToken } = intake.counts();
  return { sha256: digest.digest("hex"), verdicts, deadLetters: undecodable + wrongToken };
}

/** What a scorer publishes; the position is in the tables. */
function* readingOf(fold: HealthFold): Generator<Uint8Array> {
  for (const model of fold.models()) {
    yield encodeTable(fold.table(model));
  }
  yield fold.stateSha256();
}
