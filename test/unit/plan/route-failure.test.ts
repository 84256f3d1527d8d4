import { describe, expect, test } from "vitest";
import type { PlanInput } from "../../../src/domain/plan.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { createPlanner } from "../../../src/plan/plan-route.ts";
import { exampleSpec } from "../../support/examples.ts";
import { blocked, inputOf, liveOf, priced } from "./plan-fixture.ts";

function failure(input: PlanInput): RouterError | undefined {
  try {
    createPlanner().plan(input);
    return undefined;
  } catch (error) {
    return error instanceof RouterError ? error : undefined;
  }
}

const converted = { native: false, quantization: "fp8", precision: "q8" } as const;
const longText = "x".repeat(3_500);
const long = exampleSpec({
  messages: [
    { role: "user", name: "", parts: [{ kind: "text", text: longText, cacheBreakpoint: false }] },
  ],
});

describe("routeFailure()", () => {
  test("names one violation for each constraint, with an example, and every candidate", () => {
    const error = failure(
      inputOf([priced("a/1", 1), priced("a/2", 1), priced("b/1", 1, { enabled: false })], {
        policy: { onlyProviders: ["b"] },
      }),
    );
    expect(error?.code).toBe("no-eligible-endpoint");
    expect(error?.message).toBe(
      "none of 3 endpoints of acme/one satisfies the policy and the request",
    );
    expect(error?.details.violations).toEqual([
      {
        field: "routing.only_providers",
        description: "provider not allowed: 2 of 3 endpoints; a/1: a is not among b",
      },
      {
        field: "spec.model",
        description: "switched off: 1 of 3 endpoints; b/1: switched off in the catalogue",
      },
    ]);
    expect(error?.details.candidates).toHaveLength(3);
  });

  test("says when nothing serves the model at all", () => {
    expect(failure(inputOf([]))).toMatchObject({
      code: "no-eligible-endpoint",
      message: "no endpoint serves acme/one",
    });
  });

  test("blames the gate when it alone stood in the way of some endpoint", () => {
    const error = failure(
      inputOf([priced("a", 1, converted), priced("b", 1, { ...converted, enabled: false })], {
        policy: { operation: "support.reply" },
        gates: () => "stale",
      }),
    );
    expect(error).toMatchObject({
      code: "eval-gate-failed",
      message:
        "no endpoint serves the released precision or has a green eval gate for support.reply",
    });
    expect(error?.details.violations?.[0]?.field).toBe("routing.operation");
  });

  test("does not blame the gate when something else was wrong everywhere", () => {
    const input = inputOf([priced("a", 1, { ...converted, enabled: false })]);
    expect(failure(input)?.code).toBe("no-eligible-endpoint");
  });

  test("blames precision and no gate in realtime", () => {
    const input = inputOf([priced("a", 1, converted)], { policy: { tier: "realtime" } });
    expect(failure(input)?.code).toBe("no-eligible-endpoint");
  });

  test("blames the prompt when it is longer than every window", () => {
    const endpoints = [
      priced("a", 1, { contextLength: 500 }),
      priced("b", 1, { contextLength: 1_000 }),
    ];
    const error = failure(inputOf(endpoints, { spec: long }));
    expect(error?.code).toBe("context-length-exceeded");
    expect(error?.details.metadata).toEqual({ inputTokens: "1007", maxInputTokens: "1000" });
  });

  test("does not blame the prompt when the window is large enough somewhere", () => {
    const endpoints = [
      priced("a", 1, { contextLength: 500 }),
      priced("b", 1, { contextLength: 9_000, enabled: false }),
    ];
    expect(failure(inputOf(endpoints, { spec: long }))?.code).toBe("no-eligible-endpoint");
  });

  test("sheds the call when a working endpoint is full, and says when to come back", () => {
    const input = (ms: number) =>
      inputOf([priced("a", 1), priced("b", 1)], {
        live: liveOf({
          a: blocked("at-concurrency-limit", ms),
          b: blocked("at-concurrency-limit", 9_000),
        }),
      });
    expect(failure(input(700.2))).toMatchObject({
      code: "upstream-rate-limited",
      details: { retryAfterMs: 701 },
    });
    expect(failure(input(-5))?.details.retryAfterMs).toBe(100);
  });

  test("tells refused credentials from what is broken otherwise", () => {
    type Fault = "credentials" | "quota-exhausted" | "misconfigured";
    const error = (a: Fault, b: Fault) =>
      failure(
        inputOf([priced("a", 1), priced("b", 1), priced("c", 1, { enabled: false })], {
          live: liveOf({ a: blocked(a), b: blocked(b) }),
        }),
      )?.code;
    expect(error("credentials", "credentials")).toBe("upstream-auth-failed");
    expect(error("quota-exhausted", "quota-exhausted")).toBe("upstream-quota-exhausted");
    expect(error("credentials", "quota-exhausted")).toBe("upstream-unavailable");
    expect(error("credentials", "misconfigured")).toBe("upstream-unavailable");
    expect(error("misconfigured", "misconfigured")).toBe("upstream-unavailable");
  });

  test("speaks for all models of the call", () => {
    const two = priced("two", 1, { model: "acme/two", enabled: false });
    const error = failure(
      inputOf([priced("a", 1, { enabled: false }), two], {
        policy: { fallbackModels: ["acme/two"] },
      }),
    );
    expect(error?.message).toContain("2 endpoints of acme/one, acme/two");
  });
});
