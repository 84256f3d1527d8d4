import { expect, test } from "vitest";
import { callRefusalOf } from "../../../src/attempt/call-refusal.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { exampleEndpoint, examplePlan } from "../../support/examples.ts";

const { decision } = examplePlan(exampleEndpoint("a"));
const received = { receivedAtMs: 10 };

test("a plan that throws takes all the time since its start", () => {
  const error = new RouterError("no-eligible-endpoint", "nothing is left");
  const times = { planStartedAtMs: 12, plannedAtMs: undefined, endedAtMs: 17 };
  expect(callRefusalOf(received, error, undefined, times)).toEqual({
    decision: undefined,
    attempts: [],
    error,
    timings: {
      queue: 0,
      plan: 5,
      failedAttempts: 0,
      upstreamFirstToken: 0,
      upstreamGeneration: 0,
      routerOverhead: 2,
      total: 7,
    },
  });
});

test("a plan that nothing admits keeps its decision, and its time ends before", () => {
  const error = new RouterError("upstream-unavailable", "all are switched off");
  const times = { planStartedAtMs: 12, plannedAtMs: 14, endedAtMs: 17 };
  const refusal = callRefusalOf(received, error, decision, times);
  expect(refusal.decision).toBe(decision);
  expect(refusal.timings).toMatchObject({ plan: 2, routerOverhead: 5, total: 7 });
});

test("a defect is internal, and its own words are for the log", () => {
  const cause = new TypeError("x is undefined");
  const times = { planStartedAtMs: 12, plannedAtMs: undefined, endedAtMs: 17 };
  const { error } = callRefusalOf(received, cause, undefined, times);
  expect(error.code).toBe("internal");
  expect(error.message).not.toContain("x is");
  expect(error.details.cause).toBe(cause);
});
