import fc from "fast-check";
import { expect, test } from "vitest";
import { attemptPlan, type PlanEnd } from "../../src/attempt/attempt-plan.ts";
import { callRefusalOf } from "../../src/attempt/call-refusal.ts";
import { callResultOf } from "../../src/attempt/call-result.ts";
import { createRetryBudget } from "../../src/attempt/retry-budget.ts";
import type { CallEnd } from "../../src/domain/call.ts";
import { createCanceller } from "../../src/domain/cancel.ts";
import { type Failure, failureKinds, type Outcome, SUCCESS } from "../../src/domain/outcome.ts";
import { defaultPolicy } from "../../src/domain/policy.ts";
import type { Upstream } from "../../src/domain/ports.ts";
import { RouterError } from "../../src/domain/router-error.ts";
import { exampleCall, exampleEndpoint, examplePlan } from "../support/examples.ts";
import { createManualClock, type ManualClock } from "../support/manual-clock.ts";

const CALLS = 10_000;
const endpoints = ["a", "b", "c"].map((id) => exampleEndpoint(id));
const plan = examplePlan(exampleEndpoint("a"), exampleEndpoint("b"), exampleEndpoint("c"));

/** With fractions, as the real clock has them. */
const ms = (max: number) => fc.double({ min: 0, max, noNaN: true });

const ending: fc.Arbitrary<Outcome | "never"> = fc.oneof(
  { weight: 6, arbitrary: fc.constant(SUCCESS) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom(...failureKinds),
      message: fc.constant("it failed"),
      sent: fc.boolean(),
    }) satisfies fc.Arbitrary<Failure>,
  },
  { weight: 1, arbitrary: fc.constant("never" as const) },
);

const behaviour = fc.record({
  /** Waits before each piece of content. */
  pieces: fc.array(ms(400), { maxLength: 4 }),
  endsAfterMs: ms(400),
  /** How long each piece and the end then wait for the event loop. */
  waitsMs: fc.oneof(fc.constant(0), ms(300)),
  ends: ending,
});

const story = fc.record({
  streaming: fc.boolean(),
  /** Not streaming, but the endpoint is asked for a stream. */
  timed: fc.boolean(),
  endpoints: fc.tuple(behaviour, behaviour, behaviour),
  decodeMs: ms(20),
  planMs: ms(5),
  deadlineMs: fc.oneof(ms(1_500), fc.constant(300_000)),
  leavesAfterMs: fc.option(ms(1_500), { nil: undefined }),
  leavesBecause: fc.constantFrom(undefined, "shutting-down", "deadline-exceeded"),
  heartbeatIntervalMs: fc.constantFrom(0, 100),
  random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
});

type Story = typeof story extends fc.Arbitrary<infer Told> ? Told : never;
type Behaviour = Story["endpoints"][number];

/** What waits for the event loop: it is known of the moment in which something is handled. */
type Waits = {
  handledAtMs: number;
  waitedMs: number;
  /** Of all ends that ended an attempt. */
  ofEndsMs: number;
};

/** Tells an answer as scripted, in time. */
function upstreamOf(behaviours: readonly Behaviour[], clock: ManualClock, waits: Waits): Upstream {
  const after = (waitMs: number) =>
    new Promise<void>((resolve) => {
      clock.schedule(waitMs, resolve);
    });
  const afterWaiting = async (waitMs: number, waitedMs: number) => {
    await after(waitMs + waitedMs);
    waits.handledAtMs = clock.nowMs();
    waits.waitedMs = waitedMs;
  };
  return async ({ endpoint, emit, signal }) => {
    const index = endpoints.findIndex(({ id }) => id === endpoint.id);
    const { pieces, endsAfterMs, waitsMs, ends } = behaviours[index] ?? {
      pieces: [],
      endsAfterMs: 0,
      waitsMs: 0,
      ends: SUCCESS,
    };
    for (const piece of pieces) {
      await afterWaiting(piece, waitsMs);
      emit({ kind: "text-delta", choice: 0, text: "word " });
    }
    await afterWaiting(endsAfterMs, waitsMs);
    if (ends === "never") {
      return new Promise<never>(() => undefined);
    }
    waits.ofEndsMs += signal.aborted ? 0 : waitsMs;
    return ends;
  };
}

function startCall(told: Story, clock: ManualClock, waits: Waits): Promise<CallEnd> {
  const receivedAtMs = clock.nowMs();
  const canceller = createCanceller();
  const call = exampleCall({
    streaming: told.streaming,
    policy: defaultPolicy,
    receivedAtMs,
    deadlineMs: receivedAtMs + told.deadlineMs,
    heartbeatIntervalMs: told.heartbeatIntervalMs,
    signal: canceller.signal,
  });
  const { leavesAfterMs, leavesBecause, decodeMs, planMs } = told;
  if (leavesAfterMs !== undefined) {
    const reason =
      leavesBecause === undefined ? undefined : new RouterError(leavesBecause, "it is over");
    clock.schedule(leavesAfterMs, () => canceller.abort(reason));
  }
  const run = async () => {
    await until(decodeMs, clock);
    const planStartedAtMs = clock.nowMs();
    await until(planMs, clock);
    const plannedAtMs = clock.nowMs();
    const times = () => ({ planStartedAtMs, plannedAtMs, endedAtMs: clock.nowMs() });
    let end: PlanEnd;
    try {
      end = await attemptPlan(plan, call, {
        upstream: upstreamOf(told.endpoints, clock, waits),
        observe: () => undefined,
        nowMs: clock.nowMs,
        arrivedMs: (nowMs) => (nowMs === waits.handledAtMs ? nowMs - waits.waitedMs : nowMs),
        schedule: clock.schedule,
        random: () => told.random,
        admission: {
          tryStart: () => true,
          awaitContent: () => undefined,
          firstContent: () => undefined,
          wantsTiming: () => told.timed,
        },
        budget: createRetryBudget(),
        timeouts: {
          firstTokenMinMs: 300,
          firstTokenMaxMs: 900,
          firstTokenColdMs: 600,
          idleMs: 350,
        },
      });
    } catch (error) {
      return callRefusalOf(call, error, plan.decision, times());
    }
    return callResultOf(call, plan, end, times());
  };
  return run();
}

function until(waitMs: number, clock: ManualClock): Promise<void> {
  return new Promise((resolve) => {
    clock.schedule(waitMs, resolve);
  });
}

type Finished = { readonly end: CallEnd; readonly atMs: number };

/** Moves the clock until the call is over; every one has a deadline. */
async function finished(running: Promise<CallEnd>, clock: ManualClock): Promise<Finished> {
  let done: Finished | undefined;
  const watching = running.then((end) => {
    done = { end, atMs: clock.nowMs() };
  });
  while (done === undefined) {
    await clock.advance(1_000);
  }
  await watching;
  return done;
}

/** What a whole number of ulps of an epoch in milliseconds may leave over. */
const SLACK_MS = 1e-3;

test("the parts of 10,000 calls are never negative and add up to what the caller waited", async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(story, async (told) => {
      const clock = createManualClock();
      const startedAtMs = clock.nowMs();
      const waits = { handledAtMs: 0, waitedMs: 0, ofEndsMs: 0 };
      const { end, atMs } = await finished(startCall(told, clock, waits), clock);
      const { total, ...parts } = end.timings;
      const sum = Object.values(parts).reduce((left, right) => left + right, 0);
      const kind = `${end.attempts.length} ${end.error?.code ?? "ok"}`;
      seen.set(kind, (seen.get(kind) ?? 0) + 1);

      expect(Math.min(...Object.values(parts))).toBeGreaterThanOrEqual(-SLACK_MS);
      expect(Math.abs(sum - total)).toBeLessThanOrEqual(SLACK_MS);
      expect(total).toBe(atMs - startedAtMs);
      // What nobody got an answer from was given up.
      const answered = end.error === undefined || (end.usage !== undefined && end.partial);
      const answerMs = parts.upstreamFirstToken + parts.upstreamGeneration;
      expect(answered ? 0 : answerMs).toBe(0);
      // On this clock the router's own work takes no time but the waits of the story.
      expect(Math.abs(parts.plan - told.planMs)).toBeLessThanOrEqual(SLACK_MS);
      const ownMs = told.decodeMs + waits.ofEndsMs;
      expect(Math.abs(parts.routerOverhead - ownMs)).toBeLessThanOrEqual(SLACK_MS);
    }),
    { seed: 20, numRuns: CALLS },
  );
  // What the calls must have met for the sum to mean anything.
  expect([...seen.keys()]).toEqual(
    expect.arrayContaining([
      "1 ok",
      "2 ok",
      "3 ok",
      "1 canceled",
      "1 deadline-exceeded",
      "2 deadline-exceeded",
      "0 deadline-exceeded",
      "1 stream-interrupted",
      "3 upstream-unavailable",
      "1 shutting-down",
    ]),
  );
}, 120_000);
