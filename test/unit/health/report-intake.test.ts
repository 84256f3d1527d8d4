import { describe, expect, test } from "vitest";
import type { DeadLetters, StoredReport } from "../../../src/domain/bus.ts";
import { TICK_TOKEN } from "../../../src/health/endpoint-token.ts";
import type { ProcessTracer } from "../../../src/health/process-tracer.ts";
import { createReportIntake } from "../../../src/health/report-intake.ts";
import { createTurns } from "../../../src/health/turns.ts";
import type { FoldVerdict } from "../../../src/score/health-fold.ts";
import { idOf, outgoing, reportOf, START_MS, settle } from "./score-fixture.ts";

function storedOf(sequence: number, bytes = outgoing(reportOf(sequence)).bytes): StoredReport {
  return { token: "a", sequence, storedAtMs: START_MS + sequence, bytes, headers: {} };
}

type Letter = Parameters<DeadLetters["put"]>[0];

type SetUp = {
  readonly put?: DeadLetters["put"];
  readonly costMs?: number;
  readonly tracer?: ProcessTracer;
};

function setUp(options: SetUp = {}) {
  const folded: string[] = [];
  const letters: Letter[] = [];
  const script: { verdict: FoldVerdict } = { verdict: "folded" };
  let now = 0;
  let yields = 0;
  const world: { onYield: () => void } = { onYield: () => undefined };
  const intake = createReportIntake({
    fold: {
      restart: (epoch) => folded.push(`restart ${epoch}`),
      skip: ({ sequence }) => folded.push(`skip ${sequence}`),
      take({ sequence }) {
        folded.push(`take ${sequence}`);
        now += options.costMs ?? 0;
        return script.verdict;
      },
    },
    deadLetters: {
      async put(letter) {
        letters.push(letter);
        await options.put?.(letter);
      },
    },
    tracer: options.tracer,
    turns: createTurns({
      nowMs: () => now,
      async yieldTurn() {
        yields += 1;
        world.onYield();
      },
    }),
  });
  return { intake, folded, letters, script, world, yields: () => yields };
}

describe("createReportIntake()", () => {
  test("folds what comes at once", () => {
    const { intake, folded } = setUp();
    intake.began(5);
    intake.take(storedOf(1));
    expect(folded).toEqual(["restart 5", "take 1"]);
    expect(intake.counts()).toMatchObject({ verdicts: { folded: 1, late: 0 }, undecodable: 0 });
  });

  test("keeps the order of what comes while it is held and while it is released", async () => {
    const { intake, folded, world } = setUp({ costMs: 8 });
    intake.hold();
    intake.take(storedOf(1));
    intake.take(storedOf(2));
    expect(folded).toEqual([]);
    expect(intake.waiting()).toBe(2);
    world.onYield = () => {
      world.onYield = () => undefined;
      intake.take(storedOf(3));
    };
    await intake.release();
    expect(folded).toEqual(["take 1", "take 2", "take 3"]);
    expect(intake.waiting()).toBe(0);
    intake.take(storedOf(4));
    expect(folded).toContain("take 4");
  });

  test("folds what waited in pieces", async () => {
    const { intake, yields } = setUp({ costMs: 2 });
    intake.hold();
    for (let sequence = 1; sequence <= 10; sequence += 1) {
      intake.take(storedOf(sequence));
    }
    await intake.release();
    expect(yields()).toBe(5);
  });

  test("a stream that begins anew voids what waits", async () => {
    const { intake, folded } = setUp();
    intake.hold();
    intake.take(storedOf(1));
    intake.began(6);
    intake.take(storedOf(2));
    await intake.release();
    expect(folded).toEqual(["restart 6", "take 2"]);
  });

  test("moves past what nobody can read and keeps a copy apart", () => {
    const { intake, folded, letters } = setUp();
    const rubbish = storedOf(1, Uint8Array.of(255, 255));
    intake.take(rubbish);
    expect(folded).toEqual(["skip 1"]);
    expect(letters).toEqual([{ reason: "not a HealthReport", report: rubbish }]);
    expect(intake.counts().undecodable).toBe(1);
  });

  test.each<{ verdict: FoldVerdict; letters: number }>([
    { verdict: "unknown-layout", letters: 1 },
    { verdict: "invalid", letters: 1 },
    { verdict: "late", letters: 0 },
    { verdict: "duplicate", letters: 0 },
    { verdict: "ignored", letters: 0 },
    { verdict: "too-many-endpoints", letters: 0 },
  ])("counts $verdict and keeps $letters copies apart", ({ verdict, letters: expected }) => {
    const { intake, letters, script } = setUp();
    script.verdict = verdict;
    intake.take(storedOf(1));
    expect(intake.counts().verdicts[verdict]).toBe(1);
    expect(letters).toHaveLength(expected);
  });

  test.each([
    { what: "of another endpoint", token: "b", others: {} },
    { what: "that looks like the endpoint's", token: "a-b", others: { endpoint: idOf("a/b") } },
    { what: "of ticks", token: "_tick", others: {} },
    {
      what: "of an endpoint, for a tick",
      token: "a",
      others: { endpoint: idOf(""), model: "", signal: { kind: "tick" } as const },
    },
  ])("a report under a token $what counts for nothing and is kept apart", ({ token, others }) => {
    const { intake, folded, letters } = setUp();
    const stored = { ...storedOf(1, outgoing(reportOf(1, others)).bytes), token };
    intake.take(stored);
    expect(folded).toEqual(["skip 1"]);
    expect(letters).toEqual([{ reason: "wrong-token", report: stored }]);
    expect(intake.counts()).toMatchObject({ wrongToken: 1, undecodable: 0 });
  });

  test("takes a tick under its own token, and reports under those of their endpoints", () => {
    const { intake, folded } = setUp();
    const tick = { endpoint: idOf(""), model: "", signal: { kind: "tick" } as const };
    const { bytes } = outgoing(reportOf(1, tick));
    intake.take({ ...storedOf(1, bytes), token: TICK_TOKEN });
    const slashed = outgoing(reportOf(2, { endpoint: idOf("a/b") }));
    intake.take({ ...storedOf(2, slashed.bytes), token: slashed.token });
    expect(folded).toEqual(["take 1", "take 2"]);
    expect(intake.counts().wrongToken).toBe(0);
  });

  test("says what became of each report, and from where on they are new", async () => {
    const told: unknown[] = [];
    const { intake, script } = setUp({
      tracer: {
        began: () => told.push("began"),
        caughtUp: (position) => told.push(position),
        processed: ({ sequence }, { outcome, report, problem }) =>
          told.push([sequence, outcome, report?.endpoint, problem]),
        stats: () => ({ spansDropped: 0 }),
      },
    });
    intake.began(5);
    intake.take(storedOf(3));
    intake.caughtUp();
    script.verdict = "duplicate";
    intake.take(storedOf(4));
    script.verdict = "invalid";
    intake.take(storedOf(5));
    intake.take(storedOf(6, Uint8Array.of(255)));
    intake.take({ ...storedOf(7), token: "b" });
    expect(told).toEqual([
      "began",
      [3, "folded", "a", undefined],
      3,
      [4, "duplicate", "a", undefined],
      [5, "dead-letter", "a", "invalid"],
      [6, "dead-letter", undefined, "not a HealthReport"],
      [7, "dead-letter", undefined, "wrong-token"],
    ]);
    intake.began(6);
    intake.caughtUp();
    expect(told.slice(-2)).toEqual(["began", 0]);
  });

  test("keeps a copy of everything unreadable that a replay brings at once", async () => {
    const { intake, letters } = setUp();
    for (let sequence = 1; sequence <= 512; sequence += 1) {
      intake.take(storedOf(sequence, Uint8Array.of(255)));
    }
    await settle();
    expect(letters.map(({ report }) => report.sequence)).toEqual(
      Array.from({ length: 512 }, (_, index) => index + 1),
    );
    expect(intake.counts()).toMatchObject({ undecodable: 512, lettersDropped: 0 });
  });

  test("counts the copies that a flood of rubbish leaves no room for", () => {
    const { intake } = setUp({ put: () => new Promise(() => undefined) });
    const rubbish = new Uint8Array(1024 * 1024).fill(255);
    for (let sequence = 1; sequence <= 30; sequence += 1) {
      intake.take(storedOf(sequence, rubbish));
    }
    expect(intake.counts()).toMatchObject({ undecodable: 30, lettersDropped: 7 });
  });
});
