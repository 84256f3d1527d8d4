import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { contentTypes, type Exposition, textOf } from "../../../src/metrics/exposition.ts";
import { expositionFor } from "../../../src/metrics/negotiate.ts";
import { createMetricsPage } from "../../../src/rpc/metrics-page.ts";
import { exampleTrace } from "../../support/examples.ts";
import { findPrometheus, type PrometheusBinaries } from "../../support/prometheus-binaries.ts";
import {
  attemptAt,
  exampleMetrics,
  observationOf,
  playLoad,
} from "../../support/prometheus-load.ts";
import { eventually, usePrometheus } from "../../support/prometheus-server.ts";
import { exampleFleet, exampleSources } from "../../support/prometheus-sources.ts";
import { useRpcListeners } from "../../support/rpc-listeners.ts";

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
  atlas_spend_unknown_price_total: 1,
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

  test("finds the trace behind a figure", async () => {
    const { metrics, endpoints, prometheus } = await start(binaries?.prometheus ?? "");
    const [endpoint] = endpoints;
    const trace = exampleTrace({ keep: true });
    const attempt = attemptAt(endpoint, undefined, { startedAtMs: Date.now() - 500 });
    metrics.observe(observationOf(attempt, { trace }));
    const query = "query_exemplars?query=gen_ai_client_operation_duration_seconds_bucket";
    const window = `&start=${Date.now() / 1_000 - 60}&end=${Date.now() / 1_000 + 60}`;
    await eventually(async () =>
      JSON.stringify(await prometheus.api(query + window)).includes(trace.traceId),
    );
  });

  test("raises an alert when all breakers of a model are open", async () => {
    const { metrics, endpoints, prometheus } = await start(binaries?.prometheus ?? "");
    const { live } = exampleSources(endpoints[0].id);
    metrics.attach({
      live: { of: () => live.of(endpoints[0].id) },
      fleet: () => ({ ...exampleFleet, bus: { connected: 0, reconnects: 0 } }),
    });
    await eventually(async () => {
      const data = JSON.stringify(await prometheus.api("alerts"));
      return data.includes('"AtlasModelShut"') && data.includes('"AtlasWithoutNats"');
    });
    expect(
      await prometheus.query('ALERTS{alertname="AtlasModelShut",atlas_model="acme/one"}'),
    ).toBe(1);
  });
});
