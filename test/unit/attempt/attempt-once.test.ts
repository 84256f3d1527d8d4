import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { attemptOnce } from "../../../src/attempt/attempt-once.ts";
import { type FailureKind, failureKinds, type Outcome } from "../../../src/domain/outcome.ts";
import type { Observation, UpstreamCall } from "../../../src/domain/ports.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import type { FinishReason, StreamEvent } from "../../../src/domain/stream-event.ts";
import { exampleCall, exampleEndpoint, examplePlan, exampleTrace } from "../../support/examples.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const text = (value: string): StreamEvent => ({ kind: "text-delta", choice: 0, text: value });

type Step =
  | { readonly kind: "emit"; readonly text: string }
  | { readonly kind: "ping" }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "leave" }
  | { readonly kind: "end"; readonly outcome: FailureKind | "success" }
  | { readonly kind: "reject" };

describe("attemptOnce()", () => {
  test("tells the provider's status, request id and model", async () => {
    const { end } = await play([{ kind: "emit", text: "hi" }], {
      before: {
        kind: "response-start",
        httpStatus: 200,
        upstreamRequestId: "r1",
        upstreamModel: "m1",
      },
    });
    expect(end.record).toMatchObject({
      httpStatus: 200,
      upstreamRequestId: "r1",
      upstreamModel: "m1",
      streamed: true,
    });
  });

  test("tells why each choice ended, and nothing of an answer that broke before", async () => {
    const ended = (choice: number, reason: FinishReason): StreamEvent => ({
      kind: "choice-end",
      choice,
      reason,
      rawReason: reason,
      stopSequence: "",
    });
    const reasonsOf = async (...events: readonly StreamEvent[]) => {
      const end = await attemptOnce(attempt(exampleCall()), {
        upstream: async ({ emit }) => {
          events.forEach(emit);
          return { kind: "success" };
        },
        observe: () => undefined,
        admission: { awaitContent: () => undefined, firstContent: () => undefined },
        ...createManualClock(),
      });
      return end.record.finishReasons;
    };
    expect(await reasonsOf(text("a"), ended(0, "stop"), ended(1, "length"))).toEqual([
      "stop",
      "length",
    ]);
    expect(await reasonsOf(text("a"))).toBeUndefined();
  });

  test.each([true, false])("tells when content is waited for if streamed: %s", async (streamed) => {
    const told: number[] = [];
    const clock = createManualClock();
    const end = await attemptOnce(
      { ...attempt(exampleCall()), streamed },
      {
        upstream: async () => ({ kind: "success" }),
        observe: () => undefined,
        admission: { awaitContent: (_, atMs) => told.push(atMs), firstContent: () => undefined },
        ...clock,
      },
    );
    expect(told).toEqual(streamed ? [end.record.startedAtMs] : []);
  });

  test("prefers what a failure says about itself", async () => {
    const failure: Outcome = {
      kind: "server-error",
      message: "",
      httpStatus: 503,
      upstreamRequestId: "r2",
    };
    const clock = createManualClock();
    const end = await attemptOnce(attempt(exampleCall()), {
      upstream: async () => failure,
      observe: () => undefined,
      admission: { awaitContent: () => undefined, firstContent: () => undefined },
      ...clock,
    });
    expect(end.record).toMatchObject({ httpStatus: 503, upstreamRequestId: "r2" });
  });

  test.each(failureKinds.map((kind) => ({ kind })))(
    "asks for spans of what is nobody's everyday event: $kind",
    async ({ kind }) => {
      const kept: unknown[] = [];
      const clock = createManualClock();
      const call = exampleCall({ receivedAtMs: clock.nowMs() - 700 });
      await attemptOnce(attempt(call), {
        upstream: async () => ({ kind, message: "" }),
        observe: () => undefined,
        admission: { awaitContent: () => undefined, firstContent: () => undefined },
        keepTrace: (...asked) => kept.push(asked),
        ...clock,
      });
      const everyday = ["canceled", "bad-request", "context-length", "content-filter"];
      expect(kept).toEqual([[call.trace, everyday.includes(kind) ? 700 : Infinity]]);
    },
  );

  test.each([
    {
      name: "a prompt that is too long, where a larger window may take it",
      kind: "context-length",
      follower: { contextLength: 200_000 },
      kept: true,
    },
    {
      name: "a prompt that is too long, where no window is larger",
      kind: "context-length",
      follower: { contextLength: 100_000 },
      kept: false,
    },
    { name: "a prompt too long for the last one", kind: "context-length", kept: false },
    { name: "an answer in place of another one", kind: "success", number: 2, kept: true },
    { name: "a caller that left the second one", kind: "canceled", number: 2, kept: true },
    { name: "an answer", kind: "success", kept: false },
    { name: "an answer that a filter broke off", kind: "content-filter", emits: true, kept: true },
    { name: "an answer that a limit broke off", kind: "context-length", emits: true, kept: true },
    { name: "an answer that was filtered whole", kind: "content-filter", kept: false },
  ] as const)("asks for spans of what its call will be kept for, $kept: $name", async (setting) => {
    const kept: number[] = [];
    const clock = createManualClock();
    const call = exampleCall({ receivedAtMs: clock.nowMs() - 700, streaming: true });
    const tried = examplePlan(exampleEndpoint("a", { contextLength: 100_000 })).order[0];
    const followers =
      "follower" in setting ? examplePlan(exampleEndpoint("b", setting.follower)).order : [];
    const number = "number" in setting ? setting.number : 1;
    await attemptOnce(
      { ...attempt(call), planned: tried, number, followers },
      {
        upstream: async ({ emit }) => {
          ("emits" in setting ? [text("a")] : []).forEach(emit);
          return { kind: setting.kind, message: "" };
        },
        observe: () => undefined,
        admission: { awaitContent: () => undefined, firstContent: () => undefined },
        keepTrace: (_, tookMs) => kept.push(tookMs),
        ...clock,
      },
    );
    expect(kept).toEqual([setting.kept ? Infinity : 700]);
  });

  test.each([
    ["the server is stopping", new RouterError("shutting-down", "over"), true],
    ["something in the router broke", new RouterError("internal", "over"), true],
    ["its caller has left", new RouterError("canceled", "over"), false],
    ["nobody says why", undefined, false],
  ])("asks for spans when it is ended by the router: %s", async (_, reason, isKept) => {
    const kept: number[] = [];
    const clock = createManualClock();
    const controller = new AbortController();
    const call = exampleCall({ receivedAtMs: clock.nowMs() - 700, signal: controller.signal });
    const running = attemptOnce(attempt(call), {
      upstream: () => new Promise(() => undefined),
      observe: () => undefined,
      admission: { awaitContent: () => undefined, firstContent: () => undefined },
      keepTrace: (_trace, tookMs) => kept.push(tookMs),
      ...clock,
    });
    controller.abort(reason);
    await running;
    expect(kept).toEqual([isKept ? Infinity : 700]);
  });

  test("tells the provider of the caller's span where none of ours is made", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
    const told: UpstreamCall["trace"][] = [];
    const trace = exampleTrace({ passedOn: traceparent, traceState: "rojo=1" });
    await attemptOnce(attempt(exampleCall({ trace })), {
      upstream: async (call) => {
        told.push(call.trace);
        return { kind: "success" };
      },
      observe: () => undefined,
      admission: { awaitContent: () => undefined, firstContent: () => undefined },
      ...createManualClock(),
    });
    expect(told).toEqual([{ traceparent, tracestate: "rojo=1" }]);
  });

  test.each([
    { name: "an answer", outcome: { kind: "success" } },
    { name: "a failure", outcome: { kind: "network", message: "" } },
  ] as const)(
    "ends $name when it arrived, and keeps what it then waited apart",
    async ({ outcome }) => {
      const clock = createManualClock();
      const receivedAtMs = clock.nowMs();
      const observed: Observation[] = [];
      const kept: number[] = [];
      const running = attemptOnce(attempt(exampleCall({ receivedAtMs })), {
        upstream: ({ emit }) =>
          new Promise((resolve) => {
            clock.schedule(500, () => {
              emit(text("a"));
              resolve(outcome);
            });
          }),
        observe: (observation) => observed.push(observation),
        admission: { awaitContent: () => undefined, firstContent: () => undefined },
        keepTrace: (_, tookMs) => kept.push(tookMs),
        arrivedMs: (nowMs) => nowMs - 480,
        ...clock,
      });
      await clock.advance(500);
      const { record, waitedMs, generationMs } = await running;
      expect(record).toMatchObject({ durationMs: 20, firstTokenMs: 20 });
      expect([waitedMs, generationMs]).toEqual([480, 0]);
      expect(observed[0]?.endedAtMs).toBe(receivedAtMs + 20);
      // The caller has waited for all of it.
      expect(kept).toEqual([outcome.kind === "success" ? 500 : Infinity]);
    },
  );

  test.each([
    { name: "a limit", leavesMs: 60_000, kind: "first-token-timeout", durationMs: 5_000 },
    { name: "the caller", leavesMs: 700, kind: "canceled", durationMs: 700 },
  ])("lasts until $name ended it, whatever waits then", async ({ leavesMs, kind, durationMs }) => {
    const clock = createManualClock();
    const controller = new AbortController();
    clock.schedule(leavesMs, () => controller.abort());
    const running = attemptOnce(attempt(exampleCall({ signal: controller.signal })), {
      upstream: () => new Promise(() => undefined),
      observe: () => undefined,
      admission: { awaitContent: () => undefined, firstContent: () => undefined },
      arrivedMs: (nowMs) => nowMs - 480,
      ...clock,
    });
    await clock.advance(60_000);
    const { record, waitedMs } = await running;
    expect([record.outcome.kind, record.durationMs, waitedMs]).toEqual([kind, durationMs, 0]);
  });

  test.each([
    { name: "an answer", outcome: { kind: "success" } },
    { name: "a failure", outcome: { kind: "server-error", message: "" } },
  ] as const)(
    "ends with $name that waited behind a caller whose time was up",
    async ({ outcome }) => {
      const { clock, running, adapter, end, received } = await leaveInTimeWhileBusy();
      adapter?.emit(text("a"));
      end(outcome);
      const { record } = await running;
      expect(record).toMatchObject({ outcome, durationMs: 520, firstTokenMs: 520 });
      expect([received, clock.pending()]).toEqual([[text("a")], 0]);
    },
  );

  test("is ended by its deadline when nothing waited behind a caller whose time was up", async () => {
    const { clock, running, adapter, received } = await leaveInTimeWhileBusy();
    await clock.advance(10);
    const { record } = await running;
    adapter?.emit(text("late"));
    expect([record.outcome.kind, record.durationMs]).toEqual(["total-timeout", 1_010]);
    expect([received, clock.pending()]).toEqual([[], 0]);
  });

  test("is over at once when a caller's time is up long before the deadline's clock is due", async () => {
    const { clock, running } = await leaveInTimeWhileBusy(3_000);
    const { record } = await running;
    expect([record.outcome.kind, record.durationMs]).toEqual(["total-timeout", 1_000]);
    expect(clock.pending()).toBe(0);
  });

  test("shows nothing of what an adapter emits while it is called off", async () => {
    const clock = createManualClock();
    const received: StreamEvent[] = [];
    const running = attemptOnce(
      attempt(exampleCall(), (event) => received.push(event)),
      {
        upstream: ({ emit, signal }) =>
          new Promise(() => signal.addEventListener("abort", () => emit(text("late")))),
        observe: () => undefined,
        admission: { awaitContent: () => undefined, firstContent: () => undefined },
        ...clock,
      },
    );
    await clock.advance(5_000);
    expect((await running).record.outcome.kind).toBe("first-token-timeout");
    expect(received).toEqual([]);
  });

  test("takes an adapter that throws before it gives a promise for one that failed, and leaves nothing behind", async () => {
    const cause = new TypeError("not a function");
    const clock = createManualClock();
    const { signal } = new AbortController();
    const listeners = { added: 0, removed: 0 };
    const watched: Pick<AbortSignal, "addEventListener" | "removeEventListener"> = {
      addEventListener: () => {
        listeners.added += 1;
      },
      removeEventListener: () => {
        listeners.removed += 1;
      },
    };
    const observed: Observation[] = [];
    const end = await attemptOnce(
      attempt(exampleCall({ signal: Object.assign(signal, watched) })),
      {
        upstream: () => {
          throw cause;
        },
        observe: (observation) => observed.push(observation),
        admission: { awaitContent: () => undefined, firstContent: () => undefined },
        ...clock,
      },
    );
    const failed = { kind: "malformed-response", message: "the adapter failed", cause };
    expect(end.record.outcome).toEqual(failed);
    expect(observed.map(({ attempt: { outcome } }) => outcome)).toEqual([failed]);
    expect([clock.pending(), listeners]).toEqual([0, { added: 1, removed: 1 }]);
  });

  test.each([
    ["its caller has left", "canceled", "canceled"],
    ["the server is stopping", "shutting-down", "canceled"],
    ["its time is up, whoever says so", "deadline-exceeded", "total-timeout"],
  ] as const)("ends when %s, and says why to all who are told", async (_, code, kind) => {
    const controller = new AbortController();
    const observed: Observation[] = [];
    const running = attemptOnce(attempt(exampleCall({ signal: controller.signal })), {
      upstream: () => new Promise(() => undefined),
      observe: (observation) => observed.push(observation),
      admission: { awaitContent: () => undefined, firstContent: () => undefined },
      ...createManualClock(),
    });
    controller.abort(new RouterError(code, "over"));
    const { record } = await running;
    expect(record.outcome.kind).toBe(kind);
    expect(observed.map((one) => one.attempt.outcome.kind)).toEqual([kind]);
    const late = await attemptOnce(attempt(exampleCall({ signal: controller.signal })), {
      upstream: () => Promise.reject(new Error("not asked")),
      observe: () => undefined,
      admission: { awaitContent: () => undefined, firstContent: () => undefined },
      ...createManualClock(),
    });
    expect(late.record.outcome.kind).toBe(kind);
  });

  test.each([
    ["fails", { kind: "network", message: "hung up" }],
    ["says that it was called off", { kind: "canceled", message: "" }],
    ["succeeds", { kind: "success" }],
  ] as const)("was ended by its caller, also when the adapter %s thereupon", async (_, outcome) => {
    const controller = new AbortController();
    const running = attemptOnce(attempt(exampleCall({ signal: controller.signal })), {
      upstream: ({ signal }) =>
        new Promise((resolve) => signal.addEventListener("abort", () => resolve(outcome))),
      observe: () => undefined,
      admission: { awaitContent: () => undefined, firstContent: () => undefined },
      ...createManualClock(),
    });
    controller.abort(new RouterError("deadline-exceeded", "over"));
    expect((await running).record.outcome.kind).toBe("total-timeout");
  });

  test("measures generation from the first content to the last", async () => {
    const { end } = await play([
      { kind: "wait", ms: 100 },
      { kind: "emit", text: "a" },
      { kind: "wait", ms: 250 },
      { kind: "emit", text: "b" },
      { kind: "wait", ms: 50 },
    ]);
    expect(end.record.firstTokenMs).toBe(100);
    expect(end.generationMs).toBe(250);
    expect(end.record.durationMs).toBe(400);
  });

  test("stalls a whole idle limit after the last sign of life, content or not", async () => {
    const { end } = await play([
      { kind: "emit", text: "a" },
      { kind: "wait", ms: 20_000 },
      { kind: "ping" },
      { kind: "wait", ms: 60_000 },
    ]);
    expect(end.record.outcome.kind).toBe("idle-timeout");
    expect(end.record.durationMs).toBe(50_000);
  });

  test("is observed exactly once and leaves nothing running, whatever happens in whatever order", async () => {
    const step: fc.Arbitrary<Step> = fc.oneof(
      fc.record({ kind: fc.constant("emit" as const), text: fc.constantFrom("", "x", "yz") }),
      fc.record({ kind: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 40_000 }) }),
      fc.record({ kind: fc.constant("ping" as const) }),
      fc.record({ kind: fc.constant("leave" as const) }),
      fc.record({
        kind: fc.constant("end" as const),
        outcome: fc.constantFrom("success" as const, ...failureKinds),
      }),
      fc.record({ kind: fc.constant("reject" as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { observed, pending, late, received, leftAt } = await play(steps);
        expect(observed).toHaveLength(1);
        expect(pending).toBe(0);
        expect(late).toBe(0);
        expect(received.length).toBeLessThanOrEqual(leftAt);
      }),
      { seed: 11, numRuns: 300 },
    );
  });
});

function attempt(
  call: ReturnType<typeof exampleCall>,
  emit: (event: StreamEvent) => void = () => undefined,
) {
  return {
    call,
    planned: examplePlan(exampleEndpoint("a")).order[0],
    number: 1,
    streamed: true,
    limits: { firstTokenMs: 5_000, idleMs: 30_000, deadlineMs: call.deadlineMs },
    followers: [],
    emit,
  };
}

/** The caller's library ends the call shortly before its deadline, which is heard of 480 ms late. */
async function leaveInTimeWhileBusy(earlyMs = 10) {
  const clock = createManualClock();
  const controller = new AbortController();
  const received: StreamEvent[] = [];
  const { promise, resolve: end } = Promise.withResolvers<Outcome>();
  let adapter: UpstreamCall | undefined;
  const call = exampleCall({
    signal: controller.signal,
    deadlineMs: clock.nowMs() + 1_000 + earlyMs,
    streaming: true,
  });
  const running = attemptOnce(
    attempt(call, (event) => received.push(event)),
    {
      upstream: (asked) => {
        adapter = asked;
        return promise;
      },
      observe: () => undefined,
      admission: { awaitContent: () => undefined, firstContent: () => undefined },
      arrivedMs: (nowMs) => nowMs - 480,
      ...clock,
    },
  );
  await clock.advance(1_000);
  controller.abort(new RouterError("deadline-exceeded", "over"));
  return { clock, running, adapter, end, received };
}

/** Plays an adapter's steps; one that does not end by itself ends with success. */
async function play(steps: readonly Step[], options: { readonly before?: StreamEvent } = {}) {
  const clock = createManualClock();
  const controller = new AbortController();
  const received: StreamEvent[] = [];
  const observed: Observation[] = [];
  let late = 0;
  let leftAt = Number.POSITIVE_INFINITY;
  let adapter: UpstreamCall | undefined;
  const ending = Promise.withResolvers<Outcome>();
  const running = attemptOnce(
    attempt(exampleCall({ signal: controller.signal }), (event) => {
      late += observed.length;
      received.push(event);
    }),
    {
      upstream: (call) => {
        adapter = call;
        return ending.promise;
      },
      observe: (observation) => observed.push(observation),
      admission: { awaitContent: () => undefined, firstContent: () => undefined },
      ...clock,
    },
  );
  if (options.before !== undefined) {
    adapter?.emit(options.before);
  }
  const act: { readonly [K in Step["kind"]]: (step: Extract<Step, { kind: K }>) => unknown } = {
    emit: (step) => adapter?.emit(text(step.text)),
    ping: () => adapter?.onActivity?.(),
    wait: (step) => clock.advance(step.ms),
    leave: () => {
      leftAt = Math.min(leftAt, received.length);
      controller.abort();
    },
    end: ({ outcome }) =>
      ending.resolve(outcome === "success" ? { kind: outcome } : { kind: outcome, message: "" }),
    reject: () => ending.reject(new Error("defect")),
  };
  for (const step of steps) {
    await (act[step.kind] as (step: Step) => unknown)(step);
  }
  ending.resolve({ kind: "success" });
  const end = await running;
  adapter?.emit(text("late"));
  return { end, received, observed, pending: clock.pending(), late, leftAt };
}
