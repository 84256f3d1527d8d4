import { describe, expect, test } from "vitest";
import { RouterError } from "../../../src/domain/router-error.ts";
import type { Metrics } from "../../../src/metrics/create-metrics.ts";
import { textOf } from "../../../src/metrics/exposition.ts";
import { exampleTrace } from "../../support/examples.ts";
import {
  attemptAt,
  callEndOf,
  callTo,
  exampleMetrics,
  observationOf,
  playLoad,
  refusalOf,
  rpcEndOf,
} from "../../support/prometheus-load.ts";
import { exampleFleet, exampleSources } from "../../support/prometheus-sources.ts";

function pageOf(metrics: Metrics): string {
  return [...textOf(metrics.collect(), "openmetrics")].join("");
}

function samplesOf(metrics: Metrics): readonly string[] {
  const lines = pageOf(metrics).split("\n");
  return lines
    .filter((line) => !/^#|^$|_created|_bucket|atlas_call_latency/.test(line))
    .map((line) => line.replace(/\S+$/, (figure) => String(Number(Number(figure).toFixed(9)))));
}

describe("createMetrics()", () => {
  test("shows exactly what happened", () => {
    const { metrics, endpoints } = exampleMetrics();
    playLoad(metrics, endpoints);
    const generation =
      'gen_ai_operation_name="chat",gen_ai_provider_name="acme",gen_ai_request_model="acme/one"';
    const fallback =
      'gen_ai_operation_name="chat",gen_ai_provider_name="bolt",gen_ai_request_model="acme/one"';
    const first = 'atlas_model="acme/one",atlas_endpoint="acme/eu/one"';
    const second = 'atlas_model="acme/one",atlas_endpoint="bolt/us/one"';
    const rpc = 'rpc_system_name="grpc",rpc_method="atlas.v1.RouterService/Complete"';
    const spent = 'atlas_tier="standard"';
    expect(samplesOf(metrics).filter((line) => !line.endsWith(" 0"))).toEqual([
      `gen_ai_client_operation_duration_seconds_sum{${generation}} 2`,
      `gen_ai_client_operation_duration_seconds_count{${generation}} 4`,
      `gen_ai_client_operation_duration_seconds_sum{${generation},error_type="overloaded"} 0.4`,
      `gen_ai_client_operation_duration_seconds_count{${generation},error_type="overloaded"} 2`,
      `gen_ai_client_operation_duration_seconds_sum{${fallback}} 0.5`,
      `gen_ai_client_operation_duration_seconds_count{${fallback}} 1`,
      `gen_ai_client_operation_time_to_first_chunk_seconds_sum{${generation}} 0.4`,
      `gen_ai_client_operation_time_to_first_chunk_seconds_count{${generation}} 4`,
      `gen_ai_client_operation_time_to_first_chunk_seconds_sum{${fallback}} 0.1`,
      `gen_ai_client_operation_time_to_first_chunk_seconds_count{${fallback}} 1`,
      `gen_ai_client_operation_time_per_output_chunk_seconds_sum{${generation}} 0.04`,
      `gen_ai_client_operation_time_per_output_chunk_seconds_count{${generation}} 4`,
      `gen_ai_client_operation_time_per_output_chunk_seconds_sum{${fallback}} 0.01`,
      `gen_ai_client_operation_time_per_output_chunk_seconds_count{${fallback}} 1`,
      `gen_ai_client_token_usage_sum{${generation},gen_ai_token_type="input"} 480`,
      `gen_ai_client_token_usage_count{${generation},gen_ai_token_type="input"} 4`,
      `gen_ai_client_token_usage_sum{${generation},gen_ai_token_type="output"} 200`,
      `gen_ai_client_token_usage_count{${generation},gen_ai_token_type="output"} 4`,
      `gen_ai_client_token_usage_sum{${fallback},gen_ai_token_type="input"} 120`,
      `gen_ai_client_token_usage_count{${fallback},gen_ai_token_type="input"} 1`,
      `gen_ai_client_token_usage_sum{${fallback},gen_ai_token_type="output"} 50`,
      `gen_ai_client_token_usage_count{${fallback},gen_ai_token_type="output"} 1`,
      `rpc_server_call_duration_seconds_sum{${rpc},rpc_status_code="OK"} 2.505`,
      `rpc_server_call_duration_seconds_count{${rpc},rpc_status_code="OK"} 5`,
      `rpc_server_call_duration_seconds_sum{${rpc},rpc_status_code="UNAVAILABLE",error_type="UNAVAILABLE"} 0.501`,
      `rpc_server_call_duration_seconds_count{${rpc},rpc_status_code="UNAVAILABLE",error_type="UNAVAILABLE"} 1`,
      'atlas_calls_total{atlas_model="acme/one",atlas_tier="standard",atlas_outcome="success"} 5',
      'atlas_calls_total{atlas_model="acme/one",atlas_tier="standard",atlas_outcome="upstream-unavailable",atlas_error_source="upstream"} 1',
      'atlas_call_duration_seconds_sum{atlas_model="acme/one",atlas_tier="standard"} 3.2018',
      'atlas_call_duration_seconds_count{atlas_model="acme/one",atlas_tier="standard"} 6',
      'atlas_plans_total{atlas_tier="standard",atlas_outcome="planned"} 6',
      'atlas_relaxations_total{atlas_tier="standard",atlas_relaxation="panic"} 1',
      `atlas_first_attempts_total{${first},${spent}} 6`,
      `atlas_attempts_total{${first},atlas_provider="acme",atlas_outcome="success"} 4`,
      `atlas_attempts_total{${first},atlas_provider="acme",atlas_outcome="overloaded"} 2`,
      `atlas_attempts_total{${second},atlas_provider="bolt",atlas_outcome="success"} 1`,
      `atlas_fallbacks_total{${first},error_type="overloaded"} 1`,
      `atlas_spend_usd_total{${first},${spent}} 0.000156`,
      `atlas_spend_usd_total{${second},${spent}} 0.000039`,
      `atlas_spend_unknown_price_total{${first},${spent}} 1`,
      "atlas_catalog_revision 1",
    ]);
  });

  test("the time of calls is told by its parts", () => {
    const { metrics, endpoints } = exampleMetrics();
    playLoad(metrics, endpoints);
    expect(pageOf(metrics)).toContain(
      'atlas_call_latency_seconds_count{atlas_part="failed_attempts",atlas_tier="standard"} 6',
    );
    expect(pageOf(metrics)).toContain(
      'atlas_call_latency_seconds_sum{atlas_part="failed_attempts",atlas_tier="standard"} 0.2\n',
    );
  });

  test("no caller can make a series, whatever it names", () => {
    const { metrics, endpoints } = exampleMetrics();
    playLoad(metrics, endpoints);
    const error = new RouterError("model-not-found", "no");
    metrics.finished(callTo("evil"), refusalOf(error));
    metrics.rpc(rpcEndOf({ method: "evil", status: "UNIMPLEMENTED" }));
    const lines = pageOf(metrics).split("\n").length;
    for (let number = 0; number < 10_000; number += 1) {
      metrics.finished(callTo(`evil-${number}"} 1\n`), refusalOf(error));
      metrics.rpc(rpcEndOf({ method: `evil.Evil/${number}`, status: "UNIMPLEMENTED" }));
    }
    const page = pageOf(metrics);
    expect(page.split("\n")).toHaveLength(lines);
    expect(page).not.toContain("evil");
    expect(page).toContain(
      'atlas_calls_total{atlas_model="_other",atlas_tier="standard",atlas_outcome="model-not-found",atlas_error_source="caller"} 10001\n',
    );
  });

  test("neither secrets nor what was asked or answered are in it", () => {
    const { metrics, endpoints } = exampleMetrics();
    const canary = "canary-7f3a";
    const failure = { kind: "credentials", message: canary, cause: new Error(canary) } as const;
    const attempt = attemptAt(endpoints[0], failure, { upstreamRequestId: canary });
    const trace = exampleTrace({ keep: true, traceState: `vendor=${canary}` });
    metrics.observe(observationOf(attempt, { trace, callId: canary }));
    const call = callTo(canary, {
      id: canary,
      trace,
      caller: { application: canary, endUserHash: canary, labels: { [canary]: canary } },
    });
    const end = callEndOf([attempt], { code: "internal", decision: { operation: canary } });
    metrics.finished(call, { ...end, ...(end.usage && { upstreamModel: canary }) });
    metrics.rpc(rpcEndOf({ trace, reason: canary, peer: canary, callId: canary, status: canary }));
    expect(pageOf(metrics)).not.toContain(canary);
  });

  test("times reports to the bus and collections of garbage", () => {
    const { metrics } = exampleMetrics();
    metrics.published(20, "confirmed");
    metrics.published(10_000, "unconfirmed");
    metrics.published(3_000, "rejected");
    metrics.collectedGarbage("minor", 2);
    const reports =
      'messaging_system_name="nats",messaging_operation_name="publish",messaging_destination_template="atlas.health.v1.*"';
    expect(samplesOf(metrics)).toEqual(
      expect.arrayContaining([
        `messaging_client_operation_duration_seconds_sum{${reports}} 0.02`,
        `messaging_client_operation_duration_seconds_sum{${reports},error_type="unconfirmed"} 10`,
        `messaging_client_operation_duration_seconds_sum{${reports},error_type="rejected"} 3`,
        'v8js_gc_duration_seconds_count{v8js_gc_type="minor"} 1',
      ]),
    );
  });

  test("sources come one after the other, the newest of a name standing", () => {
    const { metrics, endpoints } = exampleMetrics();
    metrics.attach(exampleSources(endpoints[0].id));
    metrics.attach({ openCalls: () => 9 });
    expect(samplesOf(metrics)).toEqual(
      expect.arrayContaining(["atlas_calls_open 9", "atlas_scorer_lag 6"]),
    );
  });

  test("all families of a collection show the same figures, also beside another collection", () => {
    const { metrics, endpoints } = exampleMetrics();
    let asked = 0;
    metrics.attach({
      fleet() {
        asked += 1;
        const { scorer } = exampleFleet;
        return { ...exampleFleet, scorer: scorer && { ...scorer, lag: asked, leader: asked } };
      },
    });
    const first = metrics.collect();
    const second = metrics.collect();
    const valuesOf = (families: typeof first) =>
      families
        .filter(({ definition }) => /scorer\.(lag|leader)/.test(definition.name))
        .flatMap(({ series }) => [...series()].map((one) => ("value" in one ? one.value : NaN)));
    expect(asked).toBe(0);
    expect(valuesOf(second)).toEqual([1, 1]);
    metrics.attach(exampleSources(endpoints[0].id));
    expect(valuesOf(first)).toEqual([2, 2]);
    expect(valuesOf(second)).toEqual([1, 1]);
    expect(asked).toBe(2);
  });

  test("has the names in development when told to", () => {
    const { metrics, endpoints } = exampleMetrics({ names: "latest" });
    playLoad(metrics, endpoints);
    expect(pageOf(metrics)).toContain("gen_ai_client_inference_duration_seconds_count");
    expect(pageOf(metrics)).not.toContain("gen_ai_client_operation");
  });
});
