import { describe, expect, test } from "vitest";
import type { DeadLetters, StoredReport } from "../../../src/domain/bus.ts";
import { createReportIntake } from "../../../src/health/report-intake.ts";
import { createTurns } from "../../../src/health/turns.ts";
import type { FoldVerdict } from "../../../src/score/health-fold.ts";
import { outgoing, reportOf, START_MS, settle } from "./score-fixture.ts";

function storedOf(sequence: number, bytes = outgoing(reportOf(sequence)).bytes): StoredReport {
  return { token: "a", sequence, storedAtMs: START_MS + sequence, bytes, headers: {} };
}

type Letter = Parameters<DeadLetters["put"]>[0];

function setUp(options: { readonly put?: DeadLetters["put"]; readonly costMs?: number } = {}) {
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

  test("a flood of rubbish fills no memory", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { intake, letters } = setUp({ put: () => promise });
    for (let sequence = 1; sequence <= 20; sequence += 1) {
      intake.take(storedOf(sequence, Uint8Array.of(255)));
    }
    expect(letters).toHaveLength(16);
    expect(intake.counts()).toMatchObject({ undecodable: 20, lettersDropped: 4 });
    resolve();
    await settle();
    intake.take(storedOf(21, Uint8Array.of(255)));
    expect(letters).toHaveLength(17);
  });

  test("letters that are lost stop nothing", async () => {
    const { intake, letters } = setUp({ put: () => Promise.reject(new Error("gone")) });
    for (let sequence = 1; sequence <= 16; sequence += 1) {
      intake.take(storedOf(sequence, Uint8Array.of(255)));
    }
    await settle();
    intake.take(storedOf(17, Uint8Array.of(255)));
    expect(letters).toHaveLength(17);
  });
});
