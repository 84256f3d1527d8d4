import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Endpoint } from "../../../src/domain/catalog.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { failureKinds } from "../../../src/domain/outcome.ts";
import { createScoreboard, type Scoreboard } from "../../../src/score/scoreboard.ts";
import {
  failed,
  makeEndpoint,
  makeObservation,
  type ObservationChanges,
} from "./make-observation.ts";

const a = makeEndpoint("a");
const b = makeEndpoint("b");

function createBoard(): Scoreboard {
  return createScoreboard({ random: () => 0 }, 0);
}

function start(board: Scoreboard, endpoint: Endpoint, nowMs = 0): boolean {
  return board.tryStart(endpoint, { nowMs, force: false });
}

function force(board: Scoreboard, endpoint: Endpoint, nowMs = 0): boolean {
  return board.tryStart(endpoint, { nowMs, force: true });
}

function run(board: Scoreboard, changes: ObservationChanges = {}): void {
  const observation = makeObservation(changes);
  force(board, observation.attempt.endpoint, observation.attempt.startedAtMs);
  board.record(observation);
}

function runMany(board: Scoreboard, times: number, changes: ObservationChanges = {}): void {
  for (let time = 0; time < times; time++) {
    run(board, changes);
  }
}

describe("tryStart()", () => {
  test("serves a thousand calls at once while everything is cold", () => {
    const board = createBoard();
    const wide = makeEndpoint("wide", { maxConcurrency: 1_000 });
    const started = Array.from({ length: 1_001 }, () => start(board, wide));
    expect(started.filter((one) => one).length).toBe(1_000);
    expect(board.live.of(wide.id)?.inflight).toBe(1_000);
  });

  test("gets a place back by the observation of the attempt", () => {
    const board = createBoard();
    const narrow = makeEndpoint("narrow", { maxConcurrency: 1 });
    expect([start(board, narrow), start(board, narrow)]).toEqual([true, false]);
    board.record(makeObservation({ endpoint: narrow, outcome: failed("canceled") }));
    expect(start(board, narrow)).toBe(true);
  });

  test("grants one probe after the dead time", () => {
    const board = createBoard();
    runMany(board, 5, { outcome: failed("server-error") });
    expect(start(board, a, 2_499)).toBe(false);
    expect(start(board, a, 2_500)).toBe(true);
    expect(start(board, a, 2_500)).toBe(false);
    expect(board.live.of(a.id)?.breaker).toBe("half-open");
  });

  test("counts a probe at its first content", () => {
    const board = createBoard();
    runMany(board, 5, { outcome: failed("server-error") });
    for (const nowMs of [3_000, 4_000, 5_000]) {
      start(board, a, nowMs);
      board.firstContent(a.id, { startedAtMs: nowMs, nowMs: nowMs + 100 });
    }
    expect(board.live.of(a.id)?.breaker).toBe("closed");
    expect(() => board.firstContent(b.id, { startedAtMs: 0, nowMs: 0 })).not.toThrow();
  });

  test("takes a first token for as old as it is, whatever was told meanwhile", () => {
    const board = createBoard();
    start(board, a, 1_000);
    board.awaitContent(a.id, 1_000);
    start(board, b, 1_500);
    board.firstContent(a.id, { startedAtMs: 1_000, nowMs: 1_020 });
    expect(board.live.of(a.id)?.firstTokenEwmaMs(1_500)).toBe(20);
  });

  test("is forced through breaker, cooldown and limit", () => {
    const board = createBoard();
    const narrow = makeEndpoint("a", { maxConcurrency: 1 });
    start(board, narrow);
    runMany(board, 5, { endpoint: narrow, outcome: failed("server-error") });
    run(board, { endpoint: narrow, outcome: failed("rate-limited") });
    expect([start(board, narrow), force(board, narrow)]).toEqual([false, true]);
  });

  test.each(["credentials", "quota-exhausted", "model-not-found"] as const)(
    "is not forced past %s",
    (kind) => {
      const board = createBoard();
      run(board, { outcome: failed(kind) });
      expect(force(board, a)).toBe(false);
    },
  );
});

describe("what endpoints share", () => {
  test("is a cooldown per account and model", () => {
    const board = createBoard();
    const otherModel = makeEndpoint("c", { model: "openai/gpt-4o" });
    const otherAccount = makeEndpoint("d", { account: "azure-eu" });
    run(board, { endpoint: a, outcome: failed("rate-limited") });
    expect([a, b, otherModel, otherAccount].map((one) => start(board, one))).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });

  test("is a refused key, also at endpoints that were never called", () => {
    const board = createBoard();
    const otherModel = makeEndpoint("c", { model: "openai/gpt-4o" });
    board.retain([a, b, otherModel], 0);
    run(board, { endpoint: a, outcome: failed("credentials") });
    expect(board.live.of(otherModel.id)?.block(0)?.reason).toBe("credentials");
    board.retain([a, otherModel], 0);
    expect(board.live.of(otherModel.id)?.block(0)).toBeUndefined();
  });

  test.each(["credentials", "quota-exhausted", "model-not-found"] as const)(
    "is not switched off by %s of a call that began before the last reload",
    (kind) => {
      const board = createBoard();
      board.tryStart(a, { nowMs: 100, force: false });
      board.retain([a, b], 200);
      board.record(
        makeObservation({ endpoint: a, outcome: failed(kind), startedAtMs: 100, endedAtMs: 300 }),
      );
      expect(board.live.of(a.id)?.block(300)).toBeUndefined();
    },
  );

  test("is used-up credit, tested by one call after ten minutes", () => {
    const board = createBoard();
    run(board, { endpoint: a, outcome: failed("quota-exhausted") });
    expect(start(board, b, 599_999)).toBe(false);
    expect(start(board, b, 600_000)).toBe(true);
    expect(start(board, a, 600_000)).toBe(false);
    board.record(makeObservation({ endpoint: b, endedAtMs: 601_000 }));
    expect(start(board, a, 601_000)).toBe(true);
  });
});

describe("wantsTiming()", () => {
  test("is true of an endpoint nobody called and rare of one that is known", () => {
    const board = createBoard();
    expect(board.wantsTiming(a.id, 0)).toBe(true);
    runMany(board, 20);
    expect(board.wantsTiming(a.id, 0)).toBe(true);
    expect(board.wantsTiming(a.id, 999)).toBe(false);
  });
});

describe("snapshot()", () => {
  test("grows its revision and tells its time", () => {
    const board = createBoard();
    expect(board.snapshot(1_000)).toMatchObject({ revision: 1, windowEndMs: 1_000 });
    expect(board.snapshot(2_000)).toMatchObject({ revision: 2, windowEndMs: 2_000 });
  });

  test("leaves out endpoints without evidence", () => {
    const board = createBoard();
    board.retain([a, b], 0);
    run(board, { endpoint: b, outcome: failed("bad-request"), firstTokenMs: undefined });
    run(board);
    expect([...board.snapshot(0).scores.keys()]).toEqual(["a"]);
  });

  test("is left alone by later observations", () => {
    const board = createBoard();
    run(board);
    const before = board.snapshot(0);
    run(board);
    run(board, { endpoint: b });
    board.snapshot(1);
    expect(before.scores.size).toBe(1);
    expect(before.scores.get(a.id)?.successes).toBe(1);
    expect(Object.isFrozen(before)).toBe(true);
  });

  test("reuses what did not change", () => {
    const board = createBoard();
    run(board, { endpoint: a });
    run(board, { endpoint: b });
    const first = board.snapshot(0);
    const second = board.snapshot(1_000);
    expect(second.scores).toBe(first.scores);
    run(board, { endpoint: b, endedAtMs: 1_500 });
    const third = board.snapshot(2_000);
    expect(third.scores.get(a.id)).toBe(first.scores.get(a.id));
    expect(third.scores.get(b.id)).not.toBe(first.scores.get(b.id));
  });

  test("forgets an endpoint that fell silent", () => {
    const board = createBoard();
    run(board);
    board.snapshot(0);
    expect(board.snapshot(31 * 60_000).scores.size).toBe(0);
  });

  test("ages an endpoint that fell silent without a record", () => {
    const board = createBoard();
    runMany(board, 5, { outcome: failed("server-error") });
    expect(board.snapshot(0).scores.get(a.id)?.degraded).toBe(true);
    expect(board.snapshot(30_000).scores.get(a.id)?.degraded).toBe(false);
  });

  test("stands still when the clock goes back, and loses nothing then", () => {
    const board = createBoard();
    run(board, { endedAtMs: 7_200_000 });
    run(board, { endedAtMs: 3_600_000 });
    const { windowEndMs, scores } = board.snapshot(3_600_000);
    expect(windowEndMs).toBe(7_200_000);
    expect(scores.get(a.id)?.successes).toBe(2);
    run(board, { endedAtMs: 10_800_000 });
    expect(board.snapshot(10_800_000).scores.get(a.id)?.successes).toBe(1);
  });
});

describe("retain()", () => {
  test("forgets endpoints that are gone", () => {
    const board = createBoard();
    run(board, { endpoint: a });
    run(board, { endpoint: b });
    board.snapshot(0);
    board.retain([b], 0);
    expect(board.live.of(a.id)).toBeUndefined();
    expect([...board.snapshot(1).scores.keys()]).toEqual(["b"]);
  });

  test("keeps count of the attempts of an endpoint that is gone until they end", () => {
    const board = createBoard();
    start(board, a);
    start(board, a);
    board.retain([b], 0);
    board.record(makeObservation());
    expect(board.live.of(a.id)?.inflight).toBe(1);
    expect(board.snapshot(0).scores.size).toBe(0);
    board.record(makeObservation());
    expect(board.live.of(a.id)).toBeUndefined();
    board.record(makeObservation());
    expect(board.live.of(a.id)).toBeUndefined();
  });

  test("lets a call that was planned before start at an endpoint that is gone", () => {
    const board = createBoard();
    board.retain([b], 0);
    expect(start(board, a)).toBe(true);
    board.record(makeObservation());
    expect(board.live.of(a.id)).toBeUndefined();
  });

  test("takes an endpoint back with its attempts in flight", () => {
    const board = createBoard();
    start(board, a);
    board.retain([b], 0);
    board.retain([a, b], 0);
    expect(board.live.of(a.id)?.inflight).toBe(1);
  });

  test("gives what was switched off another chance and keeps the rest", () => {
    const board = createBoard();
    runMany(board, 5, { endpoint: a, outcome: failed("server-error") });
    run(board, { endpoint: a, outcome: failed("model-not-found") });
    run(board, { endpoint: b, outcome: failed("credentials") });
    board.retain([a, b], 0);
    expect(board.live.of(a.id)?.block(0)?.reason).toBe("breaker-open");
    expect(board.live.of(b.id)?.block(0)).toBeUndefined();
  });

  test("follows a changed concurrency and keeps a cooldown that is still shared", () => {
    const board = createBoard();
    run(board, { endpoint: b, outcome: failed("rate-limited", { retryAfterMs: 60_000 }) });
    board.retain([makeEndpoint("a", { maxConcurrency: 7 })], 0);
    expect(board.live.of(a.id)).toMatchObject({ limit: 7 });
    expect(board.live.of(a.id)?.block(0)?.untilMs).toBe(60_000);
  });

  test("forgets accounts and cooldowns that nobody uses", () => {
    const board = createBoard();
    run(board, { endpoint: a, outcome: failed("rate-limited") });
    run(board, { endpoint: a, outcome: failed("credentials") });
    board.retain([makeEndpoint("c", { account: "other" })], 0);
    board.retain([a], 0);
    expect(board.live.of(a.id)?.block(0)).toBeUndefined();
  });
});

describe("createScoreboard() under any history", () => {
  test("never throws, and never has a figure that is not a number", () => {
    const changes = fc.record({
      outcome: fc.oneof(
        fc.constant({ kind: "success" } as const),
        fc
          .tuple(fc.constantFrom(...failureKinds), fc.double())
          .map(([kind, retryAfterMs]) => failed(kind, { retryAfterMs })),
      ),
      startedAtMs: fc.oneof(fc.nat(600_000), fc.double()),
      endedAtMs: fc.oneof(fc.nat(600_000), fc.double({ min: -1e7, max: 1e7 })),
      durationMs: fc.double(),
      firstTokenMs: fc.option(fc.double(), { nil: undefined }),
      generationMs: fc.option(fc.double(), { nil: undefined }),
      outputTokens: fc.option(fc.double(), { nil: undefined }),
      streamed: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(changes, { maxLength: 60 }), (list) => {
        const board = createBoard();
        for (const one of list) {
          start(board, a, one.endedAtMs);
          board.record(makeObservation(one));
        }
        const { scores, windowEndMs } = board.snapshot(20_000_000);
        const live = board.live.of("a" as EndpointId);
        const figures = [windowEndMs, live?.slowStart(0), live?.limit, live?.inflight];
        figures.push(live?.firstTokenEwmaMs(windowEndMs), live?.block(windowEndMs)?.untilMs);
        expect(figures.some(Number.isNaN)).toBe(false);
        expect(JSON.stringify([...scores.values()])).not.toContain("null");
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
