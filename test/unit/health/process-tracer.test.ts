import { describe, expect, it } from "vitest";
import type { StoredReport } from "../../../src/domain/bus.ts";
import { createProcessTracer } from "../../../src/health/process-tracer.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { type ShownSpan, shownSpan } from "../../support/shown-span.ts";
import { idOf, reportOf, START_MS } from "./score-fixture.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const PARENT = "b7ad6b7169203331";
const traced = { traceparent: `00-${TRACE}-${PARENT}-01`, tracestate: "a=1" };

function storedOf(sequence: number, others: Partial<StoredReport> = {}): StoredReport {
  const bytes = new Uint8Array(7);
  return { token: "a", sequence, storedAtMs: START_MS, bytes, headers: traced, ...others };
}

function start() {
  const clock = createManualClock(START_MS);
  const spans: ShownSpan[] = [];
  const tracer = createProcessTracer({
    sink: (span) => spans.push(shownSpan(span)),
    system: "nats",
    consumer: "scorer-1",
    nowMs: clock.nowMs,
    random: () => 0.5,
  });
  const folded = (stored: StoredReport) =>
    tracer.processed(stored, {
      outcome: "folded",
      report: reportOf(5, { endpoint: idOf("a") }),
      problem: undefined,
    });
  return { clock, spans, tracer, folded };
}

describe("createProcessTracer()", () => {
  it("makes a span below the one that the report came with, and links to it", async () => {
    const { clock, spans, tracer, folded } = start();
    tracer.caughtUp(3);
    folded(storedOf(4, { token: "_tick", headers: {} }));
    await clock.advance(20);
    folded(storedOf(5));
    expect(spans).toEqual([
      {
        name: "process atlas.health.v1",
        kind: "consumer",
        traceId: TRACE,
        spanId: "8000000080000000",
        parentSpanId: PARENT,
        parentIsRemote: true,
        traceState: "a=1",
        startedAtMs: START_MS,
        endedAtMs: START_MS + 20,
        attributes: {
          "messaging.system.name": "nats",
          "messaging.operation.name": "process",
          "messaging.operation.type": "process",
          "messaging.destination.name": "atlas.health.v1.a",
          "messaging.destination.template": "atlas.health.v1.*",
          "messaging.message.body.size": 7,
          "messaging.message.id": "router-1:7:5",
          "messaging.consumer.group.name": "scorer-1",
          "atlas.endpoint": "a",
          "atlas.report.sequence": 5,
          "atlas.stream.sequence": 5,
          "atlas.report.outcome": "folded",
        },
        events: [],
        links: [{ traceId: TRACE, spanId: PARENT }],
        error: undefined,
      },
    ]);
  });

  it("tells the time of the stream in its own clock, and never ends before it begins", () => {
    const { spans, tracer, folded, clock } = start();
    tracer.caughtUp(0);
    folded(storedOf(1, { storedAtMs: START_MS - 60_000 }));
    folded(storedOf(2, { storedAtMs: START_MS - 60_010 }));
    folded(storedOf(3, { storedAtMs: START_MS + 90_000 }));
    expect(spans.map(({ startedAtMs }) => startedAtMs - clock.nowMs())).toEqual([0, -10, 0]);
    expect(spans.every(({ endedAtMs }) => endedAtMs === START_MS)).toBe(true);
  });

  it("makes none of what was stored before it began to follow", () => {
    const { spans, tracer, folded } = start();
    folded(storedOf(1));
    tracer.caughtUp(2);
    folded(storedOf(2));
    expect(spans).toEqual([]);
    folded(storedOf(3));
    tracer.began();
    folded(storedOf(4));
    expect(spans).toHaveLength(1);
  });

  it("says why a report is a dead letter, and nothing of what it claims", () => {
    const { spans, tracer } = start();
    tracer.caughtUp(0);
    const problem = "not a HealthReport";
    tracer.processed(storedOf(1), { outcome: "dead-letter", report: undefined, problem });
    const [span] = spans;
    expect(span?.error).toBe(problem);
    const { attributes = {} } = span ?? {};
    expect(attributes["atlas.report.outcome"]).toBe("dead-letter");
    expect(attributes).not.toHaveProperty(["atlas.endpoint"]);
    expect(attributes).not.toHaveProperty(["messaging.message.id"]);
  });

  it("makes at most 50 a second and counts the rest", async () => {
    const { clock, spans, tracer, folded } = start();
    tracer.caughtUp(0);
    for (let sequence = 1; sequence <= 60; sequence += 1) {
      folded(storedOf(sequence));
    }
    expect(spans).toHaveLength(50);
    expect(tracer.stats()).toEqual({ spansDropped: 10 });
    await clock.advance(1_000);
    folded(storedOf(61));
    expect(spans).toHaveLength(51);
  });

  it("hostile headers make no spans and use up no place", () => {
    const { spans, tracer, folded } = start();
    tracer.caughtUp(0);
    for (let sequence = 1; sequence <= 1_000; sequence += 1) {
      folded(storedOf(sequence, { headers: { traceparent: `00-${sequence}` } }));
      folded(storedOf(sequence, { headers: { "x-traceparent": "1" } }));
    }
    expect(spans).toEqual([]);
    expect(tracer.stats()).toEqual({ spansDropped: 0 });
    folded(storedOf(1_001, { headers: { Traceparent: traced.traceparent } }));
    expect(spans).toHaveLength(1);
  });
});
