import { Code, type ConnectError } from "@connectrpc/connect";
import { beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { contentTypes, type Exposition, textOf } from "../../../src/metrics/exposition.ts";
import { expositionFor } from "../../../src/metrics/negotiate.ts";
import { createMetricsPage } from "../../../src/rpc/metrics-page.ts";
import { freePort } from "../../support/free-port.ts";
import { findPrometheus, type PrometheusBinaries } from "../../support/prometheus-binaries.ts";
import { exampleMetrics, playLoad } from "../../support/prometheus-load.ts";
import { eventually, usePrometheus } from "../../support/prometheus-server.ts";
import { exampleSources } from "../../support/prometheus-sources.ts";
import { routerClient, specOf } from "../../support/router-client.ts";
import { useRpcListeners } from "../../support/rpc-listeners.ts";
import { catalogOf, serveAtlas } from "../telemetry/use-atlas.ts";
import { answering, failing, hanging, startProviders } from "../telemetry/use-providers.ts";

let binaries: PrometheusBinaries | undefined;

beforeAll(async () => {
  binaries = await findPrometheus();
}, 400_000);

/** The router's page, in what its reader likes best or in `format` alone, and Prometheus reading it. */
async function start(path: string, format?: Exposition) {
  // Prometheus puts an exemplar where its time is: that has to be now.
  const startedAtMs = Date.now();
  const { metrics, endpoints } = exampleMetrics({ nowMs: () => startedAtMs });
  const served = new Set<string>();
  const page = createMetricsPage({
    pageFor(accept) {
      const chosen = format ?? expositionFor(accept);
      served.add(chosen);
      return { contentType: contentTypes[chosen], pieces: textOf(metrics.collect(), chosen) };
    },
    schedule: () => () => undefined,
    log: () => undefined,
  });
  const { http } = await useRpcListeners({
    listener: { routes: (asked) => (asked === "/metrics" ? page : undefined) },
  });
  const prometheus = await usePrometheus({
    path,
    target: http.port,
    ruleFiles: ["docs/monitoring/alerts.yaml"],
  });
  return { metrics, endpoints, prometheus, served };
}

const figures = {
  'atlas_calls_total{atlas_outcome="success"}': 5,
  'atlas_calls_total{atlas_outcome="upstream-unavailable",atlas_error_source="upstream"}': 1,
  'atlas_attempts_total{atlas_endpoint="acme/eu/one",atlas_outcome="overloaded"}': 2,
  'atlas_fallbacks_total{atlas_endpoint="acme/eu/one",error_type="overloaded"}': 1,
  'atlas_spend_usd_total{atlas_endpoint="acme/eu/one"}': 0.000156,
  'atlas_spend_unknown_price_total{atlas_endpoint="acme/eu/one"}': 1,
  'rpc_server_call_duration_seconds_count{rpc_status_code="OK"}': 5,
  'gen_ai_client_operation_duration_seconds_bucket{gen_ai_provider_name="acme",error_type="",le="0.64"}': 4,
  'gen_ai_client_operation_duration_seconds_bucket{gen_ai_provider_name="acme",error_type="",le="0.32"}': 0,
  'gen_ai_client_token_usage_bucket{gen_ai_provider_name="acme",gen_ai_token_type="output",le="64.0"}': 4,
  'atlas_call_latency_seconds_sum{atlas_part="failed_attempts",atlas_tier="standard"}': 0.2,
  'atlas_endpoint_breaker{atlas_endpoint="acme/eu/one"}': 2,
  atlas_scorer_lag: 6,
} as const;

async function readAll({ query }: Awaited<ReturnType<typeof usePrometheus>>) {
  const read: Record<string, number | undefined> = {};
  for (const expression of Object.keys(figures)) {
    read[expression] = await query(expression);
  }
  return read;
}

describe("Prometheus", () => {
  beforeEach(({ skip }) => {
    skip(binaries === undefined, "apt-get is not installed");
  });

  test.each(["prometheus", "openmetrics"] as const)(
    "reads every figure of the page in the format %s",
    async (format) => {
      const { metrics, endpoints, prometheus, served } = await start(
        binaries?.prometheus ?? "",
        format === "prometheus" ? format : undefined,
      );
      metrics.attach(exampleSources(endpoints[0].id));
      playLoad(metrics, endpoints);
      await eventually(async () => (await prometheus.query("atlas_plans_total > 0")) === 6);
      let read: Readonly<Record<string, number | undefined>> = {};
      // A page that was being written while the load was played has a part of it.
      await eventually(async () => {
        read = await readAll(prometheus);
        return Object.values(read).every((value) => value !== undefined);
      });
      expect(read).toEqual(figures);
      expect([...served]).toEqual([format]);
      expect(await prometheus.query('up{job="atlas-router"}')).toBe(1);
    },
  );

  test("scrapes a router that serves, with its traces, and raises an alert when all providers hang", async () => {
    const { atlas, prometheus } = await serveWithPrometheus();
    const client = routerClient(atlas.grpcUrl);
    const ask = (model: string, headers = {}) =>
      client.complete({ spec: specOf(`test/${model}`, "hi", SHORT) }, { headers }).then(
        () => "answered",
        ({ code }: ConnectError) => Code[code],
      );
    const all = (model: string, calls: number) =>
      Promise.all(Array.from({ length: calls }, () => ask(model)));
    const first = await Promise.all([
      ask("good", { traceparent: `00-${traceId}-b7ad6b7169203331-01` }),
      ...["bad", "hung", "none"].map((model) => ask(model)),
    ]);
    expect(first).toEqual(["answered", "Unavailable", "DeadlineExceeded", "NotFound"]);
    // An increase is what comes after the first look.
    await eventually(async () => (await prometheus.query(overdue)) === 1);
    expect(new Set(await all("good", 4))).toEqual(new Set(["answered"]));
    expect(new Set(await all("hung", 9))).toEqual(new Set(["DeadlineExceeded"]));
    await eventually(async () => (await prometheus.query(overdue)) === 10);
    const read = await Promise.all(Object.keys(served).map(prometheus.query));
    expect(Object.fromEntries(Object.keys(served).map((key, at) => [key, read[at]]))).toEqual(
      served,
    );
    await eventually(async () => (await prometheus.query(hangs)) === 1);
    const window = `&start=${Date.now() / 1_000 - 60}&end=${Date.now() / 1_000 + 60}`;
    const exemplars = await prometheus.api(`query_exemplars?query=${figureWithTraces}${window}`);
    expect(JSON.stringify(exemplars)).toContain(traceId);
  }, 60_000);
});

/**
 * The router's own deadline, because a caller's may be a race; more than the plan assumes of an endpoint that
 * nobody measured: 800 ms until the first of so few tokens, and half of the time for the rest.
 */
const HANG_MS = 1_000;
const SHORT = { sampling: { maxOutputTokens: 4 } };
const timeouts = {
  defaultDeadlineMs: HANG_MS,
  connectMs: HANG_MS,
  firstToken: { minMs: HANG_MS, coldMs: HANG_MS, maxMs: HANG_MS },
};
const traceId = "0af7651916cd43dd8448eb211c80319c";
const figureWithTraces = "gen_ai_client_operation_duration_seconds_bucket";
const hangs = 'ALERTS{alertname="AtlasModelHangs",atlas_model="test/hung"}';
const overdue =
  'atlas_calls_overdue_total{atlas_model="test/hung",atlas_tier="standard",atlas_deadline="tight"}';

/** Of the calls of the test. */
const served = {
  'up{job="atlas-router"}': 1,
  'atlas_calls_total{atlas_model="test/good",atlas_outcome="success"}': 5,
  'atlas_calls_total{atlas_model="test/bad",atlas_outcome="upstream-unavailable"}': 1,
  'atlas_calls_total{atlas_model="test/hung",atlas_outcome="deadline-exceeded",atlas_error_source="caller"}': 10,
  'atlas_calls_total{atlas_model="_other",atlas_outcome="model-not-found"}': 1,
  'atlas_attempts_total{atlas_endpoint="good-a/chat",atlas_outcome="success"}': 5,
  'sum(atlas_attempts_total{atlas_model="test/hung",atlas_outcome="total-timeout"})': 10,
  'atlas_plans_total{atlas_tier="standard",atlas_outcome="planned"}': 16,
  'sum(rpc_server_call_duration_seconds_count{rpc_method="atlas.v1.RouterService/Complete"})': 17,
  'atlas_endpoint_breaker{atlas_endpoint="hung-a/chat"}': 0,
};

/** `atlas serve` as a process of its own, with a model of each kind. */
async function serveWithPrometheus() {
  const replies = { good: answering(), bad: failing(500), hung: hanging };
  const replyOf = (provider: string) =>
    Object.entries(replies).find(([model]) => provider.startsWith(model))?.[1] ?? failing(404);
  const providers = await startProviders(replyOf);
  onTestFinished(providers.close);
  const atlas = await serveAtlas({
    name: "scraped",
    config: {
      timeouts,
      ...catalogOf(providers.url, [
        { name: "good", providers: 1 },
        { name: "bad", providers: 1 },
        { name: "hung", providers: 2 },
      ]),
    },
    // Nobody takes the spans, but they are made, which exemplars are of.
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await freePort()}` },
  });
  onTestFinished(async () => {
    await atlas.kill("SIGTERM");
  });
  const prometheus = await usePrometheus({
    path: binaries?.prometheus ?? "",
    target: Number(new URL(atlas.httpUrl).port),
    ruleFiles: ["docs/monitoring/alerts.yaml"],
  });
  return { atlas, prometheus };
}
