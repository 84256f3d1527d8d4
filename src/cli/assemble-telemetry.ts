import type { TelemetryConfig } from "../config/config.ts";
import type { CatalogSnapshot, Endpoint } from "../domain/catalog.ts";
import type { CallSink, Log, ObservationSink, RpcSink, Upstream } from "../domain/ports.ts";
import type { BeginTrace, SpanSink } from "../domain/trace.ts";
import { createRecentCalls } from "../ledger/recent-calls.ts";
import { createSpendLedger } from "../ledger/spend.ts";
import { createMetrics, type Metrics } from "../metrics/create-metrics.ts";
import { contentTypes, textOf } from "../metrics/exposition.ts";
import { expositionFor } from "../metrics/negotiate.ts";
import type { MetricSources } from "../metrics/sources.ts";
import type { Insight } from "../rpc/handler-ports.ts";
import type { HttpRoute } from "../rpc/http-pages.ts";
import { createMetricsPage } from "../rpc/metrics-page.ts";
import { servedMethods } from "../rpc/served-methods.ts";
import { createMetricProducer } from "../telemetry/metric-producer.ts";
import { startTelemetry, type Telemetry } from "../telemetry/start-telemetry.ts";
import { attributeNamesOf, wantsLatestNames } from "../trace/attribute-table.ts";
import { createBeginTrace } from "../trace/begin-trace.ts";
import { type CallSpans, createCallSpans, type ServerAddress } from "../trace/call-spans.ts";
import { createProbeSpans } from "../trace/probe-spans.ts";
import { providerNameOf } from "../trace/provider-name.ts";
import { samplingOf } from "../trace/sampling.ts";
import type { Connection } from "../upstream/connection.ts";
import { createCallLog } from "./log-calls.ts";
import { createRpcLog } from "./log-rpcs.ts";
import { replicaNameOf } from "./replica-name.ts";
import type { ServerWorld } from "./server-world.ts";
import type { Serving } from "./serving-state.ts";
import { yieldTurn } from "./yield-turn.ts";

/** All that is told of calls to people: spans, metrics, the last calls, what they cost, and the log. */
export type RouterTelemetry = {
  readonly beginTrace: BeginTrace;
  /** Asks that spans be made of a call; absent where they are exported nowhere. */
  readonly keepTrace: CallSpans["keep"] | undefined;
  /** Each takes every attempt; absent ones are switched off. */
  readonly observed: readonly ObservationSink[];
  /** Each takes every call, in this order: the first settles whether its spans are kept. */
  readonly finished: readonly CallSink[];
  /** Likewise for RPCs. */
  readonly rpcEnded: readonly RpcSink[];
  /** Absent: spans are exported nowhere. */
  readonly spans: SpanSink | undefined;
  /** The same for probes, which are traced apart from calls. */
  readonly probing: (upstream: Upstream) => Upstream;
  /** Counts what is handed to the bus; absent: it is not counted. */
  readonly published: Metrics["published"] | undefined;
  readonly insight: Insight;
  readonly recordsAnswers: () => boolean;
  readonly route: (path: string) => HttpRoute | undefined;
  /** Has metrics read figures that others keep; those given later replace those of the same name. */
  attach(sources: MetricSources): void;
  /** Exports what waits, for up to 5 s. Never rejects. */
  close(): Promise<void>;
};

export type TelemetryInput = {
  readonly serving: () => Serving;
  /** Names and places of endpoints in spans. */
  readonly connect: (endpoint: Endpoint) => Connection;
  readonly world: ServerWorld;
  readonly log: Log;
};

/** Shorter than the patience of whoever stops the process. */
const CLOSE_MS = 5_000;

export async function assembleTelemetry(input: TelemetryInput): Promise<RouterTelemetry> {
  const { serving, world, log } = input;
  const { nowMs, env, version } = world;
  const settings = () => serving().config.telemetry;
  const { traces, metrics: counting } = settings();
  const watched = counting.enabled ? watchedMetrics(input) : undefined;
  const producers = watched === undefined ? [] : [producerOf(watched.metrics, world)];
  const telemetry = await startTelemetry({
    env,
    traces: traces.mode === "auto",
    metricProducers: producers,
    version,
    instanceId: replicaNameOf(serving().config, world),
    log,
    nowMs,
    readFile: world.readFile,
  });
  watched?.metrics.attach({ spans: telemetry.stats });
  const spans = telemetry.spans && callSpansOf(telemetry.spans, input);
  if (spans !== undefined) {
    watched?.metrics.attach({ leftOutCalls: spans.leftOut });
  }
  const recent = createRecentCalls({
    capacity: settings().calls.recent,
    slowMs: () => settings().traces.slowMs,
  });
  const spend = createSpendLedger({ ...settings().spend, startedAtMs: nowMs() });
  const beginTrace = beginTraceOf(telemetry, settings, input);
  const callsPerSecond = logsCalls(serving) ? () => serving().config.log.callsPerSecond : undefined;
  const metrics = watched?.metrics;
  return {
    beginTrace,
    keepTrace: spans?.keep,
    observed: present([metrics?.observe]),
    finished: present([
      spans?.finished,
      metrics?.finished,
      settings().calls.recent > 0 ? recent.record : undefined,
      settings().spend.hours > 0 ? spend.record : undefined,
      createCallLog(log, nowMs, callsPerSecond),
    ]),
    rpcEnded: present([spans?.rpc, metrics?.rpc, createRpcLog(log, callsPerSecond)]),
    spans: telemetry.spans,
    probing: probingOf(telemetry, beginTrace, input),
    published: metrics?.published,
    insight: { calls: recent, spend },
    recordsAnswers: () => spans !== undefined && traces.content,
    route: pagesOf(metrics, { world, log }),
    attach: (sources) => metrics?.attach(sources),
    async close() {
      watched?.stop();
      await telemetry.close(CLOSE_MS);
    },
  };
}

function present<T>(values: readonly (T | undefined)[]): readonly T[] {
  return values.filter((value) => value !== undefined);
}

/** A line that the level leaves out need not be made. */
function logsCalls(serving: () => Serving): boolean {
  const { level } = serving().config.log;
  return level === "info" || level === "debug";
}

/** Where spans go nowhere only a caller's own decision is passed on. */
function beginTraceOf(
  { spans }: Telemetry,
  settings: () => TelemetryConfig,
  { world, log }: TelemetryInput,
): BeginTrace {
  const { random } = world;
  const { problem, ...sampling } = samplingOf(world.env, () => settings().traces.ratio);
  if (spans === undefined) {
    return createBeginTrace({ random, ratio: () => 0, followsParent: true, keeps: false });
  }
  if (problem !== undefined) {
    log("warn", "traces are not sampled as they should be", { detail: problem });
  }
  return createBeginTrace({ random, ...sampling });
}

function callSpansOf(sink: SpanSink, { serving, connect, world }: TelemetryInput): CallSpans {
  const { content, redact } = serving().config.telemetry.traces;
  const patterns = redact.map((pattern) => new RegExp(pattern, "giu"));
  return createCallSpans({
    sink,
    slowMs: () => serving().config.telemetry.traces.slowMs,
    keptPerSecond: () => serving().config.telemetry.traces.keptPerSecond,
    nowMs: world.nowMs,
    names: attributeNamesOf(world.env["OTEL_SEMCONV_STABILITY_OPT_IN"]),
    content: content ? () => ({ redact: patterns }) : undefined,
    serverOf: createServerNames(connect),
  });
}

/** Where spans go nowhere probes are called as they are. */
function probingOf(
  { spans }: Telemetry,
  beginTrace: BeginTrace,
  { connect, world }: TelemetryInput,
): RouterTelemetry["probing"] {
  if (spans === undefined) {
    return (upstream) => upstream;
  }
  const { nowMs, env } = world;
  const names = attributeNamesOf(env["OTEL_SEMCONV_STABILITY_OPT_IN"]);
  const serverOf = createServerNames(connect);
  return (upstream) =>
    createProbeSpans({ upstream, beginTrace, sink: spans, nowMs, names, serverOf });
}

/** Read once for each connection, which stays the same as long as nothing changes. */
function createServerNames(connect: (endpoint: Endpoint) => Connection) {
  const known = new WeakMap<Connection, ServerAddress | undefined>();
  return (endpoint: Endpoint): ServerAddress | undefined => {
    const connection = connect(endpoint);
    if (!known.has(connection)) {
      known.set(connection, addressOf(connection));
    }
    return known.get(connection);
  };
}

/** Absent for an address that is none. */
function addressOf({ baseUrl }: Connection): ServerAddress | undefined {
  const url = URL.parse(baseUrl);
  if (url === null) {
    return undefined;
  }
  const fallback = url.protocol === "https:" ? 443 : 80;
  return { host: url.hostname, port: url.port === "" ? fallback : Number(url.port) };
}

function watchedMetrics({ serving, world }: TelemetryInput) {
  const catalog = (): CatalogSnapshot => serving().catalog;
  const metrics = createMetrics({
    catalog,
    nowMs: world.nowMs,
    names: wantsLatestNames(world.env["OTEL_SEMCONV_STABILITY_OPT_IN"]) ? "latest" : "v1.41",
    providerName: providerNameOf,
    rpcMethods: servedMethods,
  });
  const watch = world.watchProcess(metrics.collectedGarbage);
  metrics.attach({ eventLoop: watch.eventLoop, process: watch.process });
  return { metrics, stop: watch.stop };
}

function producerOf({ collect }: Metrics, { nowMs, version }: ServerWorld) {
  return createMetricProducer({ collect, nowMs, version, yieldTurn });
}

function pagesOf(
  metrics: Metrics | undefined,
  { world, log }: Pick<TelemetryInput, "world" | "log">,
): (path: string) => HttpRoute | undefined {
  if (metrics === undefined) {
    return () => undefined;
  }
  const page = createMetricsPage({
    pageFor(accept) {
      const format = expositionFor(accept);
      return {
        contentType: contentTypes[format],
        pieces: textOf(metrics.collect(), format),
      };
    },
    schedule: world.schedule,
    log,
  });
  return (path) => (path === "/metrics" ? page : undefined);
}
