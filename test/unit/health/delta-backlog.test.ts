import { describe, expect, it } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import {
  type BacklogOptions,
  createDeltaBacklog,
  type DeltaBacklog,
  sliceLapsesAtMs,
  TURN_MS,
} from "../../../src/health/delta-backlog.ts";
import { SLICE_MS } from "../../../src/score/rolling-window.ts";
import { exampleTrace } from "../../support/examples.ts";
import { makeEndpoint, makeObservation } from "../score/make-observation.ts";

const START_MS = 1_800_000_000_000;

function observe(backlog: DeltaBacklog, id: string, endedAtMs: number, times = 1): void {
  const observation = makeObservation({ endpoint: makeEndpoint(id), endedAtMs });
  for (let time = 0; time < times; time += 1) {
    backlog.observe(observation);
  }
}

/** What is due: endpoint, slices since the start, successes. */
function takeAll(backlog: DeltaBacklog): readonly (readonly [EndpointId, number, number])[] {
  const taken: (readonly [EndpointId, number, number])[] = [];
  for (let due = backlog.take(); due !== undefined; due = backlog.take()) {
    const { slice, successes } = due.delta;
    taken.push([due.endpoint, slice - START_MS / SLICE_MS, successes]);
  }
  return taken;
}

const create = (options: BacklogOptions = {}) => createDeltaBacklog(options, START_MS);

/** Every turn of the span, as the reporter's timer sees to it. */
function turnsWithin(backlog: DeltaBacklog, fromMs: number, toMs: number): void {
  for (let atMs = fromMs; atMs <= toMs; atMs += TURN_MS) {
    backlog.turn(atMs);
  }
}

describe("createDeltaBacklog()", () => {
  it("sums up the attempts of an endpoint until its turn", () => {
    const backlog = create();
    observe(backlog, "a", START_MS, 3);
    expect(takeAll(backlog)).toEqual([]);
    turnsWithin(backlog, START_MS, START_MS + 1_000);
    expect(takeAll(backlog)).toEqual([["a", 0, 3]]);
    expect(backlog.stats()).toMatchObject({ deltas: 0, bytes: 0 });
  });

  it("makes an endpoint due once a second", () => {
    const backlog = create();
    const reports: number[] = [];
    for (let atMs = START_MS + TURN_MS; atMs <= START_MS + 10_000; atMs += TURN_MS) {
      observe(backlog, "a", atMs);
      backlog.turn(atMs);
      reports.push(takeAll(backlog).length);
    }
    expect(reports.reduce((sum, count) => sum + count)).toBe(10);
  });

  it("spreads endpoints evenly over the second", () => {
    const backlog = create();
    for (let index = 0; index < 160; index += 1) {
      observe(backlog, `endpoint-${index}`, START_MS);
    }
    const reports: number[] = [];
    for (let atMs = START_MS + TURN_MS; atMs <= START_MS + 1_000; atMs += TURN_MS) {
      backlog.turn(atMs);
      reports.push(takeAll(backlog).length);
    }
    expect(reports).toEqual(Array.from({ length: 16 }, () => 10));
  });

  it("sees every place once after a pause of the timer", () => {
    const backlog = create();
    observe(backlog, "a", START_MS);
    observe(backlog, "b", START_MS);
    backlog.turn(START_MS + 20 * SLICE_MS);
    expect(
      takeAll(backlog)
        .map(([id]) => id)
        .sort(),
    ).toEqual(["a", "b"]);
  });

  it("wants turns for as long as an endpoint has something to tell", () => {
    const backlog = create();
    expect(backlog.wantsTurns()).toBe(false);
    observe(backlog, "a", START_MS);
    expect(backlog.wantsTurns()).toBe(true);
    turnsWithin(backlog, START_MS, START_MS + 1_000);
    takeAll(backlog);
    turnsWithin(backlog, START_MS + 1_000, START_MS + 2_000);
    expect(backlog.wantsTurns()).toBe(false);
  });

  it("keeps one delta a slice and hands out the oldest first, by endpoint in turn", () => {
    const backlog = create();
    for (let slice = 0; slice < 3; slice += 1) {
      observe(backlog, "a", START_MS + slice * SLICE_MS, 2);
      observe(backlog, "b", START_MS + slice * SLICE_MS, 5);
      turnsWithin(backlog, START_MS + slice * SLICE_MS, START_MS + slice * SLICE_MS + 2_000);
    }
    expect(backlog.stats().deltas).toBe(6);
    backlog.flush(START_MS + 3 * SLICE_MS);
    const expected = [0, 1, 2].flatMap((slice) => [
      ["a", slice, 2],
      ["b", slice, 5],
    ]);
    const taken = takeAll(backlog);
    expect(taken.filter(([id]) => id === "a")).toEqual(expected.filter(([id]) => id === "a"));
    expect(taken.map(([, slice]) => slice)).toEqual([0, 0, 1, 1, 2, 2]);
    expect(backlog.stats().bytes).toBe(0);
  });

  it("counts an attempt of an earlier slice for the newest one, because clocks stand still", () => {
    const backlog = create();
    observe(backlog, "a", START_MS + SLICE_MS);
    observe(backlog, "a", START_MS);
    backlog.flush(START_MS + SLICE_MS);
    expect(takeAll(backlog)).toEqual([["a", 1, 2]]);
  });

  it("counts an attempt without a time for the slice of the latest turn", () => {
    const backlog = create();
    backlog.turn(START_MS + SLICE_MS);
    observe(backlog, "a", Number.NaN);
    backlog.flush(START_MS + SLICE_MS);
    expect(takeAll(backlog)).toEqual([["a", 1, 1]]);
  });

  it("drops slices that have left the window, and counts them", () => {
    const backlog = create();
    observe(backlog, "a", START_MS);
    observe(backlog, "a", START_MS + SLICE_MS);
    backlog.flush(sliceLapsesAtMs(START_MS / SLICE_MS) - 1);
    expect(backlog.stats()).toMatchObject({ deltas: 2, droppedDeltas: 0 });
    backlog.flush(sliceLapsesAtMs(START_MS / SLICE_MS));
    expect(backlog.stats()).toMatchObject({ deltas: 1, droppedDeltas: 1 });
    backlog.flush(START_MS + 100 * SLICE_MS);
    expect(backlog.stats()).toMatchObject({ deltas: 0, bytes: 0, droppedDeltas: 2 });
    expect(takeAll(backlog)).toEqual([]);
  });

  it("holds at most 61 slices of an endpoint", () => {
    const backlog = create();
    for (let slice = 0; slice < 200; slice += 1) {
      observe(backlog, "a", START_MS + slice * SLICE_MS);
      backlog.flush(START_MS + slice * SLICE_MS);
    }
    expect(backlog.stats()).toMatchObject({ deltas: 61, droppedDeltas: 139 });
  });

  it("refuses endpoints beyond its limit, and counts their attempts", () => {
    const backlog = create({ maxEndpoints: 2 });
    for (const id of ["a", "b", "c", "c"]) {
      observe(backlog, id, START_MS);
    }
    expect(backlog.stats()).toMatchObject({ endpoints: 2, deltas: 2, droppedObservations: 2 });
  });

  it("forgets an endpoint that has nothing to tell for one that has", () => {
    const backlog = create({ maxEndpoints: 2 });
    observe(backlog, "a", START_MS);
    turnsWithin(backlog, START_MS, START_MS + 1_000);
    takeAll(backlog);
    turnsWithin(backlog, START_MS + 1_000, START_MS + 2_000);
    observe(backlog, "b", START_MS + 2_000);
    observe(backlog, "c", START_MS + 2_000);
    expect(backlog.stats()).toMatchObject({ endpoints: 2, deltas: 2, droppedObservations: 0 });
  });

  it("passes over an endpoint whose deltas were all dropped while it was due", () => {
    const backlog = create();
    observe(backlog, "a", START_MS);
    backlog.flush(START_MS);
    backlog.flush(START_MS + 100 * SLICE_MS);
    observe(backlog, "b", START_MS + 100 * SLICE_MS);
    backlog.flush(START_MS + 100 * SLICE_MS);
    expect(takeAll(backlog)).toEqual([["b", 100, 1]]);
  });

  it("charges no delta more than all the counts there are", () => {
    const backlog = create();
    observe(backlog, "a", START_MS, 2_000);
    expect(backlog.stats().bytes).toBeLessThan(90_000);
  });

  it("names the token of the endpoint", () => {
    const backlog = create();
    observe(backlog, "azure/one", START_MS);
    backlog.flush(START_MS);
    expect(backlog.take()).toMatchObject({ token: expect.stringMatching(/^azure-one-/) });
  });

  describe("attempts whose spans are kept", () => {
    const kept = (id: string, endedAtMs: number) => ({
      ...makeObservation({ endpoint: makeEndpoint(id), endedAtMs }),
      trace: exampleTrace({ keep: true, traceState: "x".repeat(500) }),
    });

    it("are named with the delta that counts them, and with no other", () => {
      const backlog = create({ keepsOrigins: true });
      backlog.observe(kept("a", START_MS));
      backlog.observe(kept("a", START_MS));
      observe(backlog, "a", START_MS + SLICE_MS);
      observe(backlog, "b", START_MS);
      backlog.flush(START_MS + SLICE_MS);
      const due = [backlog.take(), backlog.take(), backlog.take()];
      expect(due.map((one) => [one?.endpoint, one?.origins === undefined])).toEqual([
        ["a", false],
        ["b", true],
        ["a", true],
      ]);
    });

    it("count as memory for as long as they wait, and are dropped with their delta", () => {
      const backlog = create({ keepsOrigins: true });
      const plain = create();
      for (let slice = 0; slice < 61; slice += 1) {
        for (let time = 0; time < 100; time += 1) {
          backlog.observe(kept("a", START_MS + slice * SLICE_MS));
          plain.observe(kept("a", START_MS + slice * SLICE_MS));
        }
      }
      const more = backlog.stats().bytes - plain.stats().bytes;
      expect(more).toBe(61 * (512 + 500));
      turnsWithin(backlog, START_MS, START_MS + SLICE_MS);
      backlog.turn(START_MS + 200 * SLICE_MS);
      for (let turn = 0; turn < 20; turn += 1) {
        backlog.turn(START_MS + 200 * SLICE_MS + turn * TURN_MS);
      }
      expect(backlog.stats()).toMatchObject({ bytes: 0, deltas: 0, droppedDeltas: 61 });
    });

    it("are forgotten unless somebody asks for them", () => {
      const backlog = create();
      backlog.observe(kept("a", START_MS));
      backlog.flush(START_MS);
      expect(backlog.take()?.origins).toBeUndefined();
    });
  });
});
