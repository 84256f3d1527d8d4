import { describe, expect, test } from "vitest";
import { type Span, spanIdAt, spanSlots } from "../../../src/domain/trace.ts";
import { createApplyTracer } from "../../../src/health/apply-tracer.ts";
import { createHealthSink } from "../../../src/health/health-sinks.ts";
import { createReporter } from "../../../src/health/reporter.ts";
import { startScoreReader } from "../../../src/health/score-reader.ts";
import { startScorer } from "../../../src/health/scorer.ts";
import { ALGORITHM_VERSION, createHealthFold } from "../../../src/score/health-fold.ts";
import { exampleTrace } from "../../support/examples.ts";
import { type ShownSpan, shownSpan } from "../../support/shown-span.ts";
import { failed, makeEndpoint, makeObservation } from "../score/make-observation.ts";
import { createSwitchedBus, sha256 } from "./score-fixture.ts";

const SECRET = "the provider said sk-canary";

function createRandom(): () => number {
  let state = 7;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/** A router and a scorer that know of each other by the bus alone. */
function start({ isTraced = true } = {}) {
  const world = createSwitchedBus();
  const routerSpans: ShownSpan[] = [];
  const scorerSpans: ShownSpan[] = [];
  const random = createRandom();
  const ports = {
    ...world.clock,
    bus: world.bus,
    hash: sha256,
    random,
    yieldTurn: async () => undefined,
    log: world.log,
  };
  const fold = createHealthFold({ hash: sha256 });
  const startScoring = () =>
    startScorer({
      ...ports,
      fold,
      name: "scorer-1",
      boot: 1n,
      spans: (span) => scorerSpans.push(shownSpan(span)),
    });
  const scorer = startScoring();
  const reader = startScoreReader({ ...ports, algorithmVersion: ALGORITHM_VERSION });
  const sink = (span: Span) => routerSpans.push(shownSpan(span));
  const apply = createApplyTracer({ ...ports, reader, sink });
  const reporter = createReporter({
    ...ports,
    reports: world.bus.reports,
    producer: "router-1",
    boot: 2n,
    modelOf: () => "m",
    ...(isTraced ? { spans: sink, confirmed: apply.confirmed } : {}),
  });
  const health = createHealthSink({ live: { of: () => undefined }, signal: reporter.signal });
  return {
    world,
    fold,
    scorer,
    reporter,
    routerSpans,
    scorerSpans,
    startScoring,
    fail(kind: "server-error" | "rate-limited", keep: boolean) {
      const trace = exampleTrace({ keep, traceState: "vendor=1" });
      const observation = {
        ...makeObservation({
          endpoint: makeEndpoint("azure/one"),
          endedAtMs: world.clock.nowMs(),
          outcome: { ...failed(kind), message: SECRET },
        }),
        trace,
      };
      reporter.observe(observation);
      health(observation);
      return { trace, attemptSpan: spanIdAt(trace, spanSlots.attempt) };
    },
  };
}

describe("the trace of a failed attempt", () => {
  test("leads over the bus to the fold and back to the scores that know of it", async () => {
    const { world, fail, routerSpans, scorerSpans, scorer } = start();
    await world.clock.advance(5_000);
    const { trace, attemptSpan } = fail("server-error", true);
    await world.clock.advance(5_000);
    const [publish, apply] = routerSpans;
    const [process] = scorerSpans;
    expect([routerSpans.length, scorerSpans.length]).toEqual([2, 1]);
    expect(publish).toMatchObject({
      name: "publish atlas.health.v1",
      traceId: trace.traceId,
      parentSpanId: attemptSpan,
    });
    expect(process).toMatchObject({
      name: "process atlas.health.v1",
      traceId: trace.traceId,
      parentSpanId: publish?.spanId,
      traceState: "vendor=1",
      links: [{ traceId: trace.traceId, spanId: publish?.spanId }],
      attributes: {
        "atlas.report.outcome": "folded",
        "atlas.endpoint": "azure/one",
        "messaging.consumer.group.name": "scorer-1",
      },
    });
    expect(apply).toMatchObject({
      name: "atlas.scores.apply",
      traceId: trace.traceId,
      parentSpanId: publish?.spanId,
    });
    const position = publish?.attributes["atlas.stream.sequence"];
    expect(process?.attributes["atlas.stream.sequence"]).toBe(position);
    expect(apply?.attributes["atlas.stream.sequence"]).toBe(position);
    expect(apply?.attributes["atlas.scores.as_of_sequence"]).toBeGreaterThanOrEqual(
      Number(position),
    );
    const ids = [attemptSpan, ...[...routerSpans, ...scorerSpans].map(({ spanId }) => spanId)];
    expect(new Set(ids).size).toBe(4);
    expect(JSON.stringify([routerSpans, scorerSpans])).not.toContain("canary");
    expect(scorer.status().spansDropped).toBe(0);
  });

  test("leads there also by the signal that was told at once", async () => {
    const { world, fail, routerSpans, scorerSpans } = start();
    await world.clock.advance(5_000);
    const { attemptSpan } = fail("rate-limited", true);
    await world.clock.advance(5_000);
    const publishes = routerSpans.filter(({ kind }) => kind === "producer");
    expect(publishes.map(({ parentSpanId }) => parentSpanId)).toEqual([attemptSpan, attemptSpan]);
    expect(scorerSpans.map(({ attributes }) => attributes["atlas.report.outcome"])).toEqual([
      "ignored",
      "folded",
    ]);
  });

  test.each([
    { what: "the attempt is not kept", keep: false, isTraced: true },
    { what: "traces are off", keep: true, isTraced: false },
  ])("ends in the process when $what", async ({ keep, isTraced }) => {
    const { world, fail, routerSpans, scorerSpans, reporter } = start({ isTraced });
    await world.clock.advance(5_000);
    fail("server-error", keep);
    await world.clock.advance(5_000);
    expect(reporter.stats().published).toBe(1);
    expect([routerSpans, scorerSpans]).toEqual([[], []]);
  });

  test("changes no byte of the scores, and is not told again by a scorer that replays", async () => {
    const [traced, silent] = [start(), start({ isTraced: false })];
    for (const { world, fail } of [traced, silent]) {
      await world.clock.advance(5_000);
      fail("server-error", true);
      await world.clock.advance(5_000);
    }
    expect(traced.fold.position()).toEqual(silent.fold.position());
    expect(traced.fold.stateSha256()).toEqual(silent.fold.stateSha256());
    await traced.scorer.close();
    traced.startScoring();
    await traced.world.clock.advance(5_000);
    expect(traced.scorerSpans).toHaveLength(1);
  });
});
