import { describe, expect, test } from "vitest";
import type { Endpoint } from "../../../src/domain/catalog.ts";
import type { LiveView } from "../../../src/domain/score.ts";
import { createRosters } from "../../../src/plan/contender.ts";
import {
  activeRules,
  createActiveRules,
  isHardBlock,
  surveyModel,
} from "../../../src/plan/survey.ts";
import {
  blocked,
  catalogOf,
  demand,
  liveOf,
  model,
  NOW_MS,
  priced,
  pricing,
  scoresOf,
} from "./plan-fixture.ts";

function survey(endpoints: readonly Endpoint[], live: LiveView = liveOf()) {
  const call = demand({ policy: { onlyProviders: ["a", "b"], maxCost: 1_000_000 } });
  const from = { catalog: catalogOf(endpoints), scores: scoresOf({}), live };
  const roster = createRosters()("acme/one", from);
  return surveyModel(model("acme/one"), roster, call, activeRules(call));
}

describe("surveyModel()", () => {
  test("counts the refused by the first rule and keeps the others in order", () => {
    const result = survey([
      priced("a/1", 1),
      priced("c/1", 1, { enabled: false }),
      priced("c/2", 1),
      priced("c/3", 1),
      priced("b/dear", 100),
      priced("b/unknown", 1, { pricing: pricing(1, 1, { inputPerMtok: undefined }) }),
      priced("b/1", 1),
    ]);
    expect(result.contenders.map(({ forecast }) => forecast.endpoint.id)).toEqual(["a/1", "b/1"]);
    expect([...result.refused]).toEqual([
      ["disabled", 1],
      ["provider-not-allowed", 2],
      ["cost-above-limit", 1],
      ["price-unknown", 1],
    ]);
    expect(result.availability.kind).toBe("ready");
  });

  test("refuses for good what only the operator can repair, and keeps what passes by itself", () => {
    const live = liveOf({
      "a/1": blocked("credentials"),
      "a/2": blocked("misconfigured"),
      "a/3": blocked("rate-limited"),
    });
    const result = survey([priced("a/1", 1), priced("a/2", 1), priced("a/3", 1)], live);
    expect([...result.refused.keys()]).toEqual(["credentials", "misconfigured"]);
    expect(result.contenders).toHaveLength(1);
    expect(result.availability.kind).toBe("panic");
  });
});

describe("activeRules()", () => {
  test("spares the rules that the call cannot trip", () => {
    const { hard, price } = activeRules(demand());
    expect(hard.map(({ reason }) => reason)).toEqual([
      "disabled",
      "gate-not-green",
      "context-too-small",
    ]);
    expect(price.map(({ reason }) => reason)).toEqual(["price-unknown"]);
  });
});

describe("createActiveRules()", () => {
  test("gives like calls the same lists, and each call those that it can trip", () => {
    const rulesOf = createActiveRules();
    const plain = demand();
    const strict = demand({ policy: { ...plain.policy, zeroDataRetention: true } });
    expect(rulesOf(strict)).toEqual(activeRules(strict));
    expect(rulesOf(plain)).toEqual(activeRules(plain));
    expect(rulesOf(demand())).toBe(rulesOf(plain));
  });
});

describe("isHardBlock()", () => {
  test("holds for what the operator must end", () => {
    const hard = (
      [
        "credentials",
        "misconfigured",
        "breaker-open",
        "rate-limited",
        "at-concurrency-limit",
      ] as const
    ).filter((reason) => isHardBlock({ reason, untilMs: NOW_MS }));
    expect(hard).toEqual(["credentials", "misconfigured"]);
    expect(isHardBlock(undefined)).toBe(false);
  });
});
