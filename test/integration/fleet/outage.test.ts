import { beforeAll, describe, expect, it } from "vitest";
import { type Bus, BusUnavailable, type ReportLog } from "../../../src/domain/bus.ts";
import type { EndpointFigures } from "../../../src/domain/health.ts";
import { type Outcome, SUCCESS } from "../../../src/domain/outcome.ts";
import { createReporter } from "../../../src/health/reporter.ts";
import { startScoreReader } from "../../../src/health/score-reader.ts";
import { startScorer } from "../../../src/health/scorer.ts";
import { ALGORITHM_VERSION, createHealthFold } from "../../../src/score/health-fold.ts";
import { SLICE_MS } from "../../../src/score/rolling-window.ts";
import { createSwitchedBus, hashOf, settle, sha256 } from "../../unit/health/score-fixture.ts";
import { failed, makeEndpoint, makeObservation } from "../../unit/score/make-observation.ts";

const OUTAGE_MS = 10 * 60_000;

/** Everything has to agree by then. */
const AGREED_MS = 5_000;

/** From one call to the next. */
const STEP_MS = 250;
const ENDPOINTS = 4;

/** A bus whose answers can get lost on their way back: what it stored nobody knows of. */
function createLossyBus() {
  const world = createSwitchedBus();
  const { reports } = world.bus;
  let isDeaf = false;
  const publish: ReportLog["publish"] = async (report) => {
    const position = await reports.publish(report);
    if (isDeaf) {
      throw new BusUnavailable("no answer");
    }
    return position;
  };
  const bus: Bus = { ...world.bus, reports: { ...reports, publish } };
  return {
    ...world,
    bus,
    deafen(on: boolean): void {
      isDeaf = on;
    },
  };
}

type World = ReturnType<typeof createLossyBus>;

const portsOf = ({ bus, clock, log }: World) => ({
  ...clock,
  bus,
  log,
  hash: sha256,
  random: () => 0.5,
  yieldTurn: async () => undefined,
});

function startRouter(world: World, name: string) {
  const ports = portsOf(world);
  const reporter = createReporter({
    ...ports,
    reports: world.bus.reports,
    producer: name,
    boot: 7n,
    modelOf: () => "m",
  });
  const reader = startScoreReader({ ...ports, algorithmVersion: ALGORITHM_VERSION });
  return { reporter, reader };
}

function startScoring(world: World, name: string) {
  const fold = createHealthFold({ hash: sha256 });
  const scorer = startScorer({ ...portsOf(world), fold, name, boot: 9n });
  return { scorer, fold };
}

function outcomeOf(step: number): Outcome {
  if (step % 11 === 0) {
    return failed("server-error");
  }
  return step % 13 === 0 ? failed("rate-limited") : SUCCESS;
}

type Counts = { successes: number; failures: number; rateLimited: number };

/** Three routers and two scorers, and what the routers observed. */
function startFleet() {
  const world = createLossyBus();
  const routers = ["A", "B", "C"].map((name) => startRouter(world, name));
  const scorings = [startScoring(world, "one"), startScoring(world, "two")] as const;
  const observed: Record<string, Counts> = {};
  let step = 0;

  function observe(): void {
    const outcome = outcomeOf(step);
    const id = `e-${step % ENDPOINTS}`;
    routers[step % routers.length]?.reporter.observe(
      makeObservation({
        endpoint: makeEndpoint(id),
        outcome,
        endedAtMs: world.clock.nowMs(),
        durationMs: 1_000 + ((step * 91) % 3_000),
        firstTokenMs: 100 + ((step * 37) % 900),
      }),
    );
    observed[id] ??= { successes: 0, failures: 0, rateLimited: 0 };
    observed[id].successes += outcome === SUCCESS ? 1 : 0;
    observed[id].failures += outcome.kind === "server-error" ? 1 : 0;
    observed[id].rateLimited += outcome.kind === "rate-limited" ? 1 : 0;
    step += 1;
  }

  return {
    ...world,
    routers,
    scorings,
    observed,
    /** Calls go on for so long. */
    async pass(ms: number): Promise<void> {
      for (let passedMs = 0; passedMs < ms; passedMs += STEP_MS) {
        observe();
        await world.clock.advance(STEP_MS);
      }
    },
    async close(): Promise<void> {
      const closing = [
        ...routers.flatMap(({ reporter, reader }) => [reporter.close(), reader.close()]),
        ...scorings.map(({ scorer }) => scorer.close()),
      ];
      await world.clock.advance(AGREED_MS);
      await Promise.all(closing);
    },
  };
}

type Fleet = ReturnType<typeof startFleet>;

const statusesOf = ({ routers }: Fleet) => routers.map(({ reader }) => reader.status());
const foldsOf = ({ scorings }: Fleet) => scorings.map(({ fold }) => fold.stateSha256());

/** As each router reads them. */
function figuresOf({ routers }: Fleet): readonly (readonly EndpointFigures[])[] {
  return routers.map(({ reader }) => reader.tables().flatMap(({ endpoints }) => endpoints));
}

function countsOf(figures: readonly EndpointFigures[]): Record<string, Counts> {
  const counts = figures.map(({ endpoint, successes, failures, rateLimited }) => [
    endpoint,
    { successes, failures, rateLimited },
  ]);
  return Object.fromEntries(counts);
}

/** All but those that tell of the last 30 s, in which reports come and not calls end. */
function lastingOf(figures: readonly EndpointFigures[]) {
  return figures.map((all) => {
    const { endpoint, firstTokenMs, tokensPerSecond, durationMs } = all;
    const { goodMinutes, observedMinutes } = all;
    const minutes = { goodMinutes, observedMinutes };
    return { endpoint, ...minutes, firstTokenMs, tokensPerSecond, durationMs };
  });
}

const BEFORE_MS = 60_000;

/** Around the outage answers are lost as well. */
const DEAF_MS = 2_000;

async function playOutage() {
  const fleet = startFleet();
  await fleet.pass(BEFORE_MS);
  fleet.deafen(true);
  await fleet.pass(DEAF_MS);
  const before = figuresOf(fleet);
  fleet.turn(false);
  await fleet.pass(OUTAGE_MS);
  const during = {
    figures: figuresOf(fleet),
    statuses: statusesOf(fleet),
    outboxes: fleet.routers.map(({ reporter }) => reporter.stats()),
  };
  fleet.turn(true);
  await fleet.pass(DEAF_MS);
  fleet.deafen(false);
  await fleet.clock.advance(AGREED_MS);
  await settle();
  return { fleet, before, during };
}

async function playWithout() {
  const fleet = startFleet();
  await fleet.pass(BEFORE_MS + DEAF_MS + OUTAGE_MS + DEAF_MS);
  await fleet.clock.advance(AGREED_MS);
  await settle();
  return fleet;
}

describe("an outage of the bus of 10 minutes", () => {
  let played: Awaited<ReturnType<typeof playOutage>>;

  beforeAll(async () => {
    played = await playOutage();
    return async () => {
      await played.fleet.close();
      expect(played.fleet.clock.pending()).toBe(0);
    };
  });

  it("leaves all readers with exactly what was observed", () => {
    const { fleet } = played;
    expect(figuresOf(fleet).map(countsOf)).toEqual(fleet.routers.map(() => fleet.observed));
  });

  it("leaves all readers with the figures that they had without it", async () => {
    const other = await playWithout();
    expect(figuresOf(played.fleet).map(lastingOf)).toEqual(figuresOf(other).map(lastingOf));
    await other.close();
  });

  it("leaves all replicas with equal hashes, also a scorer that starts after it", async () => {
    const { fleet } = played;
    expect(statusesOf(fleet)).toMatchObject(fleet.routers.map(() => ({ verified: true })));
    const late = startScoring(fleet, "late");
    await fleet.clock.advance(10);
    expect(late.scorer.status().caughtUp).toBe(true);
    const folds = foldsOf(fleet);
    expect(folds).toEqual(folds.map(() => late.fold.stateSha256()));
    const published = hashOf(late.fold.models().map(late.fold.table));
    const versions = statusesOf(fleet).map(({ version }) => version?.stateSha256);
    expect(versions).toEqual(versions.map(() => published));
    await late.scorer.close();
  });

  it("has what was stored and not confirmed sent again, and counted once", () => {
    const { verdicts } = played.fleet.scorings[0].scorer.status();
    expect(verdicts.duplicate).toBeGreaterThan(0);
    expect(verdicts).toMatchObject({ late: 0, invalid: 0 });
  });

  it("leaves readers with their last scores meanwhile, which they say are old", () => {
    const { before, during } = played;
    expect(during.figures).toEqual(before);
    const said = during.statuses.map(({ degraded, stale }) => ({ degraded, stale }));
    expect(said).toEqual(before.map(() => ({ degraded: true, stale: true })));
  });

  it("makes no router hold more than the sums of each endpoint and slice", () => {
    const deltas = played.during.outboxes.map((outbox) => outbox.deltas);
    const most = ENDPOINTS * (Math.ceil(OUTAGE_MS / SLICE_MS) + 1);
    expect(Math.max(...deltas)).toBeLessThanOrEqual(most);
  });
});
