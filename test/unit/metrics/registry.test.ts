import { describe, expect, test } from "vitest";
import { createRegistry, type RegistryOptions } from "../../../src/metrics/registry.ts";
import { figuresOf } from "../../../src/metrics/sources.ts";
import { exampleCatalog, exampleModel } from "../../support/example-catalog.ts";
import { exampleEndpoint } from "../../support/examples.ts";

const full = exampleCatalog([exampleModel("acme/one")], [exampleEndpoint("acme/eu/one")]);

function start(changes: Partial<RegistryOptions> = {}) {
  const world = { nowMs: 1_000, catalog: full };
  const registry = createRegistry({
    nowMs: () => world.nowMs,
    catalog: () => world.catalog,
    providerName: (id) => id,
    names: "v1.41",
    rpcMethods: ["a.B/C"],
    ...changes,
  });
  const shown = (name: string) => {
    const family = registry
      .collect(figuresOf({}))
      .find(({ definition }) => definition.name === name);
    return family === undefined ? undefined : [...family.series()];
  };
  return { registry, world, shown };
}

describe("createRegistry()", () => {
  test("shows what was counted, and since when", () => {
    const { registry, shown, world } = start();
    const plans = registry.counter("plans");
    world.nowMs = 2_000;
    plans.of("standard", "planned").value += 2;
    expect(shown("atlas.plans")).toEqual([
      { labels: ["standard", "planned"], startedAtMs: 2_000, value: 2 },
    ]);
  });

  test("shows whole units of what is counted in parts", () => {
    const { registry, shown } = start();
    const spend = registry.counter("spend").of("acme/one", "acme/eu/one", "standard");
    spend.value = 1_500_000_000;
    expect(shown("atlas.spend")).toMatchObject([{ value: 1.5 }]);
    expect(spend.value).toBe(1_500_000_000);
  });

  test("gives a histogram the buckets of its metric", () => {
    const { registry } = start();
    const series = registry.histogram("gcDuration").of("major");
    expect(series.bounds).toEqual([0.01, 0.1, 1, 10]);
    expect(series.counts).toEqual([0, 0, 0, 0, 0]);
  });

  test("knows the methods that are served", () => {
    const rpcs = start().registry.histogram("rpcDuration");
    expect(rpcs.of("grpc", "a.B/C", "OK", "").labels[1]).toBe("a.B/C");
    expect(rpcs.of("grpc", "a.B/D", "OK", "").labels[1]).toBe("_OTHER");
  });

  test("reads what is kept elsewhere whenever it is shown", () => {
    const { registry, shown } = start();
    let lag = 3;
    registry.read("scorerLag", () => [{ labels: [], value: lag }]);
    expect(shown("atlas.scorer.lag")).toEqual([{ labels: [], startedAtMs: 1_000, value: 3 }]);
    lag = 4;
    expect(shown("atlas.scorer.lag")).toMatchObject([{ value: 4 }]);
  });

  test("leaves out a metric whose reading fails, and counts that", () => {
    const { registry, shown } = start();
    registry.read("scorerLag", () => {
      throw new Error("gone");
    });
    expect(shown("atlas.scorer.lag")).toEqual([]);
    expect(shown("atlas.metrics.failed_readings")).toMatchObject([{ value: 1 }]);
  });

  test("has only the metrics of its names, and of them only those that somebody tells", () => {
    const { registry, shown } = start({ names: "latest" });
    registry.histogram("operationDuration");
    expect(shown("gen_ai.client.operation.duration")).toBeUndefined();
    expect(shown("atlas.scorer.lag")).toBeUndefined();
  });

  test("counts series that find no place", () => {
    const { registry, shown } = start({ maxSeries: 2 });
    const plans = registry.counter("plans");
    plans.of("standard", "planned").value += 1;
    plans.of("realtime", "planned").value += 1;
    plans.of("realtime", "internal").value += 1;
    expect(shown("atlas.plans")).toMatchObject([
      { labels: ["standard", "planned"], value: 1 },
      { labels: ["_overflow", "_overflow"], value: 2 },
    ]);
    expect(shown("atlas.metrics.overflows")).toMatchObject([{ value: 2 }]);
  });

  test("leaves out readings that find no place, and counts them", () => {
    const { registry, shown } = start({ maxSeries: 2 });
    const reasons = ["folded", "late", "duplicate"];
    registry.read("scorerReports", () => reasons.map((label) => ({ labels: [label], value: 1 })));
    expect(shown("atlas.scorer.reports")).toMatchObject([
      { labels: ["folded"] },
      { labels: ["late"] },
    ]);
    expect(shown("atlas.metrics.overflows")).toMatchObject([{ value: 1 }]);
  });

  test("drops an endpoint ten minutes after it left the catalogue, and says so", () => {
    const { registry, world, shown } = start();
    const spend = registry.counter("spend");
    spend.of("acme/one", "acme/eu/one", "standard").value += 1;
    expect(shown("atlas.spend")).toHaveLength(1);
    const before = registry.generation();
    world.catalog = exampleCatalog([exampleModel("acme/one")]);
    expect(registry.generation()).toBe(before + 1);
    world.nowMs = 10_000;
    expect(shown("atlas.spend")).toHaveLength(1);
    world.nowMs = 10_000 + 9 * 60_000;
    expect(shown("atlas.spend")).toHaveLength(1);
    expect(registry.generation()).toBe(before + 1);
    world.nowMs = 10_000 + 10 * 60_000;
    expect(shown("atlas.spend")).toHaveLength(0);
    expect(registry.generation()).toBe(before + 2);
  });

  test("looks at most once a minute for what has to go", () => {
    let asked = 0;
    const catalog = {
      ...full,
      endpoint(id: Parameters<typeof full.endpoint>[0]) {
        asked += 1;
        return full.endpoint(id);
      },
    };
    const { registry, world, shown } = start({ catalog: () => catalog });
    registry.counter("spend").of("acme/one", "acme/eu/one", "standard");
    shown("atlas.spend");
    const first = asked;
    world.nowMs += 59_999;
    shown("atlas.spend");
    expect(asked).toBe(first);
    world.nowMs += 1;
    shown("atlas.spend");
    expect(asked).toBe(first + 1);
  });
});
