import { describe, expect, test } from "vitest";
import { type AttemptPorts, attemptPlan } from "../../../src/attempt/attempt-plan.ts";
import { createRetryBudget } from "../../../src/attempt/retry-budget.ts";
import type { CallEvent, CompletionCall } from "../../../src/domain/call.ts";
import { SUCCESS } from "../../../src/domain/outcome.ts";
import type { RoutePlan } from "../../../src/domain/plan.ts";
import { defaultPolicy } from "../../../src/domain/policy.ts";
import type { Admission, Observation } from "../../../src/domain/ports.ts";
import type { StreamEvent } from "../../../src/domain/stream-event.ts";
import { exampleCall, exampleEndpoint, examplePlan } from "../../support/examples.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { type Script, scriptedUpstream } from "../../support/scripted-upstream.ts";

const a = exampleEndpoint("a");
const b = exampleEndpoint("b");
const c = exampleEndpoint("c");
const d = exampleEndpoint("d");
const hi: StreamEvent = { kind: "text-delta", choice: 0, text: "hi" };
const bye: StreamEvent = { kind: "text-delta", choice: 0, text: "bye" };
const usage: StreamEvent = {
  kind: "usage",
  usage: {
    freshInput: 5,
    cacheRead: 0,
    cacheWrite: 0,
    visibleOutput: 2,
    reasoningOutput: 0,
    source: "provider",
  },
};
const end: StreamEvent = {
  kind: "choice-end",
  choice: 0,
  reason: "stop",
  rawReason: "stop",
  stopSequence: "",
};
const down = { kind: "server-error", message: "the endpoint failed" } as const;

const admitAll: Admission = {
  tryStart: () => true,
  awaitContent: () => undefined,
  firstContent: () => undefined,
  wantsTiming: () => false,
};

type Caller = {
  readonly leavesOn?: StreamEvent;
  readonly leftBefore?: boolean;
  readonly call?: Partial<CompletionCall>;
  readonly plan?: RoutePlan;
  readonly ports?: Partial<AttemptPorts>;
};

/** Runs a plan over a, b, c and d for a caller who keeps what arrives and may leave on an event. */
function start(scripts: Readonly<Record<string, Script>>, caller: Caller = {}) {
  const clock = createManualClock();
  const controller = new AbortController();
  const received: CallEvent[] = [];
  const observed: Observation[] = [];
  const { upstream, calls } = scriptedUpstream(scripts);
  if (caller.leftBefore === true) {
    controller.abort();
  }
  const call = exampleCall({
    signal: controller.signal,
    emit: (event) => {
      received.push(event);
      if (event === caller.leavesOn) {
        controller.abort();
      }
    },
    ...caller.call,
  });
  const running = attemptPlan(caller.plan ?? examplePlan(a, b, c, d), call, {
    upstream,
    observe: (observation) => observed.push(observation),
    nowMs: clock.nowMs,
    schedule: clock.schedule,
    admission: admitAll,
    budget: createRetryBudget(),
    random: () => 0.5,
    timeouts: {
      firstTokenMinMs: 2_000,
      firstTokenMaxMs: 60_000,
      firstTokenColdMs: 30_000,
      idleMs: 30_000,
    },
    ...caller.ports,
  });
  return { running, clock, received, observed, calls };
}

async function run(scripts: Readonly<Record<string, Script>>, caller: Caller = {}) {
  const { running, clock, received, observed, calls } = start(scripts, caller);
  const result = await running;
  const endings = observed.map(
    ({ attempt: { endpoint, outcome } }) => `${endpoint.id}:${outcome.kind}`,
  );
  return { ...result, received, observed, endings, calls, pending: clock.pending() };
}

const content = (events: readonly CallEvent[]) =>
  events.filter(({ kind }) => kind === "text-delta");

describe("attemptPlan()", () => {
  test("delivers what the first endpoint emits and ends without a failure", async () => {
    const { failure, received, endings, pending } = await run({
      a: { emits: [hi, bye, end, usage], ends: SUCCESS },
    });
    expect(failure).toBeUndefined();
    expect(received).toEqual([hi, bye, end, usage]);
    expect(endings).toEqual(["a:success"]);
    expect(pending).toBe(0);
  });

  test("falls back when nothing was delivered yet, and says so", async () => {
    const { received, endings, attempts } = await run({
      a: { ends: down },
      b: { emits: [hi], ends: SUCCESS },
    });
    expect(received).toEqual([{ kind: "route-switched", failed: attempts[0], next: "b" }, hi]);
    expect(endings).toEqual(["a:server-error", "b:success"]);
  });

  test("shows nothing of a failed attempt, not even its finish and usage", async () => {
    const { received } = await run({
      a: { emits: [end, usage], ends: down },
      b: { emits: [hi, end], ends: SUCCESS },
    });
    expect(received.slice(1)).toEqual([hi, end]);
  });

  test("hands over the finish of an answer without content", async () => {
    const { received } = await run({ a: { emits: [end, usage], ends: SUCCESS } });
    expect(received).toEqual([end, usage]);
  });

  test("does not fall back after the first content", async () => {
    const { failure, endings } = await run({
      a: { emits: [hi], ends: down },
      b: { ends: SUCCESS },
    });
    expect(failure).toEqual(down);
    expect(endings).toEqual(["a:server-error"]);
  });

  test("tries three different endpoints at most", async () => {
    const { endings } = await run({ a: { ends: down }, b: { ends: down }, c: { ends: down } });
    expect(endings).toEqual(["a:server-error", "b:server-error", "c:server-error"]);
  });

  test("tries one endpoint only when fallbacks are off", async () => {
    const policy = { ...defaultPolicy, disableFallbacks: true };
    const { endings } = await run({ a: { ends: down } }, { call: { policy } });
    expect(endings).toEqual(["a:server-error"]);
  });

  test("tries one endpoint only when the plan was made in panic", async () => {
    const plan = examplePlan(a, b);
    const decision = { ...plan.decision, relaxations: ["panic" as const] };
    const { endings } = await run({ a: { ends: down } }, { plan: { ...plan, decision } });
    expect(endings).toEqual(["a:server-error"]);
  });

  test("gives up with the original failure when the retry budget is empty", async () => {
    const budget = {
      deposit: () => undefined,
      canWithdraw: () => false,
      withdraw: () => false,
    };
    const { failure, endings } = await run({ a: { ends: down } }, { ports: { budget } });
    expect(failure).toEqual(down);
    expect(endings).toEqual(["a:server-error"]);
  });

  describe("the retry budget", () => {
    /** Grants `left` retries and counts those that were paid for. */
    function counted(left: number) {
      const state = { left, paid: 0 };
      const budget: AttemptPorts["budget"] = {
        deposit: () => undefined,
        canWithdraw: () => state.left > 0,
        withdraw: () => {
          state.left -= 1;
          state.paid += 1;
          return state.left >= 0;
        },
      };
      return { state, budget };
    }

    test("pays for every attempt after the first", async () => {
      const { state, budget } = counted(5);
      const { endings } = await run(
        { a: { ends: down }, b: { ends: down }, c: { emits: [hi], ends: SUCCESS } },
        { ports: { budget } },
      );
      expect(endings).toHaveLength(3);
      expect(state.paid).toBe(2);
    });

    test("pays nothing for a retry that no endpoint admits", async () => {
      const { state, budget } = counted(5);
      const admission = { ...admitAll, tryStart: ({ id }: { id: string }) => id === "a" };
      const { endings } = await run({ a: { ends: down } }, { ports: { budget, admission } });
      expect(endings).toEqual(["a:server-error"]);
      expect(state.paid).toBe(0);
    });

    test("takes no place for a retry that it cannot pay", async () => {
      const { budget } = counted(0);
      const asked: string[] = [];
      const tryStart: Admission["tryStart"] = ({ id }) => asked.push(id) > 0;
      await run({ a: { ends: down } }, { ports: { budget, admission: { ...admitAll, tryStart } } });
      expect(asked).toEqual(["a"]);
    });

    type Wait = { readonly state: { left: number }; readonly caller: AbortController };

    test.each<{ name: string; admits: number; meanwhile?: (wait: Wait) => void; paid: number }>([
      { name: "once when the same endpoint starts again", admits: 2, paid: 1 },
      { name: "nothing when its breaker says no after the wait", admits: 1, paid: 0 },
      {
        name: "nothing when the caller leaves during the wait",
        admits: 2,
        meanwhile: ({ caller }) => caller.abort(),
        paid: 0,
      },
      {
        name: "nothing when others spend the rest during the wait",
        admits: 2,
        meanwhile: ({ state }) => {
          state.left = 0;
        },
        paid: 0,
      },
    ])("pays $name", async ({ admits, meanwhile, paid }) => {
      const { state, budget } = counted(1);
      const caller = new AbortController();
      const asked: string[] = [];
      const tryStart: Admission["tryStart"] = ({ id }) => asked.push(id) <= admits;
      const unsent = { kind: "network", message: "reset", sent: false } as const;
      const { running, clock, calls } = start(
        { a: { ends: unsent } },
        {
          plan: examplePlan(a),
          call: { signal: caller.signal },
          ports: { budget, admission: { ...admitAll, tryStart } },
        },
      );
      await clock.advance(10);
      meanwhile?.({ state, caller });
      await clock.advance(1_000);
      await running;
      expect(state.paid).toBe(paid);
      expect(calls).toHaveLength(1 + paid);
    });

    test("does not wait for a retry that it cannot pay", async () => {
      const unsent = { kind: "network", message: "reset", sent: false } as const;
      const { budget } = counted(0);
      const { running, clock } = start(
        { a: { ends: unsent } },
        { plan: examplePlan(a), ports: { budget } },
      );
      await running;
      expect(clock.nowMs()).toBe(1_800_000_000_000);
    });
  });

  test("skips an endpoint that does not admit a call at the moment of the retry", async () => {
    const admission = { ...admitAll, tryStart: ({ id }: { id: string }) => id !== "b" };
    const { endings } = await run(
      { a: { ends: down }, c: { emits: [hi], ends: SUCCESS } },
      { ports: { admission } },
    );
    expect(endings).toEqual(["a:server-error", "c:success"]);
  });

  test("forces the best endpoint when none admits a call", async () => {
    const forced: boolean[] = [];
    const admission: Admission = {
      ...admitAll,
      tryStart: (_, { force }) => {
        forced.push(force);
        return force;
      },
    };
    const { endings } = await run({ a: { emits: [hi], ends: SUCCESS } }, { ports: { admission } });
    expect(endings).toEqual(["a:success"]);
    expect(forced).toEqual([false, false, false, false, true]);
  });

  test("tells of the first content while the attempt still runs", async () => {
    const told: string[] = [];
    const admission: Admission = {
      ...admitAll,
      awaitContent: (id, startedAtMs) => told.push(`${id} at ${startedAtMs}`),
      firstContent: (id, { startedAtMs, nowMs }) => told.push(`${id} after ${nowMs - startedAtMs}`),
    };
    const { running, clock, calls } = start({ a: { ends: "never" } }, { ports: { admission } });
    await clock.advance(40);
    calls[0]?.emit(hi);
    calls[0]?.emit(bye);
    expect(told).toEqual(["a at 1800000000000", "a after 40"]);
    await clock.advance(60_000);
    await running;
  });

  test("rejects when every endpoint was switched off since the plan was made", async () => {
    const admission = { ...admitAll, tryStart: () => false };
    await expect(run({}, { ports: { admission } })).rejects.toMatchObject({
      code: "upstream-unavailable",
    });
  });

  describe("when the only endpoint could not be connected to", () => {
    const unsent = { kind: "network", message: "reset", sent: false } as const;

    function startAlone(caller: Caller = {}) {
      let attempts = 0;
      const upstream: AttemptPorts["upstream"] = async ({ emit }) => {
        attempts += 1;
        emit(attempts === 1 ? end : hi);
        return attempts === 1 ? unsent : SUCCESS;
      };
      const ports = { ...caller.ports, upstream };
      const started = start({}, { ...caller, plan: examplePlan(a), ports });
      return { ...started, attempts: () => attempts };
    }

    test("tries it again after a wait with jitter", async () => {
      const { running, clock, attempts } = startAlone();
      await clock.advance(99);
      expect(attempts()).toBe(1);
      await clock.advance(1);
      expect((await running).failure).toBeUndefined();
      expect([attempts(), clock.pending()]).toEqual([2, 0]);
    });

    test("asks its breaker, and gives up when that says no", async () => {
      const forced: boolean[] = [];
      const tryStart: Admission["tryStart"] = (_, { force }) => forced.push(force) === 1;
      const { running, clock } = startAlone({ ports: { admission: { ...admitAll, tryStart } } });
      await clock.advance(1_000);
      expect((await running).failure).toEqual(unsent);
      expect(forced).toEqual([false, false]);
    });

    test("gives up when the caller leaves meanwhile, and leaves no timer", async () => {
      const controller = new AbortController();
      const { running, clock, attempts } = startAlone({ call: { signal: controller.signal } });
      await clock.advance(10);
      controller.abort();
      await running;
      expect([attempts(), clock.pending()]).toEqual([1, 0]);
    });

    test("gives up when the deadline would come first", async () => {
      const deadlineMs = 1_800_000_000_090;
      const { running, attempts } = startAlone({ call: { deadlineMs } });
      await running;
      expect(attempts()).toBe(1);
    });
  });

  test("tries every endpoint that may help before it gives up", async () => {
    const a2 = exampleEndpoint("a2", { account: a.account });
    const admission = { ...admitAll, tryStart: ({ id }: { id: string }) => id !== "b" };
    const { endings } = await run(
      { a: { ends: down }, a2: { emits: [hi], ends: SUCCESS } },
      { plan: examplePlan(a, a2, b), ports: { admission } },
    );
    expect(endings).toEqual(["a:server-error", "a2:success"]);
  });

  test("never moves a prompt that is too long to a window that is no larger", async () => {
    const large = exampleEndpoint("large", { contextLength: 1_000_000 });
    const admission = { ...admitAll, tryStart: ({ id }: { id: string }) => id !== "large" };
    const { endings } = await run(
      { a: { ends: { kind: "context-length", message: "" } } },
      { plan: examplePlan(a, large, b), ports: { admission } },
    );
    expect(endings).toEqual(["a:context-length"]);
  });

  test.each([
    { name: "may be followed by another one", maxAttempts: 2, kept: [Infinity, Infinity] },
    { name: "is the last that the policy allows", maxAttempts: 1, kept: [0] },
  ])("has an attempt's call kept for a window that is too small if it $name", async (setting) => {
    const large = exampleEndpoint("large", { contextLength: 1_000_000 });
    const kept: number[] = [];
    const { maxAttempts } = setting;
    await run(
      {
        a: { ends: { kind: "context-length", message: "" } },
        large: { emits: [hi], ends: SUCCESS },
      },
      {
        plan: examplePlan(a, large),
        call: { policy: { ...defaultPolicy, maxAttempts } },
        ports: { keepTrace: (_, tookMs) => kept.push(tookMs) },
      },
    );
    expect(kept).toEqual(setting.kept);
  });

  test("calls nobody once the deadline has passed, and pays nothing into the budget", async () => {
    let deposits = 0;
    const budget = {
      canWithdraw: () => false,
      withdraw: () => false,
      deposit: () => {
        deposits += 1;
      },
    };
    const { running, calls } = start(
      { a: { ends: SUCCESS } },
      { call: { deadlineMs: 1_799_999_999_999 }, ports: { budget } },
    );
    await expect(running).rejects.toMatchObject({ code: "deadline-exceeded" });
    expect([calls.length, deposits]).toEqual([0, 0]);
  });

  test("replaces an answer that broke while its unary caller had nothing of it", async () => {
    const { failure, endings } = await run(
      { a: { emits: [hi], ends: down }, b: { emits: [bye], ends: SUCCESS } },
      {
        call: { streaming: false },
        ports: { admission: { ...admitAll, wantsTiming: () => true } },
      },
    );
    expect(failure).toBeUndefined();
    expect(endings).toEqual(["a:server-error", "b:success"]);
  });

  describe("reasoning the caller did not ask for", () => {
    const thought: StreamEvent = { kind: "reasoning-delta", choice: 0, text: "hmm" };

    test("goes no further, commits nobody, and is timed all the same", async () => {
      const { received, endings, observed } = await run({
        a: { emits: [thought], ends: down },
        b: { emits: [thought, hi], ends: SUCCESS },
      });
      expect(content(received)).toEqual([hi]);
      expect(received.map(({ kind }) => kind)).not.toContain("reasoning-delta");
      expect(endings).toEqual(["a:server-error", "b:success"]);
      expect(observed[0]?.attempt.firstTokenMs).toBe(0);
    });

    test("does not silence heartbeats", async () => {
      const { running, clock, received, calls } = start(
        { a: { emits: [thought], ends: "never" } },
        {
          plan: examplePlan(a),
          call: { heartbeatIntervalMs: 1_000, deadlineMs: 1_800_000_010_000 },
        },
      );
      await clock.advance(500);
      calls[0]?.emit(thought);
      await clock.advance(600);
      expect(received.map(({ kind }) => kind)).toEqual(["heartbeat"]);
      await clock.advance(60_000);
      await running;
    });
  });

  test("falls back from an adapter that rejects, and keeps the cause", async () => {
    const cause = new Error("decoder defect");
    const { observed, endings } = await run({
      a: { ends: cause },
      b: { emits: [hi], ends: SUCCESS },
    });
    expect(endings).toEqual(["a:malformed-response", "b:success"]);
    expect(observed[0]?.attempt.outcome).toMatchObject({ cause });
  });

  test.each<{ name: string; ends: Script["ends"] }>([
    { name: "ends at once", ends: { kind: "canceled", message: "" } },
    { name: "reports the hang-up as a failure", ends: down },
    { name: "rejects", ends: new Error("aborted") },
    { name: "ignores the signal", ends: "never" },
  ])("observes a canceled attempt once when the adapter $name", async ({ ends }) => {
    const { failure, endings, pending } = await run({ a: { emits: [hi], ends } }, { leavesOn: hi });
    expect(failure?.kind).toBe("canceled");
    expect(endings).toEqual(["a:canceled"]);
    expect(pending).toBe(0);
  });

  test("aborts an adapter that still runs when the caller leaves", async () => {
    const { calls } = await run({ a: { emits: [hi], ends: "never" } }, { leavesOn: hi });
    expect(calls[0]?.signal.aborted).toBe(true);
  });

  test("delivers nothing after the caller left", async () => {
    const { received } = await run({ a: { emits: [hi, bye], ends: "never" } }, { leavesOn: hi });
    expect(content(received)).toEqual([hi]);
  });

  test("calls nobody for a caller who left before", async () => {
    const { failure, calls } = await run({ a: { ends: SUCCESS } }, { leftBefore: true });
    expect(failure?.kind).toBe("canceled");
    expect(calls).toEqual([]);
  });

  test("falls back when the first content does not come in time, and drops what comes late", async () => {
    const { running, clock, received, calls } = start({
      a: { ends: "never" },
      b: { emits: [hi], ends: SUCCESS },
    });
    await clock.advance(3_000);
    const { attempts } = await running;
    calls[0]?.emit(bye);
    expect(attempts.map(({ outcome }) => outcome.kind)).toEqual(["first-token-timeout", "success"]);
    expect(content(received)).toEqual([hi]);
  });

  test("ends with the deadline's failure when time runs out, 20 ms before the caller's clock", async () => {
    const { running, clock } = start(
      { a: { ends: "never" } },
      { call: { deadlineMs: 1_800_000_001_000 } },
    );
    await clock.advance(980);
    const { failure } = await running;
    expect(failure?.kind).toBe("total-timeout");
    expect(clock.nowMs()).toBe(1_800_000_000_980);
  });

  test("blames the deadline when connecting took all the time there was", async () => {
    let nowMs = 1_800_000_000_000;
    const upstream: AttemptPorts["upstream"] = async () => {
      nowMs += 1_000;
      return { kind: "connect-timeout", message: "no connection" };
    };
    const { failure, endings } = await run(
      {},
      { call: { deadlineMs: nowMs + 1_000 }, ports: { upstream, nowMs: () => nowMs } },
    );
    expect(failure).toEqual({ kind: "total-timeout", message: "the deadline passed" });
    expect(endings).toEqual(["a:connect-timeout"]);
  });

  test("asks for a stream when the caller does or the endpoint is to be measured", async () => {
    const streams = async (streaming: boolean, wanted: boolean) => {
      const admission = { ...admitAll, wantsTiming: () => wanted };
      const { calls } = await run(
        { a: { emits: [hi], ends: SUCCESS } },
        { call: { streaming }, ports: { admission } },
      );
      return calls[0]?.stream;
    };
    expect(await streams(true, false)).toBe(true);
    expect(await streams(false, false)).toBe(false);
    expect(await streams(false, true)).toBe(true);
  });

  test("sends heartbeats while a streaming caller waits", async () => {
    const { running, clock, received } = start(
      { a: { ends: "never" }, b: { emits: [hi], ends: SUCCESS } },
      { call: { heartbeatIntervalMs: 1_000 } },
    );
    await clock.advance(2_900);
    const beats = received.filter(({ kind }) => kind === "heartbeat");
    await clock.advance(200);
    await running;
    const beat = { kind: "heartbeat", phase: "waiting-for-first-token" };
    expect(beats).toEqual([beat, beat]);
    expect(clock.pending()).toBe(0);
  });

  test("measures the first token from the start of its own attempt", async () => {
    const { running, clock, observed } = start({
      a: { ends: "never" },
      b: { emits: [hi, bye], ends: SUCCESS },
    });
    await clock.advance(3_000);
    await running;
    expect(observed.map(({ attempt }) => attempt.firstTokenMs)).toEqual([undefined, 0]);
  });

  test("keeps the provider's usage and estimates it where there is none", async () => {
    const told = await run({ a: { emits: [hi, usage], ends: SUCCESS } });
    expect(told.last.usage).toMatchObject({ freshInput: 5, visibleOutput: 2, source: "provider" });
    const untold = await run({ a: { emits: [hi], ends: SUCCESS } });
    expect(untold.last.usage).toMatchObject({
      freshInput: 8,
      visibleOutput: 1,
      source: "estimated",
    });
    const broken = await run({ a: { emits: [hi], ends: down } });
    const early = await run({ a: { emits: [usage, { ...hi, text: "x".repeat(35) }], ends: down } });
    expect(early.last.usage).toMatchObject({ freshInput: 5, visibleOutput: 10 });
    expect(broken.last.usage).toMatchObject({ freshInput: 8, visibleOutput: 1, source: "partial" });
  });

  test("tells what had come of every attempt, and nothing of one that had no content", async () => {
    const { attempts } = await run(
      {
        a: { ends: down },
        b: { emits: [hi], ends: down },
        c: { emits: [hi, usage], ends: SUCCESS },
      },
      { call: { streaming: false } },
    );
    expect(attempts.map((each) => each.usage)).toMatchObject([
      undefined,
      { freshInput: 8, visibleOutput: 1, source: "partial" },
      { freshInput: 5, visibleOutput: 2, source: "provider" },
    ]);
  });
});
