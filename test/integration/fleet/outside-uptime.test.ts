import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { expect, test } from "vitest";
import { StateSignal_State } from "../../../gen/atlas/events/v1/health_report_pb.ts";
import { CatalogService, type GetModelResponse } from "../../../gen/atlas/v1/catalog_service_pb.ts";
import { ScoringService } from "../../../gen/atlas/v1/scoring_service_pb.ts";
import { createMemoryBus } from "../../../src/bus/memory-bus.ts";
import { formatModelPage } from "../../../src/cli/format-model-page.ts";
import { createPaint } from "../../../src/cli/paint.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import type { HealthReport } from "../../../src/domain/health.ts";
import { SUCCESS } from "../../../src/domain/outcome.ts";
import { tokenOf } from "../../../src/health/endpoint-token.ts";
import { startProber } from "../../../src/health/prober.ts";
import { encodeReport } from "../../../src/health/report-codec.ts";
import { createReporter } from "../../../src/health/reporter.ts";
import { startScoreReader } from "../../../src/health/score-reader.ts";
import { startScorer } from "../../../src/health/scorer.ts";
import { sha256 } from "../../../src/health/sha256.ts";
import { createTrafficClock } from "../../../src/health/traffic-clock.ts";
import { createUpstreamProbe } from "../../../src/health/upstream-probe.ts";
import type { SharedHealth } from "../../../src/rpc/shared-health.ts";
import { ALGORITHM_VERSION, createHealthFold } from "../../../src/score/health-fold.ts";
import { exampleCatalog, exampleModel } from "../../support/example-catalog.ts";
import { exampleEndpoint } from "../../support/examples.ts";
import { createManualClock } from "../../support/manual-clock.ts";
import { openNatsBus, realNowMs } from "../../support/nats-bus.ts";
import { describeOnNewestNats, useNatsServer } from "../../support/nats-server.ts";
import { createRpcInMemory } from "../../support/rpc-in-memory.ts";
import { scriptedRouter } from "../../support/scripted-router.ts";
import { scriptedUpstream } from "../../support/scripted-upstream.ts";
import { held, MODEL, startMembers } from "./use-fleet.ts";

const MINUTE_MS = 60_000;

/** What a person reads of an endpoint: latency, throughput, uptime and success. */
function figuresOf(page: GetModelResponse, provider: string): readonly string[] {
  const text = formatModelPage(page, { columns: undefined, paint: createPaint(false), nowMs: 0 });
  const row = text.split("\n").find((line) => line.startsWith(provider));
  return row?.split(/ {2,}/).slice(-4) ?? [];
}

const stateOf = (state: StateSignal_State) => ({
  case: "state" as const,
  value: { state, reason: "", ttl: durationFromMs(MINUTE_MS) },
});

const { UP, DOWN } = StateSignal_State;

/** Two replicas and a scorer on one bus, in a time that is moved by hand. */
function startReplicas() {
  const clock = createManualClock();
  const log = () => undefined;
  const bus = createMemoryBus({ ...clock, log });
  const yieldTurn = async () => undefined;
  const ports = { ...clock, bus, hash: sha256, random: () => 0.5, yieldTurn, log };
  const endpoint = exampleEndpoint("acme/eu/one");
  const catalog = exampleCatalog([exampleModel(endpoint.model)], [endpoint]);
  const fold = createHealthFold({ hash: sha256 });
  const scorer = startScorer({ ...ports, fold, name: "scorer", boot: 9n });

  function startReplica(producer: string) {
    const reader = startScoreReader({ ...ports, algorithmVersion: ALGORITHM_VERSION });
    const { reports } = bus;
    const modelOf = () => endpoint.model;
    const reporter = createReporter({ ...ports, reports, producer, boot: 7n, modelOf });
    const health: SharedHealth = {
      algorithmVersion: ALGORITHM_VERSION,
      onScores: reader.onChange,
      outside: reader.outside,
      publish: (id, signal) => reporter.signal(id, signal),
    };
    const { nowMs, schedule } = clock;
    const scores = reader.latest;
    const handlers = { catalog: () => catalog, scores, health, nowMs, schedule };
    const { transport } = createRpcInMemory(scriptedRouter(), handlers);
    return {
      reader,
      reporter,
      scoring: createClient(ScoringService, transport),
      page: () => createClient(CatalogService, transport).getModel({ id: endpoint.model }),
    };
  }

  const replicas = { a: startReplica("A"), c: startReplica("C") };
  return {
    ...ports,
    ...replicas,
    clock,
    endpoint,
    /** What router C shows. */
    shown: async () => figuresOf(await replicas.c.page(), endpoint.provider.displayName),
    async close(): Promise<void> {
      const closing = [
        scorer.close(),
        ...Object.values(replicas).flatMap(({ reader, reporter }) => [
          reader.close(),
          reporter.close(),
        ]),
      ];
      await clock.advance(5_000);
      await Promise.all(closing);
      expect(clock.pending()).toBe(0);
    },
  };
}

test("claims told to one router become uptime on the page of another, without any latency", async () => {
  const { a, c, clock, endpoint, shown, close } = startReplicas();
  const claim = async (minutes: number, state: StateSignal_State) => {
    for (let minute = 0; minute < minutes; minute += 1) {
      const signal = stateOf(state);
      await a.scoring.publishHealth({ endpoint: endpoint.id, source: "status-page", signal });
      await clock.advance(MINUTE_MS);
    }
  };
  await claim(4, UP);
  expect(await shown()).toEqual(["—", "—", "—", "—"]);
  await claim(2, UP);
  expect(await shown()).toEqual(["—", "—", "100.00 %", "—"]);
  await claim(2, DOWN);
  expect(await shown()).toEqual(["—", "—", "75.00 %", "—"]);
  const [{ stats } = {}] = (await c.page()).endpoints;
  expect(stats).toMatchObject({ sampleCount: 0n, uptime: 0.75 });
  expect(stats?.latencyMsP50).toBeUndefined();
  await close();
});

test("probes of one router become uptime on the page of another, without any latency", async () => {
  const world = startReplicas();
  const { a, c, clock, bus, endpoint, shown } = world;
  const { upstream, calls } = scriptedUpstream({
    [endpoint.id]: { emits: [{ kind: "text-delta", choice: 0, text: "1" }], ends: SUCCESS },
  });
  const traffic = createTrafficClock(c.reader.latest);
  const prober = startProber({
    ...world,
    leases: bus.leases,
    owner: "A",
    endpoints: () => [endpoint],
    lastTrafficMs: traffic.lastTrafficMs,
    knownUntilMs: traffic.knownUntilMs,
    probe: createUpstreamProbe({ ...clock, upstream, timeoutMs: 5_000 }),
    signal: a.reporter.signal,
    costOf: () => 0,
    dailyCapNanoUsd: 0,
    idleMs: MINUTE_MS,
    intervalMs: MINUTE_MS,
    concurrency: 4,
  });
  await clock.advance(4 * MINUTE_MS);
  expect(await shown()).toEqual(["—", "—", "—", "—"]);
  await clock.advance(4 * MINUTE_MS);
  expect(calls.length).toBeGreaterThan(5);
  expect(await shown()).toEqual(["—", "—", "100.00 %", "—"]);
  await prober.close();
  await world.close();
});

await describeOnNewestNats("a claim that NATS gets late", (binary) => {
  test("is uptime of the minutes since it was made, on the pages of all routers", async () => {
    const server = await useNatsServer(binary);
    await startMembers("scorer", ["one"], server.url);
    const routers = await startMembers("router", ["A", "C"], server.url);
    const { bus } = openNatsBus({ servers: [server.url] });
    const made: HealthReport = {
      producer: "status-page",
      boot: 1n,
      sequence: 1,
      endpoint: MODEL as EndpointId,
      model: MODEL,
      observedAtMs: realNowMs() - 8 * MINUTE_MS,
      signal: { kind: "state", state: "up", reason: "", ttlMs: 20 * MINUTE_MS },
    };
    const token = tokenOf(made.endpoint);
    await bus.reports.publish({ token, id: "status-page:1:1", bytes: encodeReport(made) });
    await held(10_000, async () => {
      for (const { catalog } of routers) {
        const { endpoints } = await catalog.getModel({ id: MODEL });
        const stats = endpoints.find(({ id }) => id === MODEL)?.stats;
        expect(stats).toMatchObject({ uptime: 1, sampleCount: 0n });
        expect(stats?.latencyMsP50).toBeUndefined();
      }
    });
  });
});
