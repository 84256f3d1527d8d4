import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { AttemptEnd } from "../../../src/attempt/attempt-once.ts";
import type { PlanEnd } from "../../../src/attempt/attempt-plan.ts";
import { callResultOf } from "../../../src/attempt/call-result.ts";
import type { AttemptRecord } from "../../../src/domain/call.ts";
import { UNKNOWN_COST } from "../../../src/domain/money.ts";
import { type Failure, SUCCESS } from "../../../src/domain/outcome.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import type { Usage } from "../../../src/domain/usage.ts";
import { exampleCall, exampleEndpoint, examplePlan } from "../../support/examples.ts";

const endpoint = exampleEndpoint("a");
const plan = examplePlan(endpoint);
const usage: Usage = {
  freshInput: 1_000,
  cacheRead: 0,
  cacheWrite: 0,
  visibleOutput: 101,
  reasoningOutput: 0,
  source: "provider",
};

type Shape = {
  readonly failure?: Failure;
  readonly committed?: boolean;
  readonly firstTokenMs?: number;
  readonly durationMs?: number;
  readonly failedMs?: number;
  /** Of `failedMs`, what waited for the event loop. */
  readonly waitedMs?: number;
  readonly lateMs?: number;
  /** Of the attempt before. */
  readonly first?: Partial<AttemptRecord> | "none";
  /** What its record, and its usage, differ in. */
  readonly last?: { readonly usage: Usage };
  readonly generatedTokens?: number;
};

/** A call received at 0 and planned from 1 to 2, whose attempts start at 3. */
function result(shape: Shape, signal = new AbortController().signal) {
  const { failure, committed = true, failedMs = 0, durationMs = 500, lateMs = 1 } = shape;
  const startedAtMs = 3 + failedMs;
  const record = {
    number: 1,
    endpoint,
    startedAtMs,
    durationMs,
    firstTokenMs: committed ? (shape.firstTokenMs ?? durationMs) : undefined,
    outcome: failure ?? SUCCESS,
    httpStatus: undefined,
    upstreamRequestId: undefined,
    droppedParameters: [],
    streamed: true,
    upstreamModel: "",
    ...shape.last,
  };
  const { first } = shape;
  const attempts: PlanEnd["attempts"] =
    first === "none" ? [record] : [{ ...record, startedAtMs: 3, ...first }, record];
  const last: AttemptEnd = {
    record,
    committed,
    usage: shape.last?.usage ?? usage,
    generationMs:
      committed && shape.firstTokenMs !== undefined ? durationMs - shape.firstTokenMs : undefined,
    generatedTokens: shape.generatedTokens ?? usage.visibleOutput,
    waitedMs: lateMs,
  };
  return callResultOf(
    exampleCall({ receivedAtMs: 0, signal }),
    plan,
    { attempts, last, waitedMs: shape.waitedMs ?? 0, failure },
    { planStartedAtMs: 1, plannedAtMs: 2, endedAtMs: startedAtMs + durationMs + lateMs },
  );
}

describe("callResultOf()", () => {
  test("prices what the provider counted", () => {
    const { cost, error, partial } = result({ firstTokenMs: 100 });
    expect(cost).toEqual({ total: 210_600, input: 150_000, output: 60_600, cache: 0, request: 0 });
    expect([error, partial]).toEqual([undefined, false]);
  });

  test("charges nothing for a call that failed before its answer began", () => {
    const { cost } = result({ failure: { kind: "network", message: "" }, committed: false });
    expect(cost.total).toBe(0);
  });

  test("charges what had come when the answer broke, and marks it partial", () => {
    const broken = result({ failure: { kind: "network", message: "" }, firstTokenMs: 10 });
    expect(broken.cost.total).toBe(210_600);
    expect(broken.usage.source).toBe("partial");
    expect([broken.partial, broken.error?.code]).toEqual([true, "stream-interrupted"]);
  });

  test("reckons what attempts are billed that another one followed, beside the cost of the call", () => {
    const partial: Usage = { ...usage, visibleOutput: 10, source: "partial" };
    const { attempts, cost } = result({ first: { firstTokenMs: 10, usage: partial } });
    expect(attempts.map(({ givenUpCost }) => givenUpCost)).toEqual([
      { total: 156_000, input: 150_000, output: 6_000, cache: 0, request: 0 },
      undefined,
    ]);
    expect(cost.total).toBe(210_600);
  });

  test.each([
    ["nothing was counted", { usage: undefined }],
    [
      "its price is not known",
      {
        usage,
        endpoint: { ...endpoint, pricing: { ...endpoint.pricing, inputPerMtok: undefined } },
      },
    ],
  ])("does not know what they are billed when %s", (_, first) => {
    const { attempts } = result({ first: { firstTokenMs: 10, ...first } });
    expect(attempts[0].givenUpCost).toEqual(UNKNOWN_COST);
  });

  test("leaves the attempt of a call that needed no other as it is", () => {
    const { attempts } = result({ first: "none" });
    expect(attempts).toHaveLength(1);
    expect(attempts[0]).not.toHaveProperty("givenUpCost");
  });

  test("takes those not to be billed whose answer had not begun, whatever we counted", () => {
    const counted: Usage = { ...usage, source: "partial" };
    const { attempts } = result({ first: { firstTokenMs: undefined, usage: counted } });
    expect(attempts[0].givenUpCost).toBeUndefined();
  });

  describe("of an empty answer whose provider told of hidden reasoning", () => {
    const empty = {
      firstTokenMs: undefined,
      usage: { ...usage, visibleOutput: 0, reasoningOutput: 5_000 },
    };
    const price = { total: 3_150_000, input: 150_000, output: 3_000_000, cache: 0, request: 0 };
    const failure: Failure = { kind: "malformed-response", message: "nothing in it" };

    test("reckons what it is billed although another attempt followed", () => {
      const { attempts } = result({ first: { ...empty, outcome: failure } });
      expect(attempts[0].givenUpCost).toEqual(price);
    });

    test("charges it when it decided the call", () => {
      const { cost, error } = result({ failure, committed: false, last: empty });
      expect(cost).toEqual(price);
      expect(error?.code).toBe("upstream-unavailable");
    });
  });

  test("ends with the reason of whoever ended it", () => {
    const controller = new AbortController();
    const reason = new RouterError("shutting-down", "draining");
    controller.abort(reason);
    const ended = result({ failure: { kind: "canceled", message: "" } }, controller.signal);
    expect(ended.error).toBe(reason);
  });

  test("tells a deadline that the server enforced as any other, with its phase", () => {
    const controller = new AbortController();
    controller.abort(new RouterError("deadline-exceeded", "too late"));
    const ended = result({ failure: { kind: "total-timeout", message: "" } }, controller.signal);
    expect(ended.error?.code).toBe("deadline-exceeded");
    expect(ended.error?.details.metadata?.["phase"]).toBe("generating");
  });

  test("counts an answer that came whole as first token", () => {
    const { timings, outputTokensPerSecond } = result({});
    expect(timings).toMatchObject({ upstreamFirstToken: 500, upstreamGeneration: 0 });
    expect(outputTokensPerSecond).toBe(0);
  });

  test("tells the speed after the first token", () => {
    expect(result({ firstTokenMs: 300, durationMs: 1_300 }).outputTokensPerSecond).toBe(100);
  });

  test.each([
    { name: "fewer than 8 tokens", generatedTokens: 7, generationMs: 50, speed: 0 },
    { name: "less than 50 ms", generatedTokens: 8, generationMs: 49, speed: 0 },
    { name: "99 deltas that were read at once", generatedTokens: 99, generationMs: 8, speed: 0 },
    { name: "neither", generatedTokens: 8, generationMs: 50, speed: 140 },
  ])("tells $speed tokens a second of $name", ({ generatedTokens, generationMs, speed }) => {
    const ended = result({ firstTokenMs: 12, durationMs: 12 + generationMs, generatedTokens });
    expect(ended.outputTokensPerSecond).toBe(speed);
  });

  test("takes what waited for the event loop between two attempts for the router's own", () => {
    const { timings } = result({ first: {}, failedMs: 700, waitedMs: 480, lateMs: 20 });
    expect(timings).toMatchObject({ failedAttempts: 220, routerOverhead: 2 + 480 + 20 });
  });

  test("has timings that add up and are never negative", () => {
    const ms = fc.double({ min: 0, max: 1e6, noNaN: true });
    const shape = fc.record({
      failed: fc.boolean(),
      committed: fc.boolean(),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      durationMs: ms,
      failedMs: ms,
      waitedShare: fc.double({ min: 0, max: 1, noNaN: true }),
      lateMs: ms,
    });
    fc.assert(
      fc.property(shape, ({ failed, share, waitedShare, durationMs, ...rest }) => {
        const { total, ...parts } = result({
          ...rest,
          durationMs,
          waitedMs: waitedShare * rest.failedMs,
          firstTokenMs: share * durationMs,
          ...(failed && { failure: { kind: "network", message: "" } }),
        }).timings;
        const sum = Object.values(parts).reduce((left, right) => left + right, 0);
        expect(sum).toBeCloseTo(total, 6);
        expect(Math.min(...Object.values(parts))).toBeGreaterThanOrEqual(-1e-6);
      }),
      { seed: 3, numRuns: 500 },
    );
  });
});
