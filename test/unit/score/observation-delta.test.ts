import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { OutcomeDelta } from "../../../src/domain/health.ts";
import { failureKinds, failureTraits, type Outcome } from "../../../src/domain/outcome.ts";
import { createCellCounts, MAX_DELTA_COUNT, readDelta } from "../../../src/score/delta-cells.ts";
import { bucketOf, throughputLayout } from "../../../src/score/log-histogram.ts";
import { createDelta, isFault } from "../../../src/score/observation-delta.ts";
import { failed, makeObservation, type ObservationChanges } from "./make-observation.ts";

const anyObservation = fc
  .record({
    outcome: fc.oneof(
      fc.constant<Outcome>({ kind: "success" }),
      fc.constantFrom(...failureKinds).map((kind): Outcome => failed(kind)),
    ),
    durationMs: fc.oneof(fc.double(), fc.double({ min: 1, max: 1e5, noNaN: true })),
    firstTokenMs: fc.option(fc.oneof(fc.double(), fc.double({ min: 1, max: 1e4 })), {
      nil: undefined,
    }),
    generationMs: fc.option(fc.double({ min: 1, max: 1e4 }), { nil: undefined }),
    outputTokens: fc.option(fc.nat(300), { nil: undefined }),
    streamed: fc.boolean(),
  })
  .map((changes) => makeObservation(changes));

function deltaOf(list: readonly ObservationChanges[]): OutcomeDelta {
  const delta = createDelta(7);
  for (const changes of list) {
    delta.add(makeObservation(changes));
  }
  return delta.build();
}

function sizeOf(delta: OutcomeDelta) {
  return [delta.firstToken, delta.throughput, delta.duration].map(({ counts }) =>
    counts.reduce((sum, count) => sum + count, 0),
  );
}

describe("createDelta()", () => {
  test("starts empty", () => {
    const delta = createDelta(7);
    expect(delta.isEmpty()).toBe(true);
    expect(delta.build()).toEqual({
      kind: "outcomes",
      slice: 7,
      layoutVersion: 1,
      successes: 0,
      failures: new Map(),
      firstToken: { buckets: [], counts: [] },
      throughput: { buckets: [], counts: [] },
      duration: { buckets: [], counts: [] },
    });
  });

  test("counts results by kind and samples by bucket", () => {
    const delta = deltaOf([
      {},
      {},
      { firstTokenMs: 0.5 },
      { outcome: failed("network") },
      { outcome: failed("network") },
    ]);
    expect(delta).toMatchObject({ successes: 3, failures: new Map([["network", 2]]) });
    expect(delta.firstToken.buckets[0]).toBe(0);
    expect(delta.firstToken.counts).toEqual([1, 2]);
    expect(sizeOf(delta)).toEqual([3, 3, 3]);
  });

  test("times a failure only when it says nothing about its endpoint", () => {
    for (const kind of failureKinds) {
      const expected = failureTraits[kind].evidence === "none" ? [1, 0, 0] : [0, 0, 0];
      expect(sizeOf(deltaOf([{ outcome: failed(kind) }]))).toEqual(expected);
    }
  });

  test("counts tokens after the first one over the time they took", () => {
    const { throughput } = deltaOf([{ outputTokens: 101, generationMs: 2_000 }]);
    expect(throughput.buckets).toEqual([bucketOf(throughputLayout, 50)]);
  });

  test.each<{ name: string; changes: ObservationChanges; sizes: readonly number[] }>([
    { name: "an answer that came whole", changes: { streamed: false }, sizes: [0, 0, 1] },
    { name: "seven tokens", changes: { outputTokens: 7 }, sizes: [1, 0, 1] },
    { name: "eight tokens", changes: { outputTokens: 8 }, sizes: [1, 1, 1] },
    { name: "49 ms of generation", changes: { generationMs: 49 }, sizes: [1, 0, 1] },
    { name: "50 ms of generation", changes: { generationMs: 50 }, sizes: [1, 1, 1] },
    { name: "no generation", changes: { generationMs: undefined }, sizes: [1, 0, 1] },
    { name: "no first token", changes: { firstTokenMs: undefined }, sizes: [0, 1, 1] },
    { name: "times below 0", changes: { firstTokenMs: -1, durationMs: -1 }, sizes: [0, 1, 0] },
    { name: "times that are none", changes: { durationMs: Number.NaN }, sizes: [1, 1, 0] },
  ])("takes the samples of $name", ({ changes, sizes }) => {
    expect(sizeOf(deltaOf([changes]))).toEqual(sizes);
  });

  test("merges to the sum, in any order, and is valid", () => {
    const list = fc.array(anyObservation, { maxLength: 40 });
    fc.assert(
      fc.property(list, list, (a, b) => {
        const [left, right, both] = [a, b, [...a, ...b]].map((observations) => {
          const delta = createDelta(7);
          for (const observation of observations) {
            delta.add(observation);
          }
          return delta;
        });
        const [forth, back] = [createDelta(7), createDelta(7)];
        for (const delta of [left, right]) {
          forth.addAll(delta ?? forth);
        }
        for (const delta of [right, left]) {
          back.addAll(delta ?? back);
        }
        expect(forth.build()).toEqual(both?.build());
        expect(back.build()).toEqual(both?.build());
        expect(forth.isEmpty()).toBe(a.length + b.length === 0);
        expect(readDelta(forth.build(), createCellCounts())).toBe(true);
      }),
      { seed: 1, numRuns: 200 },
    );
  });

  test("gives out a copy", () => {
    const delta = createDelta(7);
    const before = delta.build();
    delta.add(makeObservation());
    expect(before.successes).toBe(0);
    expect(delta.build().successes).toBe(1);
  });

  test("stops at what a report may count", () => {
    const delta = createDelta(7);
    delta.add(makeObservation());
    for (let doubling = 0; doubling < 21; doubling += 1) {
      delta.addAll(delta);
    }
    expect(delta.build().successes).toBe(MAX_DELTA_COUNT);
  });
});

describe("isFault()", () => {
  test("holds what is the provider's own", () => {
    expect((["success", "network", "rate-limited", "canceled"] as const).map(isFault)).toEqual([
      false,
      true,
      false,
      false,
    ]);
  });
});
