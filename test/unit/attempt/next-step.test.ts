import { describe, expect, test } from "vitest";
import { type AttemptState, nextStep } from "../../../src/attempt/next-step.ts";
import { type FailureKind, failureKinds, failureTraits } from "../../../src/domain/outcome.ts";
import type { PlannedEndpoint } from "../../../src/domain/plan.ts";
import { exampleEndpoint, examplePrediction } from "../../support/examples.ts";

const planned = (id: string, changes = {}): PlannedEndpoint => ({
  endpoint: exampleEndpoint(id, changes),
  prediction: examplePrediction,
  droppedParameters: [],
});
const failed = (kind: FailureKind, sent = true) => ({ kind, message: "", sent });
const state = {
  outcome: failed("server-error"),
  tried: planned("a"),
  remaining: [planned("b"), planned("c")],
  attempts: 1,
  maxAttempts: 3,
  committed: false,
  remainingMs: 60_000,
};

/** Ids of the endpoints to try, or what else is to be done. */
function tries(change: Partial<AttemptState>) {
  const step = nextStep({ ...state, ...change });
  return step.kind === "try" ? step.endpoints.map(({ endpoint }) => endpoint.id) : step.kind;
}

describe("nextStep()", () => {
  test("delivers a success", () => {
    expect(nextStep({ ...state, outcome: { kind: "success" } })).toEqual({ kind: "deliver" });
  });

  test.each(failureKinds.filter((kind) => failureTraits[kind].elsewhere === "always"))(
    "moves on from %s to the endpoints left, best first",
    (kind) => {
      expect(tries({ outcome: failed(kind) })).toEqual(["b", "c"]);
    },
  );

  test.each(failureKinds.filter((kind) => failureTraits[kind].elsewhere === "never"))(
    "gives up on %s, which every endpoint would answer alike",
    (kind) => {
      expect(nextStep({ ...state, outcome: failed(kind) })).toEqual({ kind: "give-up" });
    },
  );

  test.each(failureKinds)("never moves on from %s once content reached the caller", (kind) => {
    expect(nextStep({ ...state, committed: true, outcome: failed(kind) })).toEqual({
      kind: "give-up",
    });
  });

  test("prefers an endpoint of another account", () => {
    const remaining = [planned("a2", { account: "a" }), planned("b")];
    expect(tries({ remaining })).toEqual(["b", "a2"]);
  });

  test("takes the same account when there is no other", () => {
    expect(tries({ remaining: [planned("a2", { account: "a" })] })).toEqual(["a2"]);
  });

  test("moves a prompt that is too long only to a larger context", () => {
    const outcome = failed("context-length");
    const larger = planned("d", { contextLength: 1_000_000 });
    expect(nextStep({ ...state, outcome })).toEqual({ kind: "give-up" });
    expect(tries({ outcome, remaining: [...state.remaining, larger] })).toEqual(["d"]);
  });

  test("skips an endpoint that is not expected to answer in the time left", () => {
    expect(nextStep({ ...state, remainingMs: 499 })).toEqual({ kind: "give-up" });
    expect(tries({ remainingMs: 500 })).toEqual(["b", "c"]);
  });

  test.each([
    { name: "the attempts are used up", change: { attempts: 3 } },
    { name: "no time is left", change: { remainingMs: 0 } },
    { name: "no endpoint is left", change: { remaining: [] } },
  ])("gives up when $name", ({ change }) => {
    expect(nextStep({ ...state, ...change })).toEqual({ kind: "give-up" });
  });

  test("tries the same endpoint again only when it never connected and nothing else is left", () => {
    const outcome = failed("network", false);
    expect(nextStep({ ...state, outcome, remaining: [] })).toEqual({ kind: "again" });
    expect(tries({ outcome })).toEqual(["b", "c"]);
    expect(tries({ outcome: failed("server-error", false), remaining: [] })).toBe("give-up");
  });
});
