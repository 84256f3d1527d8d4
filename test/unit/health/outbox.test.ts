import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import type { OutcomeDelta } from "../../../src/domain/health.ts";
import { TURN_MS } from "../../../src/health/delta-backlog.ts";
import { createOutbox, type Draft, type Outbox } from "../../../src/health/outbox.ts";
import { decodeReport, encodeReport } from "../../../src/health/report-codec.ts";
import type { Sending } from "../../../src/health/unacknowledged.ts";
import { REPLAY_WINDOW } from "../../../src/score/replay-window.ts";
import { SLICE_MS } from "../../../src/score/rolling-window.ts";
import { makeEndpoint, makeObservation } from "../score/make-observation.ts";
import { makeReport } from "./any-report.ts";

const START_MS = 1_800_000_000_000;
const id = (name: string) => name as EndpointId;

function freeze({ sequence, endpoint, signal, observedAtMs }: Draft) {
  const bytes = encodeReport(makeReport(signal, { sequence, endpoint, observedAtMs }));
  return { token: endpoint, id: `p:1:${sequence}`, bytes };
}

const create = (limits: { maxEndpoints?: number } = {}) =>
  createOutbox({ freeze, ...limits }, START_MS);

function observe(outbox: Outbox, endpoint: string, endedAtMs: number): void {
  outbox.observe(makeObservation({ endpoint: makeEndpoint(endpoint), endedAtMs }));
}

function sendAll(outbox: Outbox, nowMs: number): Sending[] {
  const sent: Sending[] = [];
  for (let next = outbox.next(nowMs); next !== undefined; next = outbox.next(nowMs)) {
    sent.push(next);
  }
  return sent;
}

function decoded({ report }: Sending) {
  const read = decodeReport(report.bytes);
  expect(read).not.toHaveProperty("problem");
  return read as Exclude<typeof read, { problem: string }>;
}

/** What a folder counts: each sequence once, remembering as many as it may. */
function createFolder() {
  const seen = new Set<number>();
  let highest = 0;
  let successes = 0;
  return {
    take(sending: Sending) {
      const { sequence, signal } = decoded(sending);
      const isForgotten = sequence < highest - REPLAY_WINDOW;
      highest = Math.max(highest, sequence);
      const delta = signal as OutcomeDelta;
      successes += seen.has(sequence) || isForgotten ? 0 : delta.successes;
      seen.add(sequence);
      return { isForgotten };
    },
    successes: () => successes,
    has: ({ sequence }: Sending) => seen.has(sequence),
  };
}

describe("createOutbox()", () => {
  it("keeps sequence and bytes of a report until it is acknowledged, and counts on in another", () => {
    const outbox = create();
    observe(outbox, "a", START_MS);
    outbox.flush(START_MS);
    const [first] = sendAll(outbox, START_MS) as [Sending];
    const bytes = Buffer.from(first.report.bytes);
    observe(outbox, "a", START_MS);
    outbox.retry(first);
    outbox.flush(START_MS);
    const [again, other] = sendAll(outbox, START_MS + 10) as [Sending, Sending];
    expect(again.report).toBe(first.report);
    expect(bytes.equals(again.report.bytes)).toBe(true);
    expect(decoded(other)).toMatchObject({ sequence: 2, signal: { successes: 1 } });
    outbox.acknowledge(again);
    outbox.acknowledge(other);
    expect(outbox.isEmpty()).toBe(true);
  });

  it("sends signals before deltas, and what failed before both", () => {
    const outbox = create();
    observe(outbox, "a", START_MS);
    outbox.flush(START_MS);
    const [failed] = sendAll(outbox, START_MS) as [Sending];
    outbox.retry(failed);
    observe(outbox, "b", START_MS);
    outbox.flush(START_MS);
    outbox.signal(id("c"), { kind: "breaker", state: "open" }, START_MS);
    const kinds = sendAll(outbox, START_MS).map((sending) => decoded(sending).endpoint);
    expect(kinds).toEqual(["a", "c", "b"]);
  });

  it("never sends a given-up report again", () => {
    const outbox = create();
    outbox.signal(id("a"), { kind: "breaker", state: "open" }, START_MS);
    const [sending] = sendAll(outbox, START_MS) as [Sending];
    outbox.giveUp(sending);
    expect(outbox.next(START_MS)).toBeUndefined();
    expect(outbox.isEmpty()).toBe(true);
  });

  it("tells when a signal was observed, and of a delta when it was told", () => {
    const outbox = create();
    outbox.signal(id("a"), { kind: "breaker", state: "open" }, START_MS);
    observe(outbox, "a", START_MS);
    outbox.flush(START_MS);
    const times = sendAll(outbox, START_MS + 500).map((sending) => decoded(sending).observedAtMs);
    expect(times).toEqual([START_MS, START_MS + 500]);
  });

  it("says what it holds", () => {
    const outbox = create({ maxEndpoints: 1 });
    observe(outbox, "a", START_MS);
    outbox.signal(id("a"), { kind: "breaker", state: "open" }, START_MS);
    outbox.signal(id("b"), { kind: "breaker", state: "open" }, START_MS);
    expect(outbox.stats()).toEqual({
      deltas: 1,
      bytes: expect.any(Number),
      endpoints: 1,
      droppedDeltas: 0,
      droppedObservations: 0,
      unacknowledged: 0,
      inFlight: 0,
      lapsed: 0,
      signals: 1,
      droppedSignals: 1,
    });
    expect(outbox.isEmpty()).toBe(false);
    expect(outbox.wantsTurns()).toBe(true);
  });

  const open = { kind: "breaker", state: "open" } as const;

  it("goes on with others when one is refused, and tries one of its endpoint in a minute", () => {
    const outbox = create();
    const tryAll = (nowMs: number) =>
      sendAll(outbox, nowMs).map((sending) => {
        const { endpoint, sequence } = sending;
        (endpoint === id("b") ? outbox.refuse : outbox.acknowledge)(sending, nowMs);
        return `${endpoint} ${sequence}`;
      });
    outbox.signal(id("b"), open, START_MS);
    expect(tryAll(START_MS)).toEqual(["b 1"]);
    for (let count = 2; count < 202; count += 1) {
      outbox.signal(id("a"), open, START_MS);
      outbox.signal(id("b"), open, START_MS);
      observe(outbox, "b", START_MS);
      outbox.turn(START_MS + count * 200);
      expect(tryAll(START_MS)).toEqual([`a ${count}`]);
    }
    expect(outbox.stats()).toMatchObject({ signals: 1, deltas: 1, unacknowledged: 0 });
    expect(outbox.resumesAtMs()).toBe(START_MS + 60_000);
    expect(tryAll(START_MS + 59_999)).toEqual([]);
    expect(tryAll(START_MS + 60_000)).toEqual(["b 202"]);
    outbox.turn(START_MS + 62_000);
    expect(tryAll(START_MS + 62_000)).toEqual([]);
    expect(outbox.stats()).toMatchObject({ signals: 0, deltas: 1 });
  });

  it("has one of many deltas tried in a minute, too", () => {
    const outbox = create();
    for (const slice of [0, 1, 2]) {
      observe(outbox, "b", START_MS + slice * SLICE_MS);
    }
    const atMs = START_MS + 2 * SLICE_MS;
    outbox.turn(atMs);
    const [first] = sendAll(outbox, atMs) as [Sending];
    outbox.refuse(first, atMs);
    observe(outbox, "b", atMs);
    observe(outbox, "b", atMs + SLICE_MS);
    outbox.turn(atMs + 60_000);
    expect(sendAll(outbox, atMs + 60_000)).toHaveLength(1);
    expect(outbox.stats()).toMatchObject({ deltas: 1 });
  });

  it("tries one report of an endpoint while the bus is away, and tells the rest once it is stored", () => {
    const outbox = create();
    const outcomes = (nowMs: number) =>
      sendAll(outbox, nowMs).map((sending) => {
        outbox.retry(sending);
        return `${sending.endpoint} ${sending.sequence}`;
      });
    for (let second = 0; second < 1_500; second += 1) {
      const nowMs = START_MS + second * 1_000;
      observe(outbox, "b", nowMs);
      outbox.signal(id("b"), open, nowMs);
      outbox.turn(nowMs);
      expect(outcomes(nowMs)).toEqual(["b 1"]);
    }
    expect(outbox.stats()).toMatchObject({ deltas: 50, signals: 1, unacknowledged: 1 });
    const backMs = START_MS + 1_500_000;
    outbox.signal(id("a"), open, backMs);
    const [failed, fresh] = sendAll(outbox, backMs) as [Sending, Sending];
    expect([failed.endpoint, fresh.endpoint]).toEqual(["b", "a"]);
    outbox.acknowledge(failed);
    outbox.turn(backMs + 1_000);
    const rest = sendAll(outbox, backMs + 1_000);
    const kinds = rest.map((sending) => decoded(sending).signal.kind);
    expect(kinds).toEqual(["breaker", ...Array(50).fill("outcomes")]);
  });

  it("loses one report of an endpoint that the bus refuses when it is back", () => {
    const outbox = create();
    for (let second = 0; second < 1_500; second += 1) {
      observe(outbox, "b", START_MS + second * 1_000);
      outbox.turn(START_MS + second * 1_000);
      sendAll(outbox, START_MS + second * 1_000).forEach(outbox.retry);
    }
    const backMs = START_MS + 1_500_000;
    let refused = 0;
    for (let second = 0; second < 60; second += 1) {
      const nowMs = backMs + second * 1_000;
      outbox.turn(nowMs);
      for (const sending of sendAll(outbox, nowMs)) {
        outbox.refuse(sending, nowMs);
        refused += 1;
      }
    }
    expect(refused).toBe(1);
    expect(outbox.stats()).toMatchObject({ deltas: 50, unacknowledged: 0 });
  });

  it("tells all that waited once the bus takes one of the endpoint", () => {
    const outbox = create();
    outbox.signal(id("b"), open, START_MS);
    const [first] = sendAll(outbox, START_MS) as [Sending];
    outbox.refuse(first, START_MS);
    outbox.signal(id("b"), open, START_MS);
    outbox.signal(id("b"), { kind: "probe", passed: true, firstTokenMs: undefined }, START_MS + 5);
    observe(outbox, "b", START_MS);
    expect(sendAll(outbox, START_MS + 10)).toEqual([]);
    const tried = sendAll(outbox, START_MS + 60_000);
    expect(tried.map((sending) => decoded(sending).signal.kind)).toEqual(["breaker"]);
    outbox.acknowledge(tried[0] as Sending);
    outbox.turn(START_MS + 61_000);
    // The probe is of another minute.
    const rest = sendAll(outbox, START_MS + 61_000);
    expect(rest.map((sending) => decoded(sending).signal.kind)).toEqual(["outcomes"]);
    expect(outbox.stats()).toMatchObject({ droppedSignals: 1, signals: 0, deltas: 0 });
    expect(outbox.resumesAtMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it("holds nothing back when all that waits falls due", () => {
    const outbox = create();
    outbox.signal(id("b"), open, START_MS);
    const [first] = sendAll(outbox, START_MS) as [Sending];
    outbox.refuse(first, START_MS);
    outbox.signal(id("b"), open, START_MS);
    observe(outbox, "b", START_MS);
    expect(sendAll(outbox, START_MS)).toEqual([]);
    outbox.flush(START_MS);
    expect(sendAll(outbox, START_MS)).toHaveLength(2);
  });

  it("does not wait for a clock that went back", () => {
    const outbox = create();
    outbox.signal(id("b"), open, START_MS);
    const [first] = sendAll(outbox, START_MS) as [Sending];
    outbox.refuse(first, START_MS);
    outbox.signal(id("b"), open, START_MS);
    expect(sendAll(outbox, START_MS)).toEqual([]);
    expect(sendAll(outbox, START_MS - 3_600_000)).toHaveLength(1);
  });

  it("gives up what is passed over five times in a row, and then at once what else its endpoint tells", () => {
    const outbox = create();
    outbox.signal(id("b"), open, START_MS);
    const passOver = (nowMs: number) => {
      const sent = sendAll(outbox, nowMs);
      expect(sent).toHaveLength(1);
      return sent.some((sending) => outbox.passOver(sending, nowMs));
    };
    const over = [1, 2, 3, 4].map(passOver.bind(undefined, START_MS));
    expect(over).toEqual([false, false, false, false]);
    const [again] = sendAll(outbox, START_MS) as [Sending];
    // Something else was wrong, perhaps with the bus.
    outbox.retry(again);
    const anew = [1, 2, 3, 4, 5].map(passOver.bind(undefined, START_MS));
    expect(anew).toEqual([false, false, false, false, true]);
    expect(outbox.stats()).toMatchObject({ unacknowledged: 0, lapsed: 0 });
    outbox.signal(id("b"), open, START_MS);
    expect(sendAll(outbox, START_MS + 59_999)).toEqual([]);
    expect(passOver(START_MS + 60_000)).toBe(true);
  });

  const kindFates = ["stored", "stored", "lost", "stored-unconfirmed", "late"] as const;
  const stepOf = (fates: readonly Fate[]) =>
    fc.record({
      observations: fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 6 }),
      fates: fc.array(fc.constantFrom(...fates), { maxLength: 20 }),
      passMs: fc.constantFrom(TURN_MS, 200, 1_000, SLICE_MS),
    });
  const step = stepOf(kindFates);
  type Fate = "stored" | "lost" | "stored-unconfirmed" | "late" | "refused" | "passed-over";
  type Step = { observations: string[]; fates: Fate[]; passMs: number };

  /** Plays the steps, then lets everything through. */
  function play(steps: readonly Step[]) {
    const outbox = create();
    const folder = createFolder();
    const firstTries: number[] = [];
    const forgotten: number[] = [];
    const givenUp: Sending[] = [];
    let nowMs = START_MS;
    let observed = 0;
    let late: Sending[] = [];
    const store = (sending: Sending) =>
      folder.take(sending).isForgotten && forgotten.push(sending.sequence);
    const deal: Record<Fate, (sending: Sending) => void> = {
      stored(sending) {
        store(sending);
        outbox.acknowledge(sending);
      },
      lost: (sending) => outbox.retry(sending),
      "stored-unconfirmed"(sending) {
        store(sending);
        store(sending);
        outbox.retry(sending);
      },
      late: (sending) => late.push(sending),
      refused(sending) {
        outbox.refuse(sending, nowMs);
        givenUp.push(sending);
      },
      "passed-over"(sending) {
        givenUp.push(...(outbox.passOver(sending, nowMs) ? [sending] : []));
      },
    };
    const pump = (list: readonly Fate[], rest: Fate) => {
      const settled = late;
      late = [];
      settled.forEach(deal["stored-unconfirmed"]);
      for (const [index, sending] of sendAll(outbox, nowMs).entries()) {
        const isFirst = !firstTries.includes(sending.sequence);
        firstTries.push(...(isFirst ? [sending.sequence] : []));
        deal[list[index] ?? rest](sending);
      }
    };
    for (const { observations, fates: list, passMs } of steps) {
      for (const endpoint of observations) {
        observe(outbox, endpoint, nowMs);
        observed += 1;
      }
      nowMs += passMs;
      outbox.turn(nowMs);
      pump(list, "lost");
    }
    outbox.flush(nowMs);
    for (let round = 0; round < 100; round += 1) {
      pump([], "stored");
    }
    return { outbox, folder, firstTries, forgotten, observed, givenUp };
  }

  it("loses nothing and has nothing counted twice, whatever becomes of reports", () => {
    // Less than half an hour, so that nothing lapses.
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const { outbox, folder, firstTries, forgotten, observed } = play(steps);
        expect(folder.successes()).toBe(observed);
        expect(firstTries).toEqual(firstTries.map((_, index) => index + 1));
        expect(forgotten).toEqual([]);
        expect(outbox.isEmpty()).toBe(true);
        expect(outbox.stats()).toMatchObject({ bytes: 0, inFlight: 0, lapsed: 0 });
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("loses what it gave up and nothing else, and has nothing counted twice", () => {
    const steps = fc.array(stepOf([...kindFates, "refused", "passed-over", "passed-over"]), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(steps, (played) => {
        const { outbox, folder, firstTries, forgotten, observed, givenUp } = play(played);
        const lost = givenUp.filter((sending) => !folder.has(sending)).map(decoded);
        const successes = lost.map(({ signal }) => (signal as OutcomeDelta).successes);
        const sum = successes.reduce((total, count) => total + count, 0);
        expect(folder.successes() + sum).toBe(observed);
        expect(firstTries).toEqual(firstTries.map((_, index) => index + 1));
        expect(forgotten).toEqual([]);
        expect(outbox.isEmpty()).toBe(true);
        expect(outbox.stats()).toMatchObject({ bytes: 0, inFlight: 0, lapsed: 0 });
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  it("stays within its bounds however long the bus is away", () => {
    const outbox = create({ maxEndpoints: 20 });
    for (let second = 0; second < 4_000; second += 1) {
      const nowMs = START_MS + second * 1_000;
      observe(outbox, `endpoint-${second % 30}`, nowMs);
      outbox.turn(nowMs);
      sendAll(outbox, nowMs).forEach(outbox.retry);
      const { deltas, bytes, endpoints, unacknowledged, inFlight } = outbox.stats();
      expect(deltas).toBeLessThanOrEqual(20 * 61);
      expect(bytes).toBeLessThanOrEqual(20 * 61 * 300);
      expect(endpoints).toBeLessThanOrEqual(20);
      expect(unacknowledged).toBeLessThanOrEqual(REPLAY_WINDOW);
      expect(inFlight).toBe(0);
    }
    expect(outbox.stats().lapsed).toBeGreaterThan(0);
    expect(outbox.stats().droppedObservations).toBeGreaterThan(0);
  });
});

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

/** A bus that was away for 29.5 minutes. */
const SLICES = 59;

function heldBytes(): number {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Calls of all kinds of lengths, `calls` in each 30 s on each endpoint; the bytes are for each. */
function fill(endpoints: number, calls: number) {
  const freezeNothing = () => ({ token: "t", id: "1", bytes: new Uint8Array(1) });
  const all = Array.from({ length: endpoints }, (_, index) => makeEndpoint(`endpoint-${index}`));
  const plain = makeObservation({ endedAtMs: START_MS });
  const before = heldBytes();
  const outbox = createOutbox({ freeze: freezeNothing }, START_MS);
  for (let slice = 0; slice < SLICES; slice += 1) {
    const endedAtMs = START_MS + slice * SLICE_MS;
    for (let call = 0; call < calls; call += 1) {
      for (const [index, endpoint] of all.entries()) {
        const attempt = {
          ...plain.attempt,
          endpoint,
          firstTokenMs: 100 + ((call * 37 + index) % 4_000),
          durationMs: 500 + ((call * 91 + index) % 9_000),
        };
        outbox.observe({ ...plain, attempt, endedAtMs, generationMs: 60 + ((call * 53) % 5_000) });
      }
    }
    outbox.turn(endedAtMs);
  }
  const bytes = (heldBytes() - before) / endpoints;
  return { bytes, stats: outbox.stats() };
}

describe("what waits while the bus is away for half an hour", () => {
  it("drops nothing of 2,000 endpoints that are called thrice in 30 s, at 12 KB for each", () => {
    const { bytes, stats } = fill(2_000, 3);
    expect(stats).toMatchObject({ deltas: 2_000 * SLICES, droppedDeltas: 0 });
    expect(stats).toMatchObject({ endpoints: 2_000, droppedObservations: 0 });
    expect(bytes).toBeLessThan(12_000);
    // The figure that is told is no smaller, up to what an endpoint takes with nothing to tell.
    expect(bytes).toBeLessThan(stats.bytes / 2_000 + 1_024);
  });

  it("takes at most 128 KB for an endpoint that is called 33 times a second", () => {
    // What the engine keeps of the code itself, some 200 KB, is spread over enough of them.
    const { bytes, stats } = fill(60, 1_000);
    expect(stats).toMatchObject({ deltas: 60 * SLICES, droppedDeltas: 0 });
    expect(bytes).toBeLessThan(128 * 1_024);
    expect(bytes).toBeLessThan(stats.bytes / 60 + 1_024);
  });
});
