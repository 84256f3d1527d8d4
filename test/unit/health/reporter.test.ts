import { describe, expect, it } from "vitest";
import {
  BusPassedOver,
  BusRefused,
  BusUnavailable,
  type OutgoingReport,
} from "../../../src/domain/bus.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { type Span, spanIdAt, spanSlots, type TraceContext } from "../../../src/domain/trace.ts";
import type { ConfirmedReport } from "../../../src/health/publish-tracer.ts";
import { decodeReport } from "../../../src/health/report-codec.ts";
import { createReporter, type ReporterOptions } from "../../../src/health/reporter.ts";
import type { UrgentSignal } from "../../../src/health/urgent-signals.ts";
import { exampleTrace } from "../../support/examples.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { type ShownSpan, shownSpan } from "../../support/shown-span.ts";
import { makeEndpoint, makeObservation } from "../score/make-observation.ts";

const id = (name: string) => name as EndpointId;
const open: UrgentSignal = { kind: "breaker", state: "open" };
const closed: UrgentSignal = { kind: "breaker", state: "closed" };

type Publish = (report: OutgoingReport) => Promise<number>;

const stored: Publish = async () => 1;
const away: Publish = async () => {
  throw new BusUnavailable("away");
};
const silent: Publish = () => new Promise(() => {});

function start(changes: Partial<ReporterOptions> = {}) {
  const clock = createManualClock();
  const logged: (readonly [level: string, message: string])[] = [];
  const sent: { readonly atMs: number; readonly report: OutgoingReport }[] = [];
  const bus: { publish: Publish } = { publish: stored };
  const reporter = createReporter({
    reports: {
      publish(report) {
        sent.push({ atMs: clock.nowMs(), report });
        return bus.publish(report);
      },
    },
    nowMs: clock.nowMs,
    schedule: clock.schedule,
    random: () => 1,
    producer: "router-1",
    boot: 2n ** 64n - 1n,
    modelOf: () => "acme/one",
    log: (level, message) => logged.push([level, message]),
    ...changes,
  });
  return {
    clock,
    reporter,
    sent,
    bus,
    logged,
    observe: (endpoint: string) =>
      reporter.observe(
        makeObservation({ endpoint: makeEndpoint(endpoint), endedAtMs: clock.nowMs() }),
      ),
    reports: () => sent.map(({ report }) => decodeReport(report.bytes)),
  };
}

describe("createReporter()", () => {
  it("tells once a second what an endpoint's attempts showed", async () => {
    const { clock, observe, reports, reporter } = start();
    for (let call = 0; call < 100; call += 1) {
      observe("azure/one");
      await clock.advance(30);
    }
    await clock.advance(1_000);
    const told = reports();
    expect(told.length).toBeGreaterThanOrEqual(3);
    expect(told.length).toBeLessThanOrEqual(4);
    expect(told[0]).toMatchObject({
      producer: "router-1",
      boot: 2n ** 64n - 1n,
      sequence: 1,
      endpoint: "azure/one",
      model: "acme/one",
      signal: { kind: "outcomes" },
    });
    expect(reporter.stats()).toMatchObject({ deltas: 0, published: told.length, inFlight: 0 });
  });

  it("spreads endpoints over the second", async () => {
    const { clock, observe, sent } = start();
    for (let index = 0; index < 96; index += 1) {
      observe(`endpoint-${index}`);
    }
    await clock.advance(1_000);
    const times = new Map<number, number>();
    for (const { atMs } of sent) {
      times.set(atMs, (times.get(atMs) ?? 0) + 1);
    }
    expect(sent).toHaveLength(96);
    expect([...times.values()]).toEqual(Array.from({ length: 16 }, () => 6));
  });

  it("tells a signal at once", async () => {
    const { clock, reporter, sent, reports } = start();
    reporter.signal(id("azure/one"), open);
    expect(sent).toHaveLength(1);
    expect(sent[0]?.report).toMatchObject({
      id: `router-1:${2n ** 64n - 1n}:1`,
      token: expect.stringMatching(/^azure-one-/),
    });
    expect(reports()).toMatchObject([{ signal: open, observedAtMs: clock.nowMs() }]);
    await clock.advance(0);
    expect(reporter.stats()).toMatchObject({ published: 1, unacknowledged: 0 });
  });

  it("names no model that it does not know", () => {
    const { reporter, reports } = start({ modelOf: () => undefined });
    reporter.signal(id("a"), open);
    expect(reports()).toMatchObject([{ model: "" }]);
  });

  it("sends the same bytes again, with pauses that grow to 1 s", async () => {
    const { clock, reporter, sent, bus } = start();
    const startMs = clock.nowMs();
    bus.publish = away;
    reporter.signal(id("a"), open);
    await clock.advance(5_750);
    const pausesMs = sent.map(({ atMs }, index) => atMs - (sent[index - 1]?.atMs ?? startMs));
    expect(pausesMs).toEqual([0, 250, 500, 1_000, 1_000, 1_000, 1_000, 1_000]);
    expect(new Set(sent.map(({ report }) => report)).size).toBe(1);
    bus.publish = stored;
    await clock.advance(5_000);
    expect(reporter.stats()).toMatchObject({ published: 1, unconfirmed: 8, unacknowledged: 0 });
  });

  it("pauses half as long at the least, so that replicas do not return together", async () => {
    const { clock, reporter, sent, bus } = start({ random: () => 0 });
    bus.publish = away;
    reporter.signal(id("a"), open);
    await clock.advance(125 + 250);
    expect(sent).toHaveLength(3);
  });

  it("takes failures of one moment for one, and starts anew once the bus confirmed", async () => {
    const { clock, reporter, sent, bus } = start();
    bus.publish = away;
    for (let index = 0; index < 16; index += 1) {
      reporter.signal(id(`endpoint-${index}`), open);
    }
    await clock.advance(249);
    expect(sent).toHaveLength(16);
    bus.publish = stored;
    await clock.advance(1);
    expect(sent).toHaveLength(32);
    bus.publish = away;
    reporter.signal(id("a"), closed);
    await clock.advance(250);
    expect(sent).toHaveLength(34);
  });

  it("goes on counting while the bus is away, and tells all of it afterwards", async () => {
    const { clock, observe, reports, reporter, bus } = start();
    bus.publish = away;
    for (let second = 0; second < 600; second += 1) {
      observe("a");
      observe("b");
      await clock.advance(1_000);
    }
    expect(reporter.stats().deltas).toBeLessThanOrEqual(2 * 21);
    const before = reports().length;
    bus.publish = stored;
    await clock.advance(10_000);
    const told = reports().slice(before);
    const successes = told.map((report) =>
      "signal" in report && report.signal.kind === "outcomes" ? report.signal.successes : 0,
    );
    expect(successes.reduce((sum, count) => sum + count)).toBe(1_200);
    expect(reporter.stats()).toMatchObject({ deltas: 0, unacknowledged: 0, droppedDeltas: 0 });
  });

  it("has at most 64 under way", async () => {
    const { clock, observe, sent, bus } = start();
    bus.publish = silent;
    for (let index = 0; index < 100; index += 1) {
      observe(`endpoint-${index}`);
    }
    await clock.advance(5_000);
    expect(sent).toHaveLength(64);
  });

  it("gives up and logs what the bus refuses for good", async () => {
    const { clock, reporter, sent, bus, logged } = start();
    bus.publish = async () => {
      throw new Error("too large");
    };
    reporter.signal(id("a"), open);
    await clock.advance(10_000);
    expect(sent).toHaveLength(1);
    expect(logged).toEqual([["error", "the bus refuses a health report"]]);
    expect(reporter.stats()).toMatchObject({ rejected: 1, unacknowledged: 0 });
  });

  it.each([
    { name: "that it is away", error: new BusUnavailable("away"), tries: 2 },
    { name: "anything else", error: new Error("defect"), tries: 16 },
  ])("survives a bus that throws $name", async ({ error, tries }) => {
    const { clock, reporter, sent, bus } = start();
    bus.publish = () => {
      throw error;
    };
    for (let index = 0; index < 16; index += 1) {
      reporter.signal(id(`endpoint-${index}`), open);
    }
    await clock.advance(300);
    expect(sent).toHaveLength(tries);
  });

  it("logs once a minute that the bus refuses reports", async () => {
    const { clock, reporter, bus, logged } = start();
    bus.publish = async () => {
      throw new Error("too large");
    };
    for (let second = 0; second < 61; second += 1) {
      reporter.signal(id("a"), open);
      await clock.advance(1_000);
    }
    expect(logged).toHaveLength(2);
  });

  it("survives a bus that throws at all there is", async () => {
    const { clock, reporter, bus } = start();
    bus.publish = away;
    for (let index = 0; index < 8_000; index += 1) {
      reporter.signal(id(`endpoint-${index}`), open);
    }
    await clock.advance(0);
    bus.publish = () => {
      throw new Error("defect");
    };
    await clock.advance(250);
    expect(reporter.stats()).toMatchObject({ rejected: 8_000, signals: 0, unacknowledged: 0 });
  });

  it("keeps to its limits", async () => {
    const { clock, observe, reporter } = start({ maxEndpoints: 2 });
    for (const endpoint of ["a", "b", "c"]) {
      observe(endpoint);
    }
    expect(reporter.stats()).toMatchObject({ droppedObservations: 1, deltas: 2 });
    await clock.advance(1_000);
  });

  it("leaves no timer when nothing is left to tell", async () => {
    const { clock, observe } = start();
    observe("a");
    await clock.advance(3_000);
    expect(clock.pending()).toBe(0);
  });
});

describe("an endpoint whose reports the bus does not take", () => {
  const refusal = ["error", "the bus refuses the health reports of an endpoint"];

  /** Of endpoints whose names begin with `b`. */
  const failingWith =
    (error: Error): Publish =>
    async ({ token }) => {
      if (token.startsWith("b")) {
        throw error;
      }
      return 1;
    };
  const refused = failingWith(new BusRefused("denied"));
  const told = (sent: ReturnType<typeof start>["sent"], token: string) =>
    sent.filter(({ report }) => report.token === token).length;

  it("silences no other, and is told when it is taken again, as of then", async () => {
    const { clock, reporter, bus, sent, logged, observe } = start();
    bus.publish = refused;
    reporter.signal(id("b"), open);
    await clock.advance(0);
    expect(reporter.stats()).toMatchObject({ rejected: 1, unconfirmed: 0, unacknowledged: 0 });
    for (let index = 0; index < 400; index += 1) {
      reporter.signal(id(`a${index}`), open);
    }
    reporter.signal(id("b"), open);
    observe("b");
    await clock.advance(30_000);
    expect(reporter.stats()).toMatchObject({ published: 400, signals: 1, deltas: 1 });
    expect(told(sent, "b")).toBe(1);
    bus.publish = stored;
    await clock.advance(29_999);
    expect(told(sent, "b")).toBe(1);
    await clock.advance(1_001);
    expect(told(sent, "b")).toBe(3);
    expect(reporter.stats()).toMatchObject({ published: 402, rejected: 1, signals: 0, deltas: 0 });
    expect(logged).toEqual([refusal]);
    await clock.advance(1_000);
    expect(clock.pending()).toBe(0);
  });

  it("has one report tried in a minute, a signal also when nothing else is told", async () => {
    const { clock, reporter, bus, sent, logged } = start();
    bus.publish = refused;
    for (let minute = 0; minute < 5; minute += 1) {
      reporter.signal(id("b"), open);
      reporter.signal(id("b"), { kind: "state", state: "up", reason: "", ttlMs: 600_000 });
      await clock.advance(60_000);
    }
    // The two of the first minute went out together.
    expect(told(sent, "b")).toBe(2 + 5);
    expect(reporter.stats()).toMatchObject({ rejected: 7, published: 0 });
    expect(logged).toHaveLength(7);
  });

  it("is logged ten times a minute at most, however many there are", async () => {
    const { clock, reporter, bus, logged } = start();
    bus.publish = refused;
    for (let index = 0; index < 100; index += 1) {
      reporter.signal(id(`b${index}`), open);
    }
    await clock.advance(0);
    expect(logged).toHaveLength(10);
    reporter.signal(id("b0"), open);
    await clock.advance(60_000);
    expect(logged).toHaveLength(11);
    expect(reporter.stats()).toMatchObject({ rejected: 101 });
  });

  it("is one whose reports are passed over for long, also when its window is shut", async () => {
    const { clock, reporter, bus, sent, logged } = start();
    bus.publish = async (report) => {
      if (report.token === "b") {
        await new Promise<void>((resolve) => clock.schedule(8_000, resolve));
        throw new BusPassedOver("no answer");
      }
      return 1;
    };
    reporter.signal(id("b"), open);
    for (let index = 0; index < 400; index += 1) {
      reporter.signal(id(`a${index}`), open);
    }
    await clock.advance(39_999);
    expect(reporter.stats()).toMatchObject({ published: 63, rejected: 0, unconfirmed: 4 });
    await clock.advance(1);
    expect(reporter.stats()).toMatchObject({ published: 400, rejected: 1, unacknowledged: 0 });
    expect(told(sent, "b")).toBe(5);
    expect(logged).toEqual([refusal]);
  });

  it("is not one for which the bus has no room, is full or is away, for half an hour", async () => {
    const { clock, reporter, bus, logged } = start();
    bus.publish = failingWith(new BusUnavailable("resource limits exceeded"));
    reporter.signal(id("b"), { kind: "breaker", state: "open" });
    for (let minute = 0; minute < 29; minute += 1) {
      reporter.signal(id(`a${minute}`), open);
      await clock.advance(60_000);
    }
    expect(reporter.stats()).toMatchObject({ rejected: 0, lapsed: 0, unacknowledged: 1 });
    bus.publish = stored;
    await clock.advance(1_000);
    expect(reporter.stats()).toMatchObject({ published: 30, unacknowledged: 0 });
    expect(logged.filter(([level]) => level === "error")).toEqual([]);
  });

  it("is tried once more on closing, and keeps nobody waiting", async () => {
    const { clock, reporter, bus, sent } = start();
    bus.publish = refused;
    reporter.signal(id("b"), open);
    await clock.advance(0);
    reporter.signal(id("b"), open);
    await clock.advance(0);
    expect(told(sent, "b")).toBe(1);
    await reporter.close();
    expect(told(sent, "b")).toBe(2);
    expect(clock.pending()).toBe(0);
  });
});

describe("spans of reports", () => {
  const trace = exampleTrace({ keep: true, traceState: "a=1" });
  const parent = spanIdAt(trace, spanSlots.attempt);

  function startTraced(changes: Partial<ReporterOptions> = {}) {
    const spans: ShownSpan[] = [];
    const confirmed: ConfirmedReport[] = [];
    const world = start({
      spans: (span) => spans.push(shownSpan(span)),
      confirmed: (report) => confirmed.push(report),
      ...changes,
    });
    const observe = (of: TraceContext = trace) =>
      world.reporter.observe({
        ...makeObservation({ endpoint: makeEndpoint("a"), endedAtMs: world.clock.nowMs() }),
        trace: of,
      });
    return Object.assign(world, { spans, confirmed, observe });
  }

  it("lead from the attempt to the stream, and a report that is sent again keeps its own", async () => {
    const { clock, sent, bus, spans, confirmed, observe } = startTraced();
    const startMs = clock.nowMs();
    bus.publish = away;
    observe();
    const later: TraceContext = { ...trace, spanPrefix: "fffffffffffffff" };
    observe(later);
    await clock.advance(1_000);
    bus.publish = async () => 77;
    await clock.advance(2_000);
    const [first, second] = sent.map(({ report }) => report);
    const [span] = spans;
    expect(spans).toHaveLength(1);
    const spanId = span?.spanId;
    expect(first?.headers).toEqual({
      traceparent: `00-${trace.traceId}-${spanId}-01`,
      tracestate: "a=1",
    });
    expect(second).toBe(first);
    expect(span).toMatchObject({
      name: "publish atlas.health.v1",
      kind: "producer",
      traceId: trace.traceId,
      parentSpanId: parent,
      parentIsRemote: false,
      traceState: "a=1",
      startedAtMs: sent[0]?.atMs,
      endedAtMs: sent.at(-1)?.atMs,
      links: [],
      attributes: {
        "messaging.system.name": "nats",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "atlas.health.v1.a",
        "messaging.destination.template": "atlas.health.v1.*",
        "messaging.message.id": first?.id,
        "messaging.message.body.size": first?.bytes.length,
        "atlas.endpoint": "a",
        "atlas.report.sequence": 1,
        "atlas.stream.sequence": 77,
      },
      error: undefined,
    });
    expect(later.reports).toEqual([{ traceId: trace.traceId, spanId }]);
    expect(span?.endedAtMs).toBeGreaterThan(startMs + 1_000);
    expect(confirmed).toEqual([
      {
        span: { traceId: trace.traceId, spanId, traceState: "a=1" },
        endpoint: "a",
        position: 77,
        triedAtMs: span?.startedAtMs,
        confirmedAtMs: span?.endedAtMs,
      },
    ]);
  });

  it("are not made of attempts that are not kept", async () => {
    const { clock, sent, spans, observe } = startTraced();
    observe(exampleTrace());
    await clock.advance(1_000);
    expect(sent[0]?.report).not.toHaveProperty("headers");
    expect(spans).toEqual([]);
  });

  it("are of the second in which the attempt was told, and not of the next", async () => {
    const { clock, spans, sent, observe } = startTraced();
    observe();
    await clock.advance(1_000);
    observe(exampleTrace());
    await clock.advance(1_000);
    expect(sent).toHaveLength(2);
    expect(spans).toHaveLength(1);
  });

  it("are kept with sums of slices before", async () => {
    const { clock, bus, spans, observe } = startTraced();
    bus.publish = away;
    observe();
    await clock.advance(1_000);
    observe({ ...trace, spanPrefix: "aaaaaaaaaaaaaaa" });
    await clock.advance(30_000);
    observe(exampleTrace());
    bus.publish = stored;
    await clock.advance(10_000);
    expect(spans.map(({ parentSpanId }) => parentSpanId)).toEqual([parent, "aaaaaaaaaaaaaaa3"]);
  });

  it("are made of signals that an attempt caused", async () => {
    const spans: ShownSpan[] = [];
    const traced = { spans: (span: Span) => spans.push(shownSpan(span)), system: "memory" };
    const { clock, reporter, sent } = start(traced);
    reporter.signal(id("a"), open, { traceId: trace.traceId, spanId: parent, traceState: "" });
    reporter.signal(id("b"), open);
    await clock.advance(0);
    expect(spans).toMatchObject([
      {
        parentSpanId: parent,
        links: [],
        attributes: { "atlas.endpoint": "a", "messaging.system.name": "memory" },
      },
    ]);
    expect(sent[1]?.report).not.toHaveProperty("headers");
  });

  it("are not made, nor headers sent, without anybody who takes them", async () => {
    const { clock, reporter, sent } = start();
    reporter.observe({ ...makeObservation({ endedAtMs: clock.nowMs() }), trace });
    reporter.signal(id("a"), open, { traceId: trace.traceId, spanId: parent, traceState: "" });
    await clock.advance(1_000);
    expect(sent.map(({ report }) => report.headers)).toEqual([undefined, undefined]);
  });

  it.each([
    [
      "takes them",
      {
        spans: () => {
          throw new Error("full");
        },
      },
    ],
    [
      "waits for them to be stored",
      {
        confirmed: () => {
          throw new Error("full");
        },
      },
    ],
  ] satisfies [string, Partial<ReporterOptions>][])(
    "harm no report when whoever %s throws, which is logged once a minute",
    async (_, changes) => {
      const { clock, bus, logged, reporter } = startTraced(changes);
      const origin = { traceId: trace.traceId, spanId: parent, traceState: "" };
      for (let second = 0; second < 61; second += 1) {
        reporter.signal(id("a"), open, origin);
        await clock.advance(1_000);
      }
      const lost = ["error", "whoever takes the spans of health reports failed"];
      expect(logged).toEqual([lost, lost]);
      expect(reporter.stats()).toMatchObject({ published: 61, unacknowledged: 0, rejected: 0 });
      // Of its own minute: what the bus says is told at once.
      bus.publish = async () => {
        throw new Error("too large");
      };
      reporter.signal(id("a"), open, origin);
      await clock.advance(0);
      expect(logged.at(-1)).toEqual(["error", "the bus refuses a health report"]);
    },
  );

  it("are not made of what the bus refuses", async () => {
    const { clock, bus, spans, observe } = startTraced();
    bus.publish = async () => {
      throw new Error("too large");
    };
    observe();
    await clock.advance(2_000);
    expect(spans).toEqual([]);
  });
});

describe("close()", () => {
  it("tells what is left and resolves when it is stored", async () => {
    const { clock, observe, reports, reporter } = start();
    observe("a");
    observe("b");
    await reporter.close();
    expect(reports()).toHaveLength(2);
    expect(reporter.stats()).toMatchObject({ published: 2, deltas: 0 });
    expect(clock.pending()).toBe(0);
  });

  it("resolves at once with nothing to tell, and the same however often it is called", async () => {
    const { reporter } = start();
    const closing = reporter.close();
    expect(reporter.close()).toBe(closing);
    await closing;
  });

  it("gives up after 2 s without the bus", async () => {
    const { clock, observe, reporter, bus } = start();
    bus.publish = silent;
    observe("a");
    let isOver = false;
    const closing = reporter.close().then(() => {
      isOver = true;
    });
    await clock.advance(1_999);
    expect(isOver).toBe(false);
    await clock.advance(1);
    await closing;
    expect(clock.pending()).toBe(0);
  });

  it("tries again at once, and while time is left", async () => {
    const { clock, observe, reporter, sent, bus } = start();
    bus.publish = away;
    observe("a");
    await clock.advance(60_000);
    const before = sent.length;
    const closing = reporter.close();
    await clock.advance(500);
    expect(sent.length - before).toBeGreaterThanOrEqual(2);
    bus.publish = stored;
    await clock.advance(1_500);
    await closing;
    expect(reporter.stats()).toMatchObject({ published: 1, unacknowledged: 0 });
  });

  it("tells nothing afterwards, also when the bus answers late", async () => {
    const { clock, observe, reporter, sent, bus } = start();
    const { promise, reject } = Promise.withResolvers<number>();
    bus.publish = () => promise;
    observe("a");
    const closing = reporter.close();
    await clock.advance(2_000);
    await closing;
    reject(new BusUnavailable("late"));
    await clock.advance(0);
    expect(clock.pending()).toBe(0);
    observe("a");
    reporter.signal(id("a"), open);
    await clock.advance(10_000);
    expect(sent).toHaveLength(1);
    expect(clock.pending()).toBe(0);
  });
});
