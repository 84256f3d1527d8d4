import { describe, expect, test } from "vitest";
import { countReconnects, fleetFiguresOf } from "../../../src/cli/fleet-figures.ts";
import type { FleetParts } from "../../../src/cli/fleet-status.ts";
import type { BusStatus } from "../../../src/domain/bus.ts";
import { createApplyTracer } from "../../../src/health/apply-tracer.ts";
import { startProber } from "../../../src/health/prober.ts";
import { createReporter } from "../../../src/health/reporter.ts";
import { startScoreReader } from "../../../src/health/score-reader.ts";
import { startScorer } from "../../../src/health/scorer.ts";
import { ALGORITHM_VERSION, createHealthFold } from "../../../src/score/health-fold.ts";
import { createSwitchedBus, idOf, outgoing, reportOf, sha256 } from "../health/score-fixture.ts";

function start() {
  const world = createSwitchedBus();
  const ports = {
    ...world.clock,
    bus: world.bus,
    hash: sha256,
    random: () => 0,
    yieldTurn: async () => undefined,
    log: world.log,
  };
  const reader = startScoreReader({ ...ports, algorithmVersion: ALGORITHM_VERSION });
  const scorer = startScorer({
    ...ports,
    fold: createHealthFold({ hash: sha256 }),
    name: "s",
    boot: 1n,
  });
  const reporter = createReporter({
    ...ports,
    reports: world.bus.reports,
    producer: "r",
    boot: 2n,
    modelOf: () => "m",
  });
  const apply = createApplyTracer({ ...ports, reader, sink: () => undefined });
  const prober = startProber({
    ...ports,
    leases: world.bus.leases,
    owner: "r",
    endpoints: () => [],
    lastTrafficMs: () => undefined,
    knownUntilMs: () => 0,
    probe: async () => ({ signal: undefined, costNanoUsd: undefined }),
    signal: reporter.signal,
    costOf: () => 0,
    dailyCapNanoUsd: 0,
    idleMs: 1,
    intervalMs: 1,
    concurrency: 1,
  });
  const parts: FleetParts = {
    role: "all",
    name: "r",
    bus: world.bus.status,
    reader,
    reporter,
    scorer,
    prober,
    apply,
    reconnects: countReconnects(world.bus),
  };
  return { world, parts, reporter };
}

/** Every number in it, by its path. */
function numbersIn(value: unknown, path = ""): readonly (readonly [string, unknown])[] {
  return typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([key, inner]) => numbersIn(inner, `${path}.${key}`))
    : [[path, value]];
}

describe("fleetFiguresOf()", () => {
  test("tells what was published, folded and left aside", async () => {
    const { world, parts, reporter } = start();
    await world.clock.advance(100);
    reporter.signal(idOf("a"), { kind: "state", state: "up", reason: "", ttlMs: 60_000 });
    const { reports } = world.memory;
    await reports.publish({ ...outgoing(reportOf(1)), token: "b" });
    await reports.publish({ token: "a", id: "x", bytes: Uint8Array.of(255) });
    const report = outgoing(reportOf(2));
    await reports.publish(report);
    await reports.publish({ ...report, id: "again" });
    await world.clock.advance(3_000);
    const figures = fleetFiguresOf(parts);
    expect(figures).toMatchObject({
      bus: { connected: 1, reconnects: 0 },
      scores: { stale: 0, verified: 1, asOfSequence: 5, repairs: 0 },
      outbox: { deltas: 0, signals: 0, unacknowledged: 0, bytes: 0 },
      reports: { published: 1, unconfirmed: 0, rejected: 0, lapsed: 0 },
      scorer: {
        leader: 1,
        caughtUp: 1,
        lag: 0,
        missingMs: 0,
        lostReports: 0,
        reports: { folded: 2, duplicate: 1, wrongToken: 1, undecodable: 1, late: 0 },
      },
      prober: { leader: 0, passed: 0 },
      apply: { givenUp: 0, refused: 0 },
    });
    expect(figures.scorer?.publications).toBeGreaterThan(0);
    expect(figures.scores.revision).toBe(parts.reader.latest().revision);
    expect(figures.scores.revision).toBeGreaterThan(0);
    const kinds = numbersIn(figures).map(([path, value]) => [path, typeof value]);
    expect(kinds).toEqual(kinds.map(([path]) => [path, "number"]));
  });

  test("tells no skew of clocks before the stream has a report, and then that of the bus", async () => {
    const { world, parts } = start();
    await world.clock.advance(1_500);
    expect(fleetFiguresOf(parts).scores).toMatchObject({ asOfSequence: 0, clockSkewMs: undefined });
    await world.clock.advance(10_000);
    const { asOfSequence, clockSkewMs } = fleetFiguresOf(parts).scores;
    expect(asOfSequence).toBeGreaterThan(0);
    expect(clockSkewMs).toBeLessThan(1_000);
  });

  test("tells that the bus is away, what waits for it, and that it came back", async () => {
    const { world, parts, reporter } = start();
    await world.clock.advance(100);
    world.turn(false);
    reporter.signal(idOf("a"), { kind: "breaker", state: "open" });
    await world.clock.advance(500);
    expect(fleetFiguresOf(parts)).toMatchObject({
      bus: { connected: 0, reconnects: 0 },
      outbox: { unacknowledged: 1 },
      reports: { published: 0 },
    });
    expect(fleetFiguresOf(parts).reports.unconfirmed).toBeGreaterThan(0);
    world.turn(true);
    await world.clock.advance(3_000);
    expect(fleetFiguresOf(parts)).toMatchObject({
      bus: { connected: 1, reconnects: 1 },
      outbox: { unacknowledged: 0 },
      reports: { published: 1 },
    });
  });

  test("leaves out what this process is not", () => {
    const { parts } = start();
    const { apply: _, reconnects: __, ...least } = parts;
    const figures = fleetFiguresOf({
      ...least,
      bus: () => "memory",
      scorer: undefined,
      prober: undefined,
    });
    expect(figures).toMatchObject({
      bus: undefined,
      scores: { revision: 0, ageMs: undefined, asOfSequence: undefined, stale: 1 },
      scorer: undefined,
      prober: undefined,
      apply: undefined,
    });
  });

  test("tells of no reconnections where nobody counts them", () => {
    const { reconnects: _, ...least } = start().parts;
    expect(fleetFiguresOf(least).bus?.reconnects).toBe(0);
  });
});

describe("countReconnects()", () => {
  test("does not count the first connection", () => {
    let tell: (status: BusStatus) => void = () => undefined;
    const reconnects = countReconnects({
      status: () => "connecting",
      onStatus(listener) {
        tell = listener;
        return () => undefined;
      },
    });
    const counts = (["connected", "connecting", "connected", "closed"] as const).map((status) => {
      tell(status);
      return reconnects();
    });
    expect(counts).toEqual([0, 0, 1, 1]);
  });
});
