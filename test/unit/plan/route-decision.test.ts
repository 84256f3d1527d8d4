import { describe, expect, test } from "vitest";
import type { GateView } from "../../../src/domain/gate.ts";
import type { PlanInput } from "../../../src/domain/plan.ts";
import { createPlanner } from "../../../src/plan/plan-route.ts";
import { toPlanned } from "../../../src/plan/route-decision.ts";
import { exampleEndpoint } from "../../support/examples.ts";
import { contender, inputOf, priced, score, scoresOf } from "./plan-fixture.ts";

const scores = scoresOf({ a: score(), b: score(), c: score() });

/** Of the first decision of many that goes to `id`. */
function sentence(input: PlanInput, id: string): string | undefined {
  const planner = createPlanner();
  return Array.from({ length: 500 }, (_, index) => `d${index}`)
    .map((decisionId) => planner.plan({ ...input, decisionId }).decision)
    .find(({ endpoint }) => endpoint.id === id)?.explanation;
}

describe("routeDecision()", () => {
  test("says in one sentence what was chosen, from how many and why", () => {
    const gates: GateView = () => "unknown";
    const input = inputOf([priced("a", 1), priced("b", 1.1), priced("c", 1, { native: false })], {
      scores,
      gates,
      policy: { operation: "support.reply" },
    });
    expect(sentence(input, "a")).toBe(
      "standard: a, drawn with 72 % among 2 of 3 endpoints, lowest cost per successful call; " +
        "1 refused: no green eval gate for support.reply",
    );
    expect(sentence(input, "b")).toBe(
      "standard: b, drawn with 28 % among 2 of 3 endpoints, " +
        "10 % above the lowest cost per successful call; 1 refused: no green eval gate for support.reply",
    );
  });

  test("speaks of tails in realtime", () => {
    const input = inputOf([priced("a", 1)], { scores, policy: { tier: "realtime" } });
    expect(sentence(input, "a")).toBe(
      "realtime: a, drawn with 100 % among 1 of 1 endpoints, lowest predicted tail",
    );
  });

  test("names what was relaxed", () => {
    const input = inputOf([priced("a", 1)], { remainingMs: 1 });
    expect(sentence(input, "a")).toContain("; none is expected to begin before the deadline");
  });
});

describe("toPlanned()", () => {
  test("lists the parameters that are left out", () => {
    const endpoint = exampleEndpoint("a", { parameters: new Set() });
    const { forecast } = contender("a");
    const planned = toPlanned(contender("a", { forecast: { ...forecast, endpoint } }), ["seed"]);
    expect(planned).toEqual({
      endpoint,
      prediction: forecast.prediction,
      droppedParameters: ["seed"],
    });
  });
});
