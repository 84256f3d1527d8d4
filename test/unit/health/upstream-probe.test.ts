import { describe, expect, test } from "vitest";
import { createCanceller } from "../../../src/domain/cancel.ts";
import { type FailureKind, type Outcome, SUCCESS } from "../../../src/domain/outcome.ts";
import type { UpstreamCall } from "../../../src/domain/ports.ts";
import { createUpstreamProbe, probeCostOf } from "../../../src/health/upstream-probe.ts";
import { exampleEndpoint } from "../../support/examples.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const endpoint = exampleEndpoint("acme/eu/one");

type Script = (call: UpstreamCall, clock: ReturnType<typeof createManualClock>) => Promise<Outcome>;

function probing(script: Script) {
  const clock = createManualClock();
  const calls: UpstreamCall[] = [];
  const probe = createUpstreamProbe({
    upstream(call) {
      calls.push(call);
      return script(call, clock);
    },
    nowMs: clock.nowMs,
    schedule: clock.schedule,
    timeoutMs: 5_000,
  });
  return { clock, calls, probe };
}

const aborted = ({ signal }: UpstreamCall): Promise<Outcome> =>
  new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve({ kind: "canceled", message: "" }));
  });

describe("createUpstreamProbe()", () => {
  test("asks for one token of one word as a stream", async () => {
    const { calls, probe } = probing(async () => SUCCESS);
    await probe(endpoint, createCanceller().signal);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({
      endpoint,
      stream: true,
      spec: { model: "acme/one", sampling: { maxOutputTokens: 1 } },
    });
  });

  test("passes with the time to the first content and the provider's own count as cost", async () => {
    const { clock, probe } = probing(async ({ emit }) => {
      emit({ kind: "response-start", httpStatus: 200, upstreamRequestId: "", upstreamModel: "" });
      await clock.advance(120);
      emit({ kind: "text-delta", choice: 0, text: "H" });
      await clock.advance(80);
      emit({ kind: "text-delta", choice: 0, text: "i" });
      const usage = { freshInput: 8, cacheRead: 0, cacheWrite: 0, visibleOutput: 1 };
      emit({ kind: "usage", usage: { ...usage, reasoningOutput: 0, source: "provider" } });
      return SUCCESS;
    });
    expect(await probe(endpoint, createCanceller().signal)).toEqual({
      signal: { kind: "probe", passed: true, firstTokenMs: 120 },
      costNanoUsd: 8 * 150 + 600,
    });
    expect(clock.pending()).toBe(0);
  });

  test("passes without a time where nothing was said", async () => {
    const { probe } = probing(async () => SUCCESS);
    expect(await probe(endpoint, createCanceller().signal)).toEqual({
      signal: { kind: "probe", passed: true, firstTokenMs: undefined },
      costNanoUsd: undefined,
    });
  });

  test.each<FailureKind>(["server-error", "network", "overloaded", "malformed-response"])(
    "fails on %s",
    async (kind) => {
      const { probe } = probing(async () => ({ kind, message: "" }));
      expect((await probe(endpoint, createCanceller().signal)).signal).toEqual({
        kind: "probe",
        passed: false,
        firstTokenMs: undefined,
      });
    },
  );

  test.each<FailureKind>(["rate-limited", "credentials", "quota-exhausted", "bad-request"])(
    "says nothing on %s",
    async (kind) => {
      const { probe } = probing(async () => ({ kind, message: "" }));
      expect((await probe(endpoint, createCanceller().signal)).signal).toBeUndefined();
    },
  );

  test("fails when the time is up", async () => {
    const { clock, probe } = probing(aborted);
    const result = probe(endpoint, createCanceller().signal);
    await clock.advance(5_000);
    expect((await result).signal?.passed).toBe(false);
  });

  test("says nothing when it is told to stop, and leaves no timer behind", async () => {
    const { clock, probe } = probing(aborted);
    const canceller = createCanceller();
    const result = probe(endpoint, canceller.signal);
    canceller.abort();
    expect((await result).signal).toBeUndefined();
    expect(clock.pending()).toBe(0);
  });

  test("leaves no timer behind when the adapter has a defect", async () => {
    const { clock, probe } = probing(() => Promise.reject(new Error("defect")));
    await expect(probe(endpoint, createCanceller().signal)).rejects.toThrow("defect");
    expect(clock.pending()).toBe(0);
  });
});

describe("probeCostOf()", () => {
  const unpriced = { ...endpoint.pricing, inputPerMtok: undefined };

  test("reckons with 128 tokens in and two out", () => {
    expect(probeCostOf(endpoint, undefined)).toBe(128 * 150 + 2 * 600);
  });

  test("costs nothing at the built-in fleet, whatever its price", () => {
    expect(probeCostOf({ ...endpoint, simulated: true, pricing: unpriced }, undefined)).toBe(0);
  });

  test("is unknown where a price is, unless one is assumed", () => {
    expect(probeCostOf({ ...endpoint, pricing: unpriced }, undefined)).toBeUndefined();
    expect(probeCostOf({ ...endpoint, pricing: unpriced }, 7)).toBe(7);
  });

  test("is unknown where the output cannot be bounded", () => {
    expect(probeCostOf({ ...endpoint, parameters: new Set() }, 7)).toBeUndefined();
  });
});
