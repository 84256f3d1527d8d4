import { describe, expect, test } from "vitest";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { readSources } from "../../../src/metrics/read-sources.ts";
import { createRegistry } from "../../../src/metrics/registry.ts";
import { type FleetFigures, figuresOf, type MetricSources } from "../../../src/metrics/sources.ts";
import { exampleCatalog, exampleModel } from "../../support/example-catalog.ts";
import { exampleEndpoint } from "../../support/examples.ts";
import { exampleFleet, exampleSources } from "../../support/prometheus-sources.ts";

const catalog = exampleCatalog(
  [exampleModel("acme/one")],
  [exampleEndpoint("azure/eu/one"), exampleEndpoint("bolt/us/one")],
  5,
);
const everything = exampleSources("bolt/us/one" as EndpointId);

/** Names with label values, and figures. */
function shown(sources: MetricSources): Readonly<Record<string, number>> {
  const registry = createRegistry({
    nowMs: () => 0,
    catalog: () => catalog,
    providerName: (id) => id,
    names: "v1.41",
    rpcMethods: [],
  });
  readSources({ registry, catalog: () => catalog, nowMs: () => 0 });
  return Object.fromEntries(
    registry
      .collect(figuresOf(sources))
      .flatMap(({ definition, series }) =>
        [...series()].flatMap((one) =>
          "value" in one ? [[[definition.name, ...one.labels].join(" "), one.value]] : [],
        ),
      ),
  );
}

describe("readSources()", () => {
  test("shows what every source says", () => {
    expect(shown(everything)).toEqual({
      "atlas.calls.open": 3,
      "atlas.endpoint.breaker acme/one azure/eu/one": 0,
      "atlas.endpoint.breaker acme/one bolt/us/one": 2,
      "atlas.endpoint.limit acme/one azure/eu/one": 8,
      "atlas.endpoint.limit acme/one bolt/us/one": 8,
      "atlas.endpoint.in_flight acme/one azure/eu/one": 2,
      "atlas.endpoint.in_flight acme/one bolt/us/one": 2,
      "atlas.endpoint.blocked acme/one bolt/us/one breaker-open": 1,
      "atlas.catalog.revision": 5,
      "atlas.scores.revision": 12,
      "atlas.scores.position": 22,
      "atlas.scores.age": 1.5,
      "atlas.scores.stale": 0,
      "atlas.scores.verified": 1,
      "atlas.scores.repairs": 23,
      "atlas.scores.rebuilds": 24,
      "atlas.scores.ignored_entries not-newer": 25,
      "atlas.scores.ignored_entries unknown-algorithm": 26,
      "atlas.scores.ignored_entries undecodable": 27,
      "atlas.bus.connected": 1,
      "atlas.bus.reconnects": 21,
      "atlas.bus.clock_skew": -0.25,
      "atlas.outbox.deltas": 1,
      "atlas.outbox.size": 2,
      "atlas.outbox.signals": 3,
      "atlas.outbox.unacknowledged": 4,
      "atlas.outbox.dropped_deltas": 28,
      "atlas.outbox.dropped_signals": 5,
      "atlas.outbox.dropped_observations": 29,
      "atlas.outbox.lapsed": 6,
      "messaging.client.sent.messages nats publish atlas.health.v1.*": 7,
      "atlas.reports.unconfirmed": 8,
      "atlas.reports.rejected": 9,
      "messaging.client.consumed.messages nats process atlas.health.v1.*": 987_651_234,
      "atlas.scorer.reports folded": 1_000,
      "atlas.scorer.reports ignored": 200,
      "atlas.scorer.reports late": 30,
      "atlas.scorer.reports duplicate": 4,
      "atlas.scorer.reports unknown-layout": 50_000,
      "atlas.scorer.reports invalid": 600_000,
      "atlas.scorer.reports too-many-endpoints": 7_000_000,
      "atlas.scorer.reports undecodable": 80_000_000,
      "atlas.scorer.reports wrong-token": 900_000_000,
      "atlas.scorer.dead_letters_dropped": 5,
      "atlas.scorer.lag": 6,
      "atlas.scorer.leader": 1,
      "atlas.scorer.replay_missing": 1_260,
      "atlas.scorer.reports_lost": 63,
      "atlas.scorer.caught_up": 0,
      "atlas.scorer.publications": 30,
      "atlas.scorer.tables_written": 31,
      "atlas.scorer.write_conflicts": 32,
      "atlas.scorer.oversized_tables": 33,
      "atlas.scorer.unlisted_models": 3,
      "atlas.prober.leader": 1,
      "atlas.probes passed": 1,
      "atlas.probes failed": 2,
      "atlas.probes silent": 3,
      "atlas.probes unpriced": 4,
      "atlas.probes unaffordable": 5,
      "nodejs.eventloop.delay.p50": 0.001,
      "nodejs.eventloop.delay.p99": 0.012,
      "nodejs.eventloop.delay.max": 0.02,
      "process.cpu.time user": 1.5,
      "process.cpu.time system": 0.5,
      "process.memory.usage": 1_000_000,
      "v8js.memory.heap.used": 500_000,
      "process.uptime": 60,
      "atlas.spans exported": 100,
      "atlas.spans dropped": 2,
      "atlas.spans failed": 1,
      "atlas.traces.left_out": 4,
      "atlas.spans.left_out process": 34,
      "atlas.spans.left_out apply": 435,
      "atlas.metrics.overflows": 0,
      "atlas.metrics.failed_readings": 0,
    });
  });

  test("leaves out what nobody tells", () => {
    expect(Object.keys(shown({}))).toEqual([
      "atlas.catalog.revision",
      "atlas.metrics.overflows",
      "atlas.metrics.failed_readings",
    ]);
  });

  const shownOf = (changes: Partial<FleetFigures>) =>
    shown({ fleet: () => ({ ...exampleFleet, ...changes }) });

  test("tells no age of scores that there are not, and says that they are stale", () => {
    const scores = { ...exampleFleet.scores, ageMs: undefined, asOfSequence: undefined, stale: 1 };
    const figures = shownOf({ scores: { ...scores, clockSkewMs: undefined } });
    expect(figures).toHaveProperty(["atlas.scores.stale"], 1);
    expect(Object.keys(figures)).not.toContain("atlas.scores.age");
    expect(Object.keys(figures)).not.toContain("atlas.scores.position");
    expect(Object.keys(figures)).not.toContain("atlas.bus.clock_skew");
  });

  test("tells nothing of NATS where health stays within the process", () => {
    const figures = shownOf({ bus: undefined });
    const names = Object.keys(figures).join("\n");
    expect(names).not.toMatch(/atlas\.bus|messaging/);
    expect(figures).toHaveProperty(["atlas.scorer.reports folded"], 1_000);
  });

  test("leaves out what does not run in this process", () => {
    const figures = shownOf({ scorer: undefined, prober: undefined, apply: undefined });
    const names = Object.keys(figures).join("\n");
    expect(names).not.toMatch(/atlas\.(scorer|prober|probes|spans\.left_out)|consumed/);
    expect(figures).toHaveProperty(["atlas.scores.revision"], 12);
  });

  test("tells of spans of reports as far as they are made here", () => {
    expect(shownOf({ scorer: undefined })).toHaveProperty(["atlas.spans.left_out apply"], 435);
    expect(shownOf({ apply: undefined })).toHaveProperty(["atlas.spans.left_out process"], 34);
  });

  test("leaves out endpoints that this replica was never told of", () => {
    expect(Object.keys(shown({ live: { of: () => undefined } }))).not.toContain(
      "atlas.endpoint.breaker acme/one azure/eu/one",
    );
  });
});
