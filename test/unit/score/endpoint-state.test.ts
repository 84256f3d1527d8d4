import { describe, expect, test } from "vitest";
import { type FailureKind, failureKinds, failureTraits } from "../../../src/domain/outcome.ts";
import { createAccountState } from "../../../src/score/account-state.ts";
import { createCooldown } from "../../../src/score/cooldown.ts";
import { createEndpointState, type EndpointState } from "../../../src/score/endpoint-state.ts";
import {
  failed,
  makeEndpoint,
  makeObservation,
  type ObservationChanges,
} from "./make-observation.ts";

function createState(maxConcurrency = 100): EndpointState {
  const shared = { account: createAccountState(), cooldown: createCooldown() };
  return createEndpointState(makeEndpoint("a", { maxConcurrency }), shared, () => 0);
}

function run(state: EndpointState, changes: ObservationChanges = {}): void {
  const observation = makeObservation(changes);
  const { startedAtMs, firstTokenMs } = observation.attempt;
  state.start(startedAtMs);
  if (observation.streamed) {
    state.awaitContent(startedAtMs);
  }
  if (firstTokenMs !== undefined) {
    state.firstContent(startedAtMs, startedAtMs + firstTokenMs);
  }
  state.end(observation, observation.endedAtMs);
}

function runMany(state: EndpointState, times: number, changes: ObservationChanges = {}): void {
  for (let time = 0; time < times; time++) {
    run(state, changes);
  }
}

describe("createEndpointState()", () => {
  test("starts cold, closed, unblocked and without a score", () => {
    const { live, score } = createState(30);
    expect(live).toMatchObject({ inflight: 0, limit: 30, breaker: "closed", cold: true });
    expect(live.block(0)).toBeUndefined();
    expect(live.firstTokenEwmaMs(0)).toBeUndefined();
    expect(live.slowStart(0)).toBe(1);
    expect(score()).toBeUndefined();
  });

  test("counts attempts in flight, and never below none", () => {
    const state = createState();
    state.start(0);
    state.start(0);
    expect(state.live.inflight).toBe(2);
    state.end(makeObservation(), 0);
    expect(state.live.inflight).toBe(1);
    state.end(makeObservation(), 0);
    state.end(makeObservation(), 0);
    expect(state.live.inflight).toBe(0);
  });
});

describe("block()", () => {
  test("does not refuse calls above a limit that was only learnt", () => {
    const state = createState();
    state.start(0);
    state.start(0);
    run(state, { outcome: failed("rate-limited", { retryAfterMs: 1 }) });
    expect(state.live.limit).toBe(2);
    expect(state.live.block(10_000)).toBeUndefined();
  });

  test("tells when the catalogue's limit is reached", () => {
    const state = createState(1);
    state.start(5);
    expect(state.live.block(5)).toEqual({ reason: "at-concurrency-limit", untilMs: 5 });
  });

  test("tells how long the breaker is open, and of the probe that runs", () => {
    const state = createState();
    runMany(state, 5, { outcome: failed("server-error") });
    expect(state.live.block(0)).toEqual({ reason: "breaker-open", untilMs: 2_500 });
    expect(state.live.block(2_500)).toBeUndefined();
    state.start(2_500);
    expect(state.live.block(2_500)).toEqual({ reason: "breaker-open", untilMs: 32_500 });
  });

  test("tells what lasts longer of breaker and cooldown", () => {
    const state = createState();
    runMany(state, 5, { outcome: failed("server-error") });
    run(state, { outcome: failed("rate-limited", { retryAfterMs: 2_000 }) });
    expect(state.live.block(0)).toEqual({ reason: "breaker-open", untilMs: 2_500 });
    run(state, { outcome: failed("rate-limited", { retryAfterMs: 20_000 }) });
    expect(state.live.block(0)).toEqual({ reason: "rate-limited", untilMs: 20_000 });
    expect(state.live.block(20_000)).toBeUndefined();
  });

  test("tells first what the operator has to mend", () => {
    const state = createState();
    runMany(state, 5, { outcome: failed("server-error") });
    run(state, { outcome: failed("credentials") });
    expect(state.live.block(0)).toEqual({ reason: "credentials", untilMs: 3_600_000 });
    run(state, { outcome: failed("model-not-found") });
    const untilMs = Number.POSITIVE_INFINITY;
    expect(state.live.block(0)).toEqual({ reason: "misconfigured", untilMs });
    expect(state.isDisabled(0)).toBe(true);
  });

  test.each(failureKinds)("is about more than the limit exactly when %s says so", (kind) => {
    const reasons: Partial<Record<FailureKind, string>> = {
      "rate-limited": "rate-limited",
      "quota-exhausted": "quota-exhausted",
      credentials: "credentials",
      "model-not-found": "misconfigured",
    };
    const state = createState();
    run(state, { outcome: failed(kind) });
    expect(state.live.block(0)?.reason).toBe(reasons[kind]);
    expect(state.isDisabled(0)).toBe(failureTraits[kind].disables !== "nothing");
  });

  test("honours what an overloaded provider asks for", () => {
    const state = createState();
    run(state, { outcome: failed("overloaded", { retryAfterMs: 7_000 }) });
    expect(state.live.block(0)).toEqual({ reason: "rate-limited", untilMs: 7_000 });
  });

  test("is lifted by a success of an attempt that was under way", () => {
    const state = createState();
    state.start(0);
    run(state, { outcome: failed("model-not-found") });
    run(state, { outcome: failed("credentials") });
    state.end(makeObservation(), 0);
    expect(state.live.block(0)).toBeUndefined();
  });
});

describe("the breaker of an endpoint", () => {
  test.each([
    { name: "connect-timeout", outcome: failed("connect-timeout"), breaker: "open" },
    { name: "nothing sent", outcome: failed("network", { sent: false }), breaker: "open" },
    { name: "a broken connection", outcome: failed("network"), breaker: "closed" },
    { name: "rate limits", outcome: failed("rate-limited"), breaker: "closed" },
    { name: "bad requests", outcome: failed("bad-request"), breaker: "closed" },
  ])("is $breaker after three times $name", ({ outcome, breaker }) => {
    const state = createState();
    runMany(state, 3, { outcome });
    expect(state.live.breaker).toBe(breaker);
  });

  test.each([
    { name: "no tail", firstTokenMs: undefined, leaseMs: 30_000 },
    { name: "a tail of 10 ms", firstTokenMs: 10, leaseMs: 2_000 },
    { name: "a tail of 2 s", firstTokenMs: 2_000, leaseMs: 6_000 },
    { name: "a tail of 40 s", firstTokenMs: 40_000, leaseMs: 60_000 },
  ])("gives a probe $leaseMs ms with $name", ({ firstTokenMs, leaseMs }) => {
    const state = createState();
    runMany(state, 20, { firstTokenMs });
    runMany(state, 5, { outcome: failed("server-error") });
    state.refresh(0);
    state.start(5_000);
    const leftMs = (state.live.block(5_000)?.untilMs ?? 0) - 5_000;
    expect(Math.abs(leftMs - leaseMs)).toBeLessThanOrEqual(0.01 * leaseMs);
  });

  test("closes by the first content of three probes, and starts slowly from there", () => {
    const state = createState();
    runMany(state, 5, { outcome: failed("server-error") });
    expect(state.live.slowStart(0)).toBe(0.1);
    for (const nowMs of [10_000, 11_000, 12_000]) {
      state.start(nowMs);
      state.firstContent(nowMs, nowMs + 500);
    }
    expect(state.live.breaker).toBe("closed");
    expect(state.live.slowStart(12_500)).toBe(0.1);
    expect(state.live.slowStart(42_500)).toBe(0.5);
    expect(state.live.slowStart(72_500)).toBe(1);
    expect(state.live.slowStart(999_999)).toBe(1);
  });
});

describe("the limit of an endpoint", () => {
  test.each(failureKinds)("falls after %s exactly when it is an overload", (kind) => {
    const state = createState(100);
    for (let call = 0; call < 50; call++) {
      state.start(0);
    }
    state.end(makeObservation({ outcome: failed(kind) }), 0);
    expect(state.live.limit).toBe(failureTraits[kind].overload ? 35 : 100);
  });

  test("grows with successes and follows the catalogue", () => {
    const state = createState(100);
    run(state, { outcome: failed("overloaded") });
    expect(state.live.limit).toBe(2);
    runMany(state, 2);
    expect(state.live.limit).toBe(3);
    const shared = { account: createAccountState(), cooldown: createCooldown() };
    state.reconfigure(makeEndpoint("a", { maxConcurrency: 1 }), shared, 0);
    expect(state.live.limit).toBe(1);
  });
});

describe("reconfigure()", () => {
  test("forgets a misconfiguration and moves to another account", () => {
    const state = createState();
    run(state, { outcome: failed("model-not-found") });
    run(state, { outcome: failed("credentials") });
    const shared = { account: createAccountState(), cooldown: createCooldown() };
    state.reconfigure(makeEndpoint("a"), shared, 0);
    expect(state.isDisabled(0)).toBe(false);
    run(state, { outcome: failed("quota-exhausted") });
    expect(shared.account.blockedUntilMs).toBe(600_000);
    shared.cooldown.extend(0, 300_000);
    shared.account.enable();
    expect(state.live.block(0)?.untilMs).toBe(300_000);
  });
});

describe("waitingMs()", () => {
  test("is how long the oldest streamed attempt waits for content", () => {
    const state = createState();
    state.awaitContent(1_000);
    state.awaitContent(2_000);
    expect(state.live.waitingMs(4_000)).toBe(3_000);
    state.firstContent(1_000, 4_500);
    expect(state.live.waitingMs(5_000)).toBe(3_000);
    state.end(makeObservation({ startedAtMs: 2_000, firstTokenMs: undefined }), 5_000);
    expect(state.live.waitingMs(6_000)).toBe(0);
  });
});

describe("waitingMs() of attempts that began at the same time", () => {
  test("goes on for the one that hangs when another has been answered", () => {
    const state = createState();
    state.awaitContent(1_000);
    state.awaitContent(1_000);
    state.firstContent(1_000, 1_100);
    state.end(makeObservation({ startedAtMs: 1_000, firstTokenMs: 100 }), 1_200);
    state.end(makeObservation({ startedAtMs: 1_000, streamed: false, firstTokenMs: 9 }), 1_300);
    expect(state.live.waitingMs(5_000)).toBe(4_000);
  });
});

describe("firstTokenEwmaMs()", () => {
  test("knows a first token when it comes, and not again when the answer ends", () => {
    const state = createState();
    state.awaitContent(1_000);
    state.firstContent(1_000, 1_400);
    expect(state.live.firstTokenEwmaMs(1_400)).toBe(400);
    state.end(makeObservation({ startedAtMs: 1_000, firstTokenMs: 400 }), 61_400);
    expect(state.live.firstTokenEwmaMs(61_400)).toBeCloseTo(400 * Math.exp(-2), 6);
  });

  test("follows streamed answers only", () => {
    const state = createState();
    run(state, { streamed: false });
    expect(state.live.firstTokenEwmaMs(0)).toBeUndefined();
    run(state);
    expect(state.live.firstTokenEwmaMs(0)).toBe(500);
  });

  test("counts a fast failure as twice the slow tail", () => {
    const state = createState();
    runMany(state, 20);
    state.refresh(0);
    const quick = { durationMs: 5, firstTokenMs: undefined };
    run(state, { outcome: failed("server-error"), ...quick });
    expect(state.live.firstTokenEwmaMs(0)).toBe(2 * (state.score()?.firstTokenMs.p95 ?? 0));
  });

  test("counts a failure as what it took where that is longer, to its first token if it came", () => {
    const state = createState();
    const late = { outcome: failed("idle-timeout"), durationMs: 60_000, firstTokenMs: undefined };
    run(state, { ...late, firstTokenMs: 800 });
    expect(state.live.firstTokenEwmaMs(0)).toBe(800);
    run(state, late);
    expect(state.live.firstTokenEwmaMs(0)).toBe(60_000);
  });

  test.each(["canceled", "total-timeout"] as const)("is raised by a long wait for %s", (kind) => {
    const state = createState();
    const wait = { outcome: failed(kind), firstTokenMs: undefined };
    run(state, { ...wait, durationMs: 3_000 });
    run(state, { ...wait, durationMs: 1_000 });
    run(state, { ...wait, streamed: false, durationMs: 90_000 });
    expect(state.live.firstTokenEwmaMs(0)).toBe(3_000);
  });

  test("learns nothing from refusals", () => {
    const state = createState();
    run(state, { outcome: failed("rate-limited"), firstTokenMs: undefined });
    run(state, { outcome: failed("bad-request"), firstTokenMs: undefined });
    state.end(makeObservation({ outcome: failed("network"), firstTokenMs: Number.NaN }), 0);
    expect(state.live.firstTokenEwmaMs(0)).toBeUndefined();
  });
});

describe("cold", () => {
  test("ends with twenty results once the first is ten seconds old", () => {
    const state = createState();
    runMany(state, 19, { endedAtMs: 0 });
    run(state, { outcome: failed("canceled"), endedAtMs: 20_000 });
    run(state, { outcome: failed("rate-limited"), endedAtMs: 20_000 });
    expect(state.live.cold).toBe(true);
    run(state, { outcome: failed("server-error"), endedAtMs: 20_000 });
    expect(state.live.cold).toBe(false);
  });

  test("ends by time alone at the next start or refresh, and for good", () => {
    const state = createState();
    runMany(state, 20, { endedAtMs: 1_000 });
    state.refresh(10_999);
    expect(state.live.cold).toBe(true);
    state.start(11_000);
    expect(state.live.cold).toBe(false);
    state.refresh(9_999_999);
    expect(state.live.cold).toBe(false);
  });
});

describe("wantsTiming()", () => {
  test("is true for the first twenty samples and then once a second", () => {
    const state = createState();
    runMany(state, 19);
    expect([state.wantsTiming(0), state.wantsTiming(1)]).toEqual([true, true]);
    run(state);
    const asked = Array.from({ length: 32 }, (_, index) => state.wantsTiming(index * 100));
    expect(asked.flatMap((wanted, index) => (wanted ? [index] : []))).toEqual([11, 21, 31]);
  });

  test("is true of an endpoint that was never called", () => {
    expect(createState().wantsTiming(0)).toBe(true);
  });
});

describe("refresh()", () => {
  test("is due after a record and when time changes the score", () => {
    const state = createState();
    expect(state.isStale(1e15)).toBe(false);
    run(state);
    expect(state.isStale(0)).toBe(true);
    state.refresh(0);
    expect(state.isStale(4_999)).toBe(false);
    expect(state.isStale(5_000)).toBe(true);
  });

  test("lets go of a window that is empty", () => {
    const state = createState();
    state.refresh(0);
    expect(state.score()).toBeUndefined();
    run(state);
    state.refresh(0);
    expect(state.score()?.successes).toBe(1);
    state.refresh(31 * 60_000);
    expect(state.score()).toBeUndefined();
    expect(state.isStale(1e15)).toBe(false);
  });
});
