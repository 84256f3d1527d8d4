import { expect, test } from "vitest";
import { createRetryBudget } from "../../../src/attempt/retry-budget.ts";
import { nativeOnlyGates } from "../../../src/domain/gate.ts";
import { type Outcome, SUCCESS } from "../../../src/domain/outcome.ts";
import { defaultPolicy, type RoutingPolicy } from "../../../src/domain/policy.ts";
import type { Upstream } from "../../../src/domain/ports.ts";
import type { RouterError } from "../../../src/domain/router-error.ts";
import { EMPTY_SCORES } from "../../../src/domain/score.ts";
import type { StreamEvent } from "../../../src/domain/stream-event.ts";
import { createMetrics, type Metrics } from "../../../src/metrics/create-metrics.ts";
import type { HistogramSeries } from "../../../src/metrics/series.ts";
import { createObserver } from "../../../src/observe/observe.ts";
import { createRouter } from "../../../src/router.ts";
import { createScoreboard } from "../../../src/score/scoreboard.ts";
import { exampleCatalog, exampleModel } from "../../support/example-catalog.ts";
import { exampleCall, exampleEndpoint, exampleSpec } from "../../support/examples.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";

/** What an endpoint does, each step so many milliseconds after the attempt's start. */
type Step = { readonly atMs: number; readonly does: StreamEvent | Outcome };

const text = { kind: "text-delta", choice: 0, text: "word " } as const;
const usage: StreamEvent = {
  kind: "usage",
  usage: {
    freshInput: 100,
    cacheRead: 20,
    cacheWrite: 0,
    visibleOutput: 9,
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

const answer: readonly Step[] = [
  { atMs: 100, does: text },
  { atMs: 500, does: text },
  { atMs: 500, does: end },
  { atMs: 500, does: usage },
  { atMs: 500, does: SUCCESS },
];

const { pricing } = exampleEndpoint("free/one");
const endpoints = [
  exampleEndpoint("good/one"),
  exampleEndpoint("busy/one"),
  exampleEndpoint("hung/one"),
  exampleEndpoint("free/one", { pricing: { ...pricing, outputPerMtok: undefined } }),
  exampleEndpoint("off/two", { model: "acme/two", enabled: false }),
];
const scripts: Readonly<Record<string, readonly Step[]>> = {
  "good/one": answer,
  "busy/one": [{ atMs: 200, does: { kind: "overloaded", message: "busy" } }],
  "hung/one": [],
};

function isEvent(does: Step["does"]): does is StreamEvent {
  return "choice" in does || does.kind === "usage";
}

function upstreamAt(clock: ManualClock): Upstream {
  return ({ endpoint, emit }) =>
    new Promise((resolve) => {
      for (const { atMs, does } of scripts[endpoint.id] ?? []) {
        clock.schedule(atMs, () => (isEvent(does) ? emit(does) : resolve(does)));
      }
    });
}

type Asked = {
  readonly model?: string;
  readonly policy?: Partial<RoutingPolicy>;
  readonly deadlineMs?: number;
  readonly leavesAfterMs?: number;
};

/** The router with its scoreboard and its metrics, in a time that stands still while it computes. */
function start() {
  const clock = createManualClock();
  const catalog = exampleCatalog([exampleModel("acme/one"), exampleModel("acme/two")], endpoints);
  const scoreboard = createScoreboard({ random: () => 0.5 }, clock.nowMs());
  const metrics = createMetrics({
    catalog: () => catalog,
    nowMs: clock.nowMs,
    providerName: (id) => id,
    rpcMethods: [],
  });
  metrics.attach({ live: scoreboard.live });
  const router = createRouter({
    catalog: () => catalog,
    scores: () => EMPTY_SCORES,
    live: scoreboard.live,
    gates: nativeOnlyGates,
    policy: () => defaultPolicy,
    attempt: {
      upstream: upstreamAt(clock),
      observe: createObserver([scoreboard.record, metrics.observe], (error) => {
        throw error;
      }),
      admission: scoreboard,
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
    finished: metrics.finished,
  });

  /** One call that nothing but these providers may serve, in this order. */
  async function play(providers: readonly string[], asked: Asked = {}): Promise<string> {
    const { model = "acme/one", policy, deadlineMs = 60_000, leavesAfterMs = 10_000 } = asked;
    const receivedAtMs = clock.nowMs();
    const leave = new AbortController();
    clock.schedule(leavesAfterMs, () => leave.abort());
    const call = exampleCall({
      spec: exampleSpec({ model }),
      policy: { ...defaultPolicy, providerOrder: providers, onlyProviders: providers, ...policy },
      receivedAtMs,
      deadlineMs: receivedAtMs + deadlineMs,
      signal: leave.signal,
    });
    const ended = router.complete(call).then(
      ({ error }) => error?.code ?? "success",
      ({ code }: RouterError) => code,
    );
    await clock.advance(20_000);
    return ended;
  }
  return { metrics, play };
}

/**
 * Every series of the page that is not 0. Of a histogram one line: how many are in each bucket that is not empty,
 * and their sum.
 */
function figuresOf(metrics: Metrics): readonly string[] {
  return metrics.collect().flatMap(({ definition, series }) =>
    [...series()].flatMap((one) => {
      const figure = "value" in one ? rounded(one.value) : bucketsOf(one);
      return figure === 0 || figure === ""
        ? []
        : [`${definition.name} ${one.labels.join(" ")}: ${figure}`];
    }),
  );
}

function bucketsOf({ bounds, counts, sum }: HistogramSeries): string {
  const filled = counts.flatMap((count, at) =>
    count === 0 ? [] : [`${count} up to ${bounds[at] ?? "any"}`],
  );
  return filled.length === 0 ? "" : `${filled.join(", ")}; sum ${rounded(sum)}`;
}

/** Sums of fractions. */
const rounded = (value: number) => Number(value.toFixed(9));

test("every series, with its buckets, is exactly what a scripted load through the router makes it", async () => {
  const { metrics, play } = start();
  expect(await play(["good"])).toBe("success");
  expect(await play(["good"])).toBe("success");
  expect(await play(["busy", "good"])).toBe("success");
  expect(await play(["busy"], { policy: { maxAttempts: 1 } })).toBe("upstream-unavailable");
  expect(await play(["hung"], { deadlineMs: 2_000 })).toBe("deadline-exceeded");
  expect(await play(["hung"], { deadlineMs: 700 })).toBe("deadline-exceeded");
  expect(await play(["hung"], { leavesAfterMs: 60 })).toBe("canceled");
  expect(await play(["free"])).toBe("no-eligible-endpoint");
  expect(await play(["good", "busy"], { policy: { maxInputPerMtok: 1 } })).toBe(
    "no-eligible-endpoint",
  );
  expect(await play(["off"], { model: "acme/two" })).toBe("no-eligible-endpoint");
  expect(await play(["good"], { model: "no/such" })).toBe("model-not-found");
  expect(figuresOf(metrics)).toEqual([
    "gen_ai.client.operation.duration chat good acme/one : 3 up to 0.64; sum 1.5",
    "gen_ai.client.operation.duration chat busy acme/one overloaded: 2 up to 0.32; sum 0.4",
    "gen_ai.client.operation.duration chat hung acme/one total-timeout: 1 up to 1.28, 1 up to 2.56; sum 2.66",
    "gen_ai.client.operation.duration chat hung acme/one canceled: 1 up to 0.08; sum 0.06",
    "gen_ai.client.operation.time_to_first_chunk chat good acme/one : 3 up to 0.16; sum 0.3",
    "gen_ai.client.operation.time_per_output_chunk chat good acme/one : 3 up to 0.08; sum 0.15",
    "gen_ai.client.token.usage chat good acme/one input: 3 up to 256; sum 360",
    "gen_ai.client.token.usage chat good acme/one output: 3 up to 16; sum 27",
    "atlas.calls acme/one standard success : 3",
    "atlas.calls acme/one standard upstream-unavailable upstream: 1",
    "atlas.calls acme/one standard deadline-exceeded caller: 2",
    "atlas.calls acme/one standard canceled caller: 1",
    "atlas.calls acme/one standard no-eligible-endpoint caller: 2",
    "atlas.calls acme/two standard no-eligible-endpoint caller: 1",
    "atlas.calls _other standard model-not-found caller: 1",
    "atlas.calls.overdue acme/one standard short: 1",
    "atlas.calls.overdue acme/one standard tight: 1",
    "atlas.call.duration acme/one standard: 1 up to 0.075, 1 up to 0.25, 2 up to 0.5, 2 up to 0.75, 1 up to 2.5; sum 4.62",
    "atlas.call.latency queue standard: 11 up to 0.00001; sum 0",
    "atlas.call.latency plan standard: 11 up to 0.00001; sum 0",
    "atlas.call.latency failed_attempts standard: 6 up to 0.00001, 1 up to 0.1, 2 up to 0.25, 1 up to 1, 1 up to 2.5; sum 3.12",
    "atlas.call.latency upstream_first_token standard: 8 up to 0.00001, 3 up to 0.1; sum 0.3",
    "atlas.call.latency upstream_generation standard: 8 up to 0.00001, 3 up to 0.5; sum 1.2",
    "atlas.call.latency router_overhead standard: 11 up to 0.00001; sum 0",
    "atlas.plans standard planned: 7",
    "atlas.plans standard no-eligible-endpoint: 3",
    "atlas.plans standard model-not-found: 1",
    "atlas.rejections acme/one provider-not-allowed: 25",
    "atlas.rejections acme/one too-slow-for-deadline: 1",
    "atlas.rejections acme/one price-unknown: 1",
    "atlas.rejections acme/one price-above-limit: 2",
    "atlas.rejections acme/two disabled: 1",
    "atlas.relaxations standard too-slow: 1",
    "atlas.first_attempts acme/one good/one standard: 2",
    "atlas.first_attempts acme/one busy/one standard: 2",
    "atlas.first_attempts acme/one hung/one standard: 3",
    "atlas.attempts acme/one good/one good success: 3",
    "atlas.attempts acme/one busy/one busy overloaded: 2",
    "atlas.attempts acme/one hung/one hung total-timeout: 2",
    "atlas.attempts acme/one hung/one hung canceled: 1",
    "atlas.fallbacks acme/one busy/one overloaded: 1",
    "atlas.spend acme/one good/one standard: 0.0000702",
    "atlas.endpoint.limit acme/one busy/one: 2",
    "atlas.endpoint.limit acme/one good/one: 1000",
    "atlas.endpoint.limit acme/one hung/one: 1000",
    "atlas.catalog.revision : 1",
  ]);
});
