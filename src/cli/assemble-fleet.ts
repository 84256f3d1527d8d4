import { createMemoryBus } from "../bus/memory-bus.ts";
import type { Config } from "../config/config.ts";
import type { Bus } from "../domain/bus.ts";
import type { Endpoint } from "../domain/catalog.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { Log, ObservationSink, Upstream } from "../domain/ports.ts";
import type { LiveView } from "../domain/score.ts";
import type { SpanSink } from "../domain/trace.ts";
import { createApplyTracer } from "../health/apply-tracer.ts";
import { createHealthSink } from "../health/health-sinks.ts";
import { type Prober, startProber } from "../health/prober.ts";
import { createReporter, type Reporter } from "../health/reporter.ts";
import { type ScoreReader, startScoreReader } from "../health/score-reader.ts";
import { type Scorer, startScorer } from "../health/scorer.ts";
import { sha256 } from "../health/sha256.ts";
import { createTrafficClock, type TrafficClock } from "../health/traffic-clock.ts";
import { createUpstreamProbe, probeCostOf } from "../health/upstream-probe.ts";
import type { Metrics } from "../metrics/create-metrics.ts";
import type { FleetFigures } from "../metrics/sources.ts";
import { ALGORITHM_VERSION, createHealthFold } from "../score/health-fold.ts";
import { createSnapshotFile } from "../store/snapshot-file.ts";
import { connectFleetBus } from "./fleet-bus.ts";
import { countReconnects, fleetFiguresOf } from "./fleet-figures.ts";
import { timedReports } from "./fleet-sources.ts";
import { type FleetStatus, fleetStatusOf } from "./fleet-status.ts";
import { replicaNameOf } from "./replica-name.ts";
import type { ServerWorld } from "./server-world.ts";
import { snapshotPathOf } from "./snapshot-path.ts";
import { yieldTurn } from "./yield-turn.ts";

/** What this process shares with the others: it tells what it learns, and hears what all have learnt. */
export type Fleet = {
  readonly reader: ScoreReader;
  /** Takes every attempt of this process. */
  readonly observe: ObservationSink;
  readonly signal: Reporter["signal"];
  status(): FleetStatus;
  /** For metrics. */
  figures(): FleetFigures;
  /** Tells what is left. Never rejects. */
  close(): Promise<void>;
};

export type FleetInput = {
  readonly config: Config;
  readonly endpoints: () => readonly Endpoint[];
  readonly endpoint: (id: EndpointId) => Endpoint | undefined;
  /** Breakers are told of as they change. */
  readonly live: LiveView;
  /** For probes. */
  readonly upstream: Upstream;
  /** Takes the spans of reports; absent: there are none. */
  readonly spans: SpanSink | undefined;
  /** Told of every report that is handed to NATS; absent: nobody is. */
  readonly published: Metrics["published"] | undefined;
  readonly world: ServerWorld;
  readonly log: Log;
};

/**
 * Starts what the role of this process asks for, over NATS or, by default, within the process.
 *
 * Nothing waits for the bus: calls go on with the scores that were kept, or with none.
 */
export function joinFleet(asked: FleetInput): Fleet {
  const isAlone = asked.config.bus.nats === undefined;
  const input = { ...asked, log: isAlone ? quietLog(asked.log) : asked.log };
  const { config, world, log } = input;
  const { role } = config;
  const name = replicaNameOf(config, world);
  const bus = busOf(input, name);
  const reconnects = countReconnects(bus);
  const reader = startScoreReader({
    ...sharedBy(bus, input),
    algorithmVersion: ALGORITHM_VERSION,
    ...storeOf(input),
  });
  const scorer = role === "router" ? undefined : scorerOf(bus, name, input);
  const apply = input.spans && createApplyTracer({ ...timeOf(world), reader, sink: input.spans });
  const reporter = createReporter({
    ...timeOf(world),
    ...spansOf(input),
    ...(apply && { confirmed: apply.confirmed }),
    reports: reportsOf(bus, input),
    producer: name,
    boot: bootOf(world),
    modelOf: (id) => input.endpoint(id)?.model,
    log,
  });
  const traffic = createTrafficClock(reader.latest);
  const prober = role === "scorer" ? undefined : proberOf({ bus, name, traffic, reporter }, input);
  const health = createHealthSink({ live: input.live, signal: reporter.signal });
  const busStatus = isAlone ? () => "memory" as const : bus.status;
  const known = { role, name, bus: busStatus, reader, reporter, scorer, prober, reconnects, apply };
  return {
    reader,
    observe(observation) {
      reporter.observe(observation);
      health(observation);
      traffic.observe(observation);
    },
    signal: reporter.signal,
    status: () => fleetStatusOf(known),
    figures: () => fleetFiguresOf(known),
    async close() {
      await prober?.close();
      await reporter.close();
      apply?.close();
      await scorer?.close();
      await reader.close();
      await bus.close();
    },
  };
}

function sharedBy(bus: Bus, { world, log }: FleetInput) {
  return { ...timeOf(world), hash: sha256, yieldTurn, bus, log };
}

function scorerOf(bus: Bus, name: string, input: FleetInput): Scorer {
  return startScorer({
    ...sharedBy(bus, input),
    ...spansOf(input),
    fold: createHealthFold({ hash: sha256 }),
    name,
    boot: bootOf(input.world),
    isKnown: (id) => input.endpoint(id) !== undefined,
    isKnownModel: knownModels(input.endpoints),
  });
}

/** Of the catalogue as it is when it is asked; made anew with each catalogue. */
function knownModels(endpoints: FleetInput["endpoints"]): (model: string) => boolean {
  let known = endpoints();
  let models = modelsOf(known);
  return (model) => {
    if (known !== endpoints()) {
      known = endpoints();
      models = modelsOf(known);
    }
    return models.has(model);
  };
}

function modelsOf(endpoints: readonly Endpoint[]): ReadonlySet<string> {
  return new Set(endpoints.map(({ model }) => model));
}

function reportsOf({ reports }: Bus, { config, published, world }: FleetInput) {
  return config.bus.nats === undefined || published === undefined
    ? reports
    : timedReports(reports, world.nowMs, published);
}

/** Empty where no spans are made. */
function spansOf({ spans, config }: FleetInput) {
  return spans && { spans, system: config.bus.nats === undefined ? "memory" : "nats" };
}

/** A process that is alone leads everything, which is no news. */
function quietLog(log: Log): Log {
  return (level, message, fields) => log(level === "info" ? "debug" : level, message, fields);
}

function busOf({ config, world, log }: FleetInput, name: string): Bus {
  const { nats } = config.bus;
  return nats === undefined
    ? createMemoryBus({ ...timeOf(world), log })
    : connectFleetBus({ ...timeOf(world), nats, name, log });
}

/** Without the rest of the world, which is none of theirs. */
function timeOf({ nowMs, schedule, random }: ServerWorld) {
  return { nowMs, schedule, random };
}

/** 64 bits of a fresh UUID, most of them random. */
function bootOf({ newId }: ServerWorld): bigint {
  return BigInt(`0x${newId().replaceAll("-", "").slice(-16)}`);
}

function storeOf({ config, world: { env, random }, log }: FleetInput) {
  const path = snapshotPathOf(config, env);
  if (path !== undefined) {
    return { stored: createSnapshotFile(path, { log, random }) };
  }
  if (config.bus.nats !== undefined && config.health.keepScores) {
    const remedy = "set health.snapshotFile: the environment names no folder for state";
    log("info", "scores are not kept for a start without NATS", { remedy });
  }
  return {};
}

type ProberParts = {
  readonly bus: Bus;
  readonly name: string;
  readonly traffic: TrafficClock;
  readonly reporter: Reporter;
};

function proberOf(
  { bus, name, traffic, reporter }: ProberParts,
  input: FleetInput,
): Prober | undefined {
  const { prober } = input.config;
  if (prober.mode === "off") {
    return undefined;
  }
  const { world, upstream, endpoints, live, log } = input;
  /** What only the operator can mend would fail every probe. */
  const mayProbe = ({ id, enabled, simulated }: Endpoint) =>
    enabled &&
    (simulated || prober.mode === "all") &&
    live.of(id)?.block(world.nowMs())?.untilMs !== Number.POSITIVE_INFINITY;
  return startProber({
    ...timeOf(world),
    ...prober,
    leases: bus.leases,
    owner: name,
    endpoints: () => endpoints().filter(mayProbe),
    lastTrafficMs: traffic.lastTrafficMs,
    knownUntilMs: traffic.knownUntilMs,
    probe: createUpstreamProbe({ ...timeOf(world), upstream, timeoutMs: prober.timeoutMs }),
    signal: reporter.signal,
    costOf: (endpoint) => probeCostOf(endpoint, prober.assumedCostNanoUsd),
    log,
  });
}
