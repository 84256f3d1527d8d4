import { describe, expect, test } from "vitest";
import { EMPTY_SCORES, type LiveState } from "../../../src/domain/score.ts";
import { createRosters, enter } from "../../../src/plan/contender.ts";
import {
  catalogOf,
  contender,
  demand,
  forecast,
  live,
  liveOf,
  priced,
  score,
  scoresOf,
} from "./plan-fixture.ts";

function entered(known: boolean, state?: LiveState, remainingMs = 300_000) {
  const one = contender("a", {
    forecast: forecast("a", { known }),
    live: state,
    explores: true,
    affinity: 2,
    weight: 7,
    ratio: 3,
    performance: 4,
    band: 2,
  });
  enter(one, undefined, 1_000, demand({ remainingMs }));
  return one;
}

describe("enter()", () => {
  test("takes an endpoint that nobody called for cold and at full speed", () => {
    expect(entered(false)).toMatchObject({ cold: true, slowStart: 1, price: 1_000 });
  });

  test("keeps nothing of the plan before", () => {
    expect(entered(true)).toMatchObject({
      explores: false,
      affinity: 1,
      weight: 0,
      ratio: 1,
      performance: 1,
      band: 0,
    });
  });

  test.each([
    { name: "known to the snapshot only", known: true, coldHere: true, cold: false },
    { name: "known here only", known: false, coldHere: false, cold: false },
    { name: "known to nobody", known: false, coldHere: true, cold: true },
  ])("takes what is $name for cold: $cold", ({ known, coldHere, cold }) => {
    const one = entered(known, live({ cold: coldHere, slowStart: 0.4 }));
    expect(one.cold).toBe(cold);
    expect(one.slowStart).toBe(0.4);
  });

  test("is too slow when the typical first token comes after the deadline", () => {
    expect(entered(true, undefined, 499).tooSlow).toBe(true);
    expect(entered(true, undefined, 500).tooSlow).toBe(false);
  });
});

describe("createRosters()", () => {
  const catalog = catalogOf([priced("a", 1), priced("b", 1, { model: "acme/two" })]);
  const from = { catalog, scores: scoresOf({ a: score() }), live: liveOf() };

  test("keeps a roster while model, catalogue, scores and live view are the same objects", () => {
    const rosterOf = createRosters();
    const first = rosterOf("acme/one", from);
    expect(rosterOf("acme/one", { ...from })).toBe(first);
    expect(rosterOf("acme/two", from)).not.toBe(first);
    expect(rosterOf("acme/one", { ...from, scores: EMPTY_SCORES })).not.toEqual(first);
    expect(rosterOf("acme/one", { ...from, catalog: catalogOf([]) })).toEqual([]);
  });

  test("gives an endpoint its live state as soon as there is one, and the one of the view", () => {
    const rosterOf = createRosters();
    const states: Record<string, LiveState> = {};
    const view = liveOf(states);
    expect(rosterOf("acme/one", { ...from, live: view })[0]?.live).toBeUndefined();
    const state = live();
    states["a"] = state;
    expect(rosterOf("acme/one", { ...from, live: view })[0]?.live).toBe(state);
    expect(rosterOf("acme/one", from)[0]?.live).toBeUndefined();
  });

  test("takes what is unknown for cold until it enters", () => {
    const both = catalogOf([priced("a", 1), priced("b", 1)]);
    const roster = createRosters()("acme/one", { ...from, catalog: both });
    expect(roster.map(({ cold }) => cold)).toEqual([false, true]);
  });
});
