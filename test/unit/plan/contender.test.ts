import { describe, expect, test } from "vitest";
import { costOf } from "../../../src/domain/money.ts";
import { EMPTY_SCORES, type LiveState } from "../../../src/domain/score.ts";
import { createRosters, enter } from "../../../src/plan/contender.ts";
import { exampleEndpoint } from "../../support/examples.ts";
import {
  catalogOf,
  contender,
  demand,
  forecast,
  live,
  priced,
  score,
  scoresOf,
} from "./plan-fixture.ts";

const cost = costOf(demand().usage, exampleEndpoint("a").pricing, 0);

function entered(known: boolean, state?: LiveState, remainingMs = 300_000) {
  const one = contender("a", {
    forecast: forecast("a", { known }),
    explores: true,
    affinity: 2,
    weight: 7,
    ratio: 3,
    performance: 4,
    band: 2,
  });
  enter(one, { live: state, block: undefined }, cost, demand({ remainingMs }));
  return one;
}

describe("enter()", () => {
  test("takes an endpoint that nobody called for cold and at full speed", () => {
    expect(entered(false)).toMatchObject({ cold: true, slowStart: 1, cost, price: cost.total });
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
  test("keeps a roster while catalogue, model and scores are the same objects", () => {
    const rosterOf = createRosters();
    const catalog = catalogOf([priced("a", 1), priced("b", 1, { model: "acme/two" })]);
    const scores = scoresOf({ a: score() });
    const first = rosterOf(catalog, "acme/one", scores);
    expect(rosterOf(catalog, "acme/one", scores)).toBe(first);
    expect(rosterOf(catalog, "acme/two", scores)).not.toBe(first);
    expect(rosterOf(catalog, "acme/one", EMPTY_SCORES)).not.toEqual(first);
    expect(rosterOf(catalogOf([]), "acme/one", scores)).toEqual([]);
  });

  test("takes what is unknown for cold until it enters", () => {
    const scores = scoresOf({ a: score() });
    const roster = createRosters()(catalogOf([priced("a", 1), priced("b", 1)]), "acme/one", scores);
    expect(roster.map(({ cold }) => cold)).toEqual([false, true]);
  });
});
