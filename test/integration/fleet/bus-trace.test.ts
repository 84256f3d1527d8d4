import { expect, onTestFinished, test } from "vitest";
import type { Bus } from "../../../src/domain/bus.ts";
import { type Span, spanIdAt, spanSlots } from "../../../src/domain/trace.ts";
import { createApplyTracer } from "../../../src/health/apply-tracer.ts";
import { createReporter } from "../../../src/health/reporter.ts";
import { startScoreReader } from "../../../src/health/score-reader.ts";
import { startScorer } from "../../../src/health/scorer.ts";
import { sha256 } from "../../../src/health/sha256.ts";
import { ALGORITHM_VERSION, createHealthFold } from "../../../src/score/health-fold.ts";
import { exampleTrace } from "../../support/examples.ts";
import { openNatsBus, realNowMs } from "../../support/nats-bus.ts";
import { describeOnNats, useNatsServer } from "../../support/nats-server.ts";
import { type ShownSpan, shownSpan } from "../../support/shown-span.ts";
import { until } from "../../support/until.ts";
import { failed, makeEndpoint, makeObservation } from "../../unit/score/make-observation.ts";

function portsOf(bus: Bus) {
  return {
    bus,
    nowMs: realNowMs,
    schedule(delayMs: number, task: () => void) {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    random: Math.random,
    yieldTurn: () => new Promise<void>((resolve) => setImmediate(resolve)),
    hash: sha256,
    log: () => undefined,
  };
}

function startScoring(bus: Bus) {
  const spans: ShownSpan[] = [];
  const scorer = startScorer({
    ...portsOf(bus),
    fold: createHealthFold({ hash: sha256 }),
    name: "scorer-1",
    boot: 1n,
    spans: (span) => spans.push(shownSpan(span)),
  });
  onTestFinished(scorer.close);
  return { spans, scorer };
}

function startRouting(bus: Bus) {
  const spans: ShownSpan[] = [];
  const ports = portsOf(bus);
  const sink = (span: Span) => spans.push(shownSpan(span));
  const reader = startScoreReader({ ...ports, algorithmVersion: ALGORITHM_VERSION });
  const apply = createApplyTracer({ ...ports, reader, sink });
  const reporter = createReporter({
    ...ports,
    reports: bus.reports,
    producer: "router-1",
    boot: 2n,
    modelOf: () => "m",
    spans: sink,
    confirmed: apply.confirmed,
  });
  onTestFinished(async () => {
    await reporter.close();
    await reader.close();
  });
  return { spans, reporter, reader };
}

await describeOnNats("a failed attempt's trace over NATS", (binary) => {
  test("ends in the fold of another process and in the scores that come of it", async () => {
    const server = await useNatsServer(binary);
    const [mine, theirs] = [1, 2].map(() => openNatsBus({ servers: [server.url] }).bus) as [
      Bus,
      Bus,
    ];
    const scoring = startScoring(theirs);
    const routing = startRouting(mine);
    await until(() => scoring.scorer.status().leader);

    const trace = exampleTrace({ keep: true, traceState: "vendor=1" });
    const endpoint = makeEndpoint("azure/one");
    const ended = { endpoint, endedAtMs: realNowMs(), outcome: failed("server-error") };
    routing.reporter.observe({ ...makeObservation(ended), trace });
    await until(() => routing.spans.length === 2 && scoring.spans.length === 1);

    const [publish, apply] = routing.spans;
    const [process] = scoring.spans;
    const attempt = spanIdAt(trace, spanSlots.attempt);
    const tree = [publish, process, apply].map((span) => [span?.name, span?.kind]);
    expect(tree).toEqual([
      ["publish atlas.health.v1", "producer"],
      ["process atlas.health.v1", "consumer"],
      ["atlas.scores.apply", "internal"],
    ]);
    const parents = [publish, process, apply].map((span) => span?.parentSpanId);
    expect(parents).toEqual([attempt, publish?.spanId, publish?.spanId]);
    const traces = [publish, process, apply].map((span) => [span?.traceId, span?.traceState]);
    expect(traces).toEqual(Array.from({ length: 3 }, () => [trace.traceId, "vendor=1"]));
    expect(process).toMatchObject({
      parentIsRemote: true,
      links: [{ traceId: trace.traceId, spanId: publish?.spanId }],
      attributes: {
        "atlas.report.outcome": "folded",
        "atlas.stream.sequence": publish?.attributes["atlas.stream.sequence"],
        "messaging.message.id": publish?.attributes["messaging.message.id"],
        "messaging.message.body.size": publish?.attributes["messaging.message.body.size"],
      },
    });
    for (const span of [...routing.spans, ...scoring.spans]) {
      expect(span.endedAtMs).toBeGreaterThanOrEqual(span.startedAtMs);
    }
    expect(apply?.startedAtMs).toBe(publish?.endedAtMs);
  });
});
