import { describe, expect, it } from "vitest";
import { BusUnavailable, type OutgoingReport } from "../../../src/domain/bus.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { decodeReport } from "../../../src/health/report-codec.ts";
import { createReporter, type ReporterOptions } from "../../../src/health/reporter.ts";
import type { UrgentSignal } from "../../../src/health/urgent-signals.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { makeEndpoint, makeObservation } from "../score/make-observation.ts";

const id = (name: string) => name as EndpointId;
const open: UrgentSignal = { kind: "breaker", state: "open" };
const closed: UrgentSignal = { kind: "breaker", state: "closed" };

type Publish = (report: OutgoingReport) => Promise<void>;

const stored: Publish = async () => {};
const away: Publish = async () => {
  throw new BusUnavailable("away");
};
const silent: Publish = () => new Promise(() => {});

function start(changes: Partial<ReporterOptions> = {}) {
  const clock = createManualClock();
  const logged: unknown[] = [];
  const sent: { readonly atMs: number; readonly report: OutgoingReport }[] = [];
  const bus = { publish: stored };
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
    for (let index = 0; index < 100; index += 1) {
      observe(`endpoint-${index}`);
    }
    await clock.advance(1_000);
    const times = new Map<number, number>();
    for (const { atMs } of sent) {
      times.set(atMs, (times.get(atMs) ?? 0) + 1);
    }
    expect(sent).toHaveLength(100);
    expect([...times.values()]).toEqual(Array.from({ length: 20 }, () => 5));
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

  it("adds the headers of the trace, the same when it sends again", async () => {
    let traces = 0;
    const traceHeaders = () => {
      traces += 1;
      return { traceparent: `trace-${traces}` };
    };
    const { clock, reporter, sent, bus } = start({ traceHeaders });
    bus.publish = away;
    reporter.signal(id("a"), open);
    await clock.advance(300);
    expect(sent.map(({ report }) => report.headers)).toEqual([
      { traceparent: "trace-1" },
      { traceparent: "trace-1" },
    ]);
  });

  it("sends no headers without a trace", () => {
    const { reporter, sent } = start();
    reporter.signal(id("a"), open);
    expect(sent[0]?.report).not.toHaveProperty("headers");
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

  it("has at most 16 under way", async () => {
    const { clock, observe, sent, bus } = start();
    bus.publish = silent;
    for (let index = 0; index < 100; index += 1) {
      observe(`endpoint-${index}`);
    }
    await clock.advance(5_000);
    expect(sent).toHaveLength(16);
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
    const { clock, observe, reporter } = start({ maxEndpoints: 2, maxBytes: 1_000 });
    for (const endpoint of ["a", "b", "c"]) {
      observe(endpoint);
    }
    expect(reporter.stats()).toMatchObject({ droppedObservations: 1, droppedDeltas: 1 });
    await clock.advance(1_000);
  });

  it("leaves no timer when nothing is left to tell", async () => {
    const { clock, observe } = start();
    observe("a");
    await clock.advance(3_000);
    expect(clock.pending()).toBe(0);
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
    const { promise, reject } = Promise.withResolvers<void>();
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
