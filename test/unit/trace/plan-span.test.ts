import { describe, expect, test } from "vitest";
import type { Candidate, RejectionReason } from "../../../src/domain/plan.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { attributeNamesOf } from "../../../src/trace/attribute-table.ts";
import { planSpanOf, rejectionsOf } from "../../../src/trace/plan-span.ts";
import { exampleCall, exampleEndpoint, examplePlan } from "../../support/examples.ts";
import { shownSpan } from "../../support/shown-span.ts";
import { endpoint, exampleRefusal, exampleResult, RECEIVED_AT_MS } from "./call-fixture.ts";

const names = attributeNamesOf(undefined);

function spanOf(...facts: Parameters<typeof planSpanOf>) {
  return shownSpan(planSpanOf(...facts));
}

function refused(...reasons: readonly (readonly RejectionReason[])[]): RouterError {
  const candidates = reasons.map((some) => ({
    rejections: some.map((reason) => ({ reason, detail: "", soft: false })),
  }));
  // The rest of a candidate says nothing here.
  return new RouterError("no-eligible-endpoint", "", {
    candidates: candidates as unknown as Candidate[],
  });
}

describe("planSpanOf()", () => {
  test("lasts from the decision on, as long as the timings say", () => {
    const { decision } = examplePlan(endpoint, exampleEndpoint("b/one"));
    const decided = {
      ...decision,
      decidedAtMs: RECEIVED_AT_MS + 2,
      relaxations: ["panic"] as const,
      scoreAgeMs: 900,
    };
    const span = spanOf(exampleCall(), exampleResult({ decision: decided }), names);
    expect([span.startedAtMs, span.endedAtMs]).toEqual([RECEIVED_AT_MS + 2, RECEIVED_AT_MS + 3]);
    expect(span).toMatchObject({
      name: "atlas.plan",
      spanId: "b7ad6b7169203332",
      parentSpanId: "b7ad6b7169203331",
      error: undefined,
      attributes: {
        "atlas.decision.id": decision.decisionId,
        "atlas.endpoint": "acme/eu/one",
        "atlas.fallbacks": ["b/one"],
        "atlas.relaxations": ["panic"],
        "atlas.score.age_ms": 900,
        "atlas.score.revision": 1,
        "atlas.catalog.revision": 1,
        "atlas.prices.version": "0a1b2c3d4e5f",
      },
    });
  });

  test("leaves out what is not known, and lists that are empty", () => {
    const { attributes } = spanOf(exampleCall(), exampleResult(), names);
    const absent = [
      "fallbacks",
      "relaxations",
      "rejections",
      "cost.estimated_nano_usd",
      "score.age_ms",
    ];
    expect(absent.map((key) => attributes[`atlas.${key}`])).toEqual(absent.map(() => undefined));
  });

  test("of a call without a decision ends with the call and says why", () => {
    const error = refused(["price-above-limit"], ["disabled", "price-above-limit"]);
    const span = spanOf(exampleCall(), exampleRefusal({ error }), names);
    expect([span.startedAtMs, span.endedAtMs]).toEqual([RECEIVED_AT_MS + 4, RECEIVED_AT_MS + 6]);
    expect(span.error).toBe("no-eligible-endpoint");
    expect(span.attributes).toMatchObject({
      "error.type": "no-eligible-endpoint",
      "atlas.rejections": ["disabled", "price-above-limit"],
    });
  });

  test("is no error where the plan stands and nothing admitted the call", () => {
    const { decision } = exampleResult();
    const error = new RouterError("upstream-unavailable", "");
    expect(spanOf(exampleCall(), exampleRefusal({ decision, error }), names).error).toBeUndefined();
  });
});

test("a call that was not refused has no rejections", () => {
  expect(rejectionsOf(undefined)).toBeUndefined();
  expect(rejectionsOf(refused([]))).toBeUndefined();
});
