import { describe, expect, test } from "vitest";
import { UNKNOWN_COST } from "../../../src/domain/money.ts";
import type { Candidate, RejectionReason } from "../../../src/domain/plan.ts";
import { defaultPolicy } from "../../../src/domain/policy.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { createCallRecorder } from "../../../src/metrics/record-calls.ts";
import { createRegistry } from "../../../src/metrics/registry.ts";
import { figuresOf } from "../../../src/metrics/sources.ts";
import { exampleCatalog, exampleModel } from "../../support/example-catalog.ts";
import { exampleEndpoint, exampleTrace } from "../../support/examples.ts";
import {
  attemptAt,
  callEndOf,
  callTo,
  failureOf,
  refusalOf,
  startedAtMs,
} from "../../support/prometheus-load.ts";

const first = exampleEndpoint("azure/eu/one");
const second = exampleEndpoint("bolt/us/one");
const full = exampleCatalog([exampleModel("acme/one", { aliases: ["one"] })], [first, second]);

function start() {
  const world = { catalog: full, nowMs: 0 };
  const catalog = () => world.catalog;
  const registry = createRegistry({
    nowMs: () => world.nowMs,
    catalog,
    providerName: (id) => id,
    names: "v1.41",
    rpcMethods: [],
  });
  const all = (name: string) =>
    registry
      .collect(figuresOf({}))
      .filter(({ definition }) => definition.name === name)
      .flatMap(({ series }) => [...series()]);
  const shown = (name: string) =>
    all(name).filter((series) => !("value" in series) || series.value > 0);
  return { finished: createCallRecorder({ registry, catalog }), all, shown, world };
}

function refused(...reasons: readonly RejectionReason[]): Candidate {
  return {
    endpoint: first,
    eligible: false,
    rejections: reasons.map((reason) => ({ reason, detail: "0 of 1", soft: false })),
    share: 0,
    terms: {},
    estimatedCost: UNKNOWN_COST,
    gate: "native",
    band: 0,
    cold: false,
    droppedParameters: [],
  };
}

describe("createCallRecorder()", () => {
  test("counts a call that was answered", () => {
    const { finished, shown } = start();
    finished(callTo("acme/one"), callEndOf([attemptAt(first)]));
    expect(shown("atlas.plans")).toMatchObject([{ labels: ["standard", "planned"], value: 1 }]);
    expect(shown("atlas.calls")).toMatchObject([
      { labels: ["acme/one", "standard", "success", ""], value: 1 },
    ]);
    expect(shown("atlas.first_attempts")).toMatchObject([
      { labels: ["acme/one", "azure/eu/one", "standard"], value: 1 },
    ]);
    expect(shown("atlas.spend")).toMatchObject([
      { labels: ["acme/one", "azure/eu/one", "standard"], value: 0.000039 },
    ]);
    expect(shown("atlas.call.duration")).toMatchObject([
      { labels: ["acme/one", "standard"], sum: 0.5003, count: 1 },
    ]);
    expect(shown("atlas.fallbacks")).toEqual([]);
    expect(shown("atlas.relaxations")).toEqual([]);
  });

  test("the parts of its time add up to the whole", () => {
    const { finished, shown } = start();
    finished(callTo("acme/one"), callEndOf([attemptAt(first)]));
    const parts = shown("atlas.call.latency").filter(({ labels }) => labels[1] === "standard");
    expect(parts.map((part) => [part.labels[0], "sum" in part && part.sum])).toEqual([
      ["queue", 0],
      ["plan", 0.00005],
      ["failed_attempts", 0],
      ["upstream_first_token", 0.1],
      ["upstream_generation", 0.4],
      ["router_overhead", 0.00025],
    ]);
    expect(parts.every((part) => "count" in part && part.count === 1)).toBe(true);
  });

  test("tells what a call fell back from, and shares by the first attempt", () => {
    const { finished, shown } = start();
    const attempts = [
      attemptAt(first, failureOf("overloaded")),
      attemptAt(second, undefined, { number: 2 }),
    ] as const;
    finished(callTo("acme/one"), callEndOf(attempts));
    expect(shown("atlas.fallbacks")).toMatchObject([
      { labels: ["acme/one", "azure/eu/one", "overloaded"], value: 1 },
    ]);
    expect(shown("atlas.first_attempts")).toMatchObject([
      { labels: ["acme/one", "azure/eu/one", "standard"], value: 1 },
    ]);
    expect(shown("atlas.spend")).toMatchObject([
      { labels: ["acme/one", "bolt/us/one", "standard"] },
    ]);
  });

  test("counts calls of unknown price apart", () => {
    const { finished, shown } = start();
    finished(callTo("acme/one"), callEndOf([attemptAt(first)], { costNanoUsd: undefined }));
    expect(shown("atlas.spend")).toEqual([]);
    expect(shown("atlas.spend.unknown_price")).toMatchObject([
      { labels: ["acme/one", "azure/eu/one", "standard"], value: 1 },
    ]);
  });

  test("counts a deadline that passed before an answer began, by what it left", () => {
    const { finished, shown } = start();
    const attempt = attemptAt(first, failureOf("total-timeout"));
    const overdue = callEndOf([attempt], { code: "deadline-exceeded" });
    finished(callTo("acme/one", { deadlineMs: startedAtMs + 50 }), overdue);
    finished(callTo("acme/one"), overdue);
    finished(callTo("acme/one"), overdue);
    expect(shown("atlas.calls.overdue")).toMatchObject([
      { labels: ["acme/one", "standard", "short"], value: 1 },
      { labels: ["acme/one", "standard", "ample"], value: 2 },
    ]);
    expect(shown("atlas.calls")).toMatchObject([
      { labels: ["acme/one", "standard", "deadline-exceeded", "caller"], value: 3 },
    ]);
  });

  test("what alerts look for is there at 0 before it happens: a rate is blind to a first count", () => {
    const { finished, all } = start();
    expect(all("atlas.relaxations").map(({ labels }) => labels.join(" "))).toEqual([
      "realtime panic",
      "standard panic",
    ]);
    finished(callTo("acme/one"), callEndOf([attemptAt(first)]));
    expect(all("atlas.spend.unknown_price")).toMatchObject([
      { labels: ["acme/one", "azure/eu/one", "standard"], value: 0 },
    ]);
    expect(all("atlas.calls.overdue").map(({ labels }) => labels[2])).toEqual([
      "short",
      "tight",
      "ample",
    ]);
    expect(all("atlas.calls").map(({ labels }) => labels.slice(2).join(" "))).toEqual([
      "success ",
      "upstream-rate-limited upstream",
      "upstream-unavailable upstream",
      "upstream-quota-exhausted upstream",
      "upstream-auth-failed upstream",
      "stream-interrupted upstream",
      "shutting-down router",
      "internal router",
    ]);
  });

  test("says how a call failed and whose fault it was", () => {
    const { finished, shown } = start();
    const attempt = attemptAt(first, failureOf("overloaded"));
    finished(callTo("acme/one"), callEndOf([attempt], { code: "upstream-unavailable" }));
    expect(shown("atlas.calls")).toMatchObject([
      { labels: ["acme/one", "standard", "upstream-unavailable", "upstream"], value: 1 },
    ]);
  });

  test("tells rules that were relaxed", () => {
    const { finished, shown } = start();
    const decision = { relaxations: ["panic", "stale-scores"] } as const;
    finished(callTo("acme/one"), callEndOf([attemptAt(first)], { decision }));
    expect(shown("atlas.relaxations")).toMatchObject([
      { labels: ["standard", "panic"], value: 1 },
      { labels: ["standard", "stale-scores"], value: 1 },
    ]);
  });

  test("tells what was held against endpoints of a call that was planned", () => {
    const { finished, shown } = start();
    const refusals = [
      { model: "acme/one", reason: "gate-not-green", endpoints: 2 },
      { model: "evil", reason: "breaker-open", endpoints: 1 },
    ] as const;
    finished(callTo("acme/one"), callEndOf([attemptAt(first)], { decision: { refusals } }));
    expect(shown("atlas.rejections")).toMatchObject([
      { labels: ["acme/one", "gate-not-green"], value: 2 },
      { labels: ["_other", "breaker-open"], value: 1 },
    ]);
  });

  test("tells why a call could not be planned, by the first reason against each endpoint", () => {
    const { finished, shown } = start();
    // The last one stood open when another model had none left.
    const candidates = [refused("disabled", "price-unknown"), refused("disabled"), refused()];
    const error = new RouterError("no-eligible-endpoint", "none", { candidates });
    finished(callTo("acme/one"), refusalOf(error));
    expect(shown("atlas.plans")).toMatchObject([
      { labels: ["standard", "no-eligible-endpoint"], value: 1 },
    ]);
    expect(shown("atlas.rejections")).toMatchObject([
      { labels: ["acme/one", "disabled"], value: 2 },
    ]);
    expect(shown("atlas.calls")).toMatchObject([
      { labels: ["acme/one", "standard", "no-eligible-endpoint", "caller"], value: 1 },
    ]);
    expect(shown("atlas.call.duration")).toMatchObject([{ count: 0 }]);
  });

  test("knows a model by its alias, and calls what the catalogue lacks another", () => {
    const { finished, shown } = start();
    finished(callTo("ONE"), callEndOf([attemptAt(first)]));
    finished(callTo("gpt-9'; DROP TABLE"), refusalOf(new RouterError("model-not-found", "no")));
    expect(shown("atlas.calls").map(({ labels }) => labels[0])).toEqual(["acme/one", "_other"]);
    expect(shown("atlas.rejections")).toEqual([]);
  });

  test("tiers are counted apart", () => {
    const { finished, shown } = start();
    const policy = { ...defaultPolicy, tier: "realtime" } as const;
    finished(callTo("acme/one", { policy }), callEndOf([attemptAt(first)]));
    expect(shown("atlas.plans")).toMatchObject([{ labels: ["realtime", "planned"], value: 1 }]);
  });

  test("points at the call's span when the trace is kept", () => {
    const { finished, shown } = start();
    const trace = exampleTrace({ keep: true });
    finished(callTo("acme/one", { trace }), callEndOf([attemptAt(first)]));
    const mark = {
      traceId: trace.traceId,
      spanId: `${trace.spanPrefix}1`,
      atMs: startedAtMs + 500.3,
    };
    expect(shown("atlas.call.duration")).toMatchObject([
      { exemplars: expect.arrayContaining([{ mark, value: 0.5003 }]) },
    ]);
  });

  test("follows another catalogue", () => {
    const { finished, shown, world } = start();
    finished(callTo("acme/one"), callEndOf([attemptAt(first)]));
    const third = exampleEndpoint("cord/us/two", { model: "acme/two" });
    world.catalog = exampleCatalog([exampleModel("acme/two")], [third]);
    finished(callTo("acme/two"), callEndOf([attemptAt(third)]));
    expect(shown("atlas.calls").map(({ labels }) => labels[0])).toEqual(["acme/one", "acme/two"]);
  });

  test("counts anew what was dropped and came back", () => {
    const { finished, shown, world } = start();
    finished(callTo("acme/one"), callEndOf([attemptAt(first)]));
    world.catalog = exampleCatalog([]);
    expect(shown("atlas.calls")).toHaveLength(1);
    expect(shown("atlas.spend")).toHaveLength(1);
    world.nowMs = 600_000;
    expect(shown("atlas.calls")).toEqual([]);
    expect(shown("atlas.spend")).toEqual([]);
    world.catalog = full;
    finished(callTo("acme/one"), callEndOf([attemptAt(first)]));
    expect(shown("atlas.calls")).toMatchObject([{ value: 1, startedAtMs: 600_000 }]);
    expect(shown("atlas.spend")).toMatchObject([{ value: 0.000039, startedAtMs: 600_000 }]);
  });
});
