import { describe, expect, test } from "vitest";
import { createRetryBudget } from "../../src/attempt/retry-budget.ts";
import type { CallEnd, CallEvent, CompletionCall } from "../../src/domain/call.ts";
import type { Endpoint } from "../../src/domain/catalog.ts";
import { nativeOnlyGates } from "../../src/domain/gate.ts";
import { SUCCESS } from "../../src/domain/outcome.ts";
import { defaultPolicy } from "../../src/domain/policy.ts";
import { RouterError } from "../../src/domain/router-error.ts";
import { EMPTY_SCORES } from "../../src/domain/score.ts";
import { createRouter, type RouterPorts } from "../../src/router.ts";
import { exampleCatalog, exampleModel } from "../support/example-catalog.ts";
import { exampleCall, exampleEndpoint, exampleSpec } from "../support/examples.ts";
import { createManualClock } from "../support/manual-clock.ts";
import { type Script, scriptedUpstream } from "../support/scripted-upstream.ts";

const endpoint = exampleEndpoint("acme/eu/one");
const answered: Script = {
  emits: [
    { kind: "text-delta", choice: 0, text: "hi" },
    { kind: "choice-end", choice: 0, reason: "stop", rawReason: "stop", stopSequence: "" },
  ],
  ends: SUCCESS,
};

type Setting = {
  readonly endpoints?: readonly Endpoint[];
  readonly script?: Script;
  readonly admits?: boolean;
  readonly ports?: Partial<RouterPorts>;
};

/** A router over one model, with all that its sink is told. */
function start({ endpoints = [endpoint], script = answered, admits = true, ports }: Setting = {}) {
  const clock = createManualClock();
  const finished: { readonly call: CompletionCall; readonly end: CallEnd }[] = [];
  const catalog = exampleCatalog([exampleModel("acme/one")], endpoints);
  const router = createRouter({
    catalog: () => catalog,
    scores: () => EMPTY_SCORES,
    live: { of: () => undefined },
    gates: nativeOnlyGates,
    policy: () => ({ ...defaultPolicy, ignoreProviders: ["ignored"] }),
    attempt: {
      upstream: scriptedUpstream({ [endpoint.id]: script }).upstream,
      observe: () => undefined,
      admission: {
        tryStart: () => admits,
        awaitContent: () => undefined,
        firstContent: () => undefined,
        wantsTiming: () => false,
      },
      budget: createRetryBudget(),
      timeouts: {
        firstTokenMinMs: 2_000,
        firstTokenMaxMs: 60_000,
        firstTokenColdMs: 30_000,
        idleMs: 30_000,
      },
      nowMs: clock.nowMs,
      schedule: clock.schedule,
      random: () => 0.5,
    },
    finished: (call, end) => finished.push({ call, end }),
    ...ports,
  });
  return { router, finished };
}

/** Received 5 ms before the clock's start. */
function received(changes: Partial<CompletionCall> = {}): CompletionCall {
  return exampleCall({ receivedAtMs: 1_800_000_000_000 - 5, ...changes });
}

describe("complete()", () => {
  test("hands an answered call to the sink once, with the policy that was used", async () => {
    const { router, finished } = start();
    const result = await router.complete(received());
    expect(result.error).toBeUndefined();
    expect(finished).toHaveLength(1);
    expect(finished[0]?.end).toBe(result);
    expect(finished[0]?.call.policy.ignoreProviders).toEqual(["ignored"]);
  });

  test("hands a failed call to the sink once, with its attempts", async () => {
    const { router, finished } = start({
      script: { ends: { kind: "bad-request", message: "no" } },
    });
    const result = await router.complete(received());
    expect(result.error?.code).toBe("request-refused");
    expect(finished.map(({ end }) => end)).toEqual([result]);
  });

  test.each([
    { name: "an unknown model", setting: {}, model: "no/such", code: "model-not-found" },
    { name: "no endpoint", setting: { endpoints: [] }, code: "no-eligible-endpoint" },
    {
      name: "a policy that nothing satisfies",
      setting: { endpoints: [{ ...endpoint, provider: { id: "ignored", displayName: "I" } }] },
      code: "no-eligible-endpoint",
    },
  ])("hands a call that $name ends to the sink once, without a decision", async (given) => {
    const { router, finished } = start(given.setting);
    const events: CallEvent[] = [];
    const spec = exampleSpec({ model: given.model ?? "acme/one" });
    const call = received({ spec, emit: (event) => events.push(event) });
    const error: unknown = await router.complete(call).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(RouterError);
    expect(error).toMatchObject({ code: given.code });
    expect(events).toEqual([]);
    expect(finished).toHaveLength(1);
    expect(finished[0]?.end).toMatchObject({ attempts: [], decision: undefined });
    expect(finished[0]?.end.error).toBe(error);
    expect(finished[0]?.end.timings.total).toBe(5);
    expect(finished[0]?.call.id).toBe(call.id);
  });

  test("hands a call that nothing admits to the sink once, with its decision", async () => {
    const { router, finished } = start({ admits: false });
    await expect(router.complete(received())).rejects.toMatchObject({
      code: "upstream-unavailable",
    });
    expect(finished).toHaveLength(1);
    expect(finished[0]?.end.decision?.endpoint).toBe(endpoint);
    expect(finished[0]?.end.attempts).toEqual([]);
  });

  test("hands a call that a defect ends to the sink once, and rejects with the defect", async () => {
    const defect = new TypeError("x is undefined");
    const { router, finished } = start({
      ports: {
        catalog: () => {
          throw defect;
        },
      },
    });
    await expect(router.complete(received())).rejects.toBe(defect);
    expect(finished).toHaveLength(1);
    expect(finished[0]?.end.error).toMatchObject({ code: "internal", details: { cause: defect } });
  });
});

describe("route()", () => {
  test("explains without telling the sink", () => {
    const { router, finished } = start();
    const { decisionId, spec, policy, deadlineMs } = { ...received(), decisionId: "d" };
    const { plan, effectivePolicy } = router.route({ decisionId, spec, policy, deadlineMs });
    expect(plan.decision.endpoint).toBe(endpoint);
    expect(effectivePolicy.ignoreProviders).toEqual(["ignored"]);
    expect(finished).toEqual([]);
  });
});
