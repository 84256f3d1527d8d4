import { describe, expect, test } from "vitest";
import type { GenAiNames } from "../../../src/metrics/metric-definition.ts";
import { createAttemptRecorder } from "../../../src/metrics/record-attempts.ts";
import { createRegistry } from "../../../src/metrics/registry.ts";
import { figuresOf } from "../../../src/metrics/sources.ts";
import { exampleCatalog, exampleModel } from "../../support/example-catalog.ts";
import { exampleEndpoint, exampleTrace } from "../../support/examples.ts";
import { attemptAt, failureOf, observationOf } from "../../support/prometheus-load.ts";

const endpoint = exampleEndpoint("azure/eu/one");
const full = exampleCatalog([exampleModel("acme/one")], [endpoint]);

function start(names: GenAiNames = "v1.41") {
  const world = { nowMs: 0, catalog: full };
  const registry = createRegistry({
    nowMs: () => world.nowMs,
    catalog: () => world.catalog,
    providerName: (id) => `${id}.ai`,
    names,
    rpcMethods: [],
  });
  const observe = createAttemptRecorder({ registry, names, providerName: (id) => `${id}.ai` });
  const shown = (name: string) =>
    registry
      .collect(figuresOf({}))
      .filter(({ definition }) => definition.name === name)
      .flatMap(({ series }) => [...series()]);
  return { observe, shown, world };
}

const ours = ["chat", "azure.ai", "acme/one"];

describe("createAttemptRecorder()", () => {
  test("counts an attempt by endpoint and outcome", () => {
    const { observe, shown } = start();
    observe(observationOf(attemptAt(endpoint)));
    observe(observationOf(attemptAt(endpoint)));
    observe(observationOf(attemptAt(endpoint, failureOf("overloaded"))));
    expect(shown("atlas.attempts")).toMatchObject([
      { labels: ["acme/one", "azure/eu/one", "azure.ai", "success"], value: 2 },
      { labels: ["acme/one", "azure/eu/one", "azure.ai", "overloaded"], value: 1 },
    ]);
  });

  test("has a success to count at 0 before there is one: a rate is blind to a first count", () => {
    const { observe, shown } = start();
    observe(observationOf(attemptAt(endpoint, failureOf("overloaded"))));
    expect(shown("atlas.attempts")).toMatchObject([
      { labels: ["acme/one", "azure/eu/one", "azure.ai", "success"], value: 0 },
      { labels: ["acme/one", "azure/eu/one", "azure.ai", "overloaded"], value: 1 },
    ]);
  });

  test("times an attempt as the GenAI conventions have it", () => {
    const { observe, shown } = start();
    observe(observationOf(attemptAt(endpoint)));
    expect(shown("gen_ai.client.operation.duration")).toMatchObject([
      { labels: [...ours, ""], sum: 0.5, count: 1, exemplars: [] },
    ]);
    expect(shown("gen_ai.client.operation.time_to_first_chunk")).toMatchObject([
      { labels: [...ours, ""], sum: 0.1, count: 1 },
    ]);
    // 390 ms between the first and the last of 40 tokens.
    expect(shown("gen_ai.client.operation.time_per_output_chunk")).toMatchObject([
      { labels: [...ours, ""], sum: 0.01, count: 1 },
    ]);
    expect(shown("gen_ai.client.token.usage")).toMatchObject([
      { labels: [...ours, "input"], sum: 120, count: 1 },
      { labels: [...ours, "output"], sum: 50, count: 1 },
    ]);
  });

  test("names the failure", () => {
    const { observe, shown } = start();
    observe(observationOf(attemptAt(endpoint, failureOf("overloaded"))));
    expect(shown("gen_ai.client.operation.duration")).toMatchObject([
      { labels: [...ours, "overloaded"], count: 1 },
    ]);
    expect(shown("gen_ai.client.operation.time_to_first_chunk")).toEqual([]);
    expect(shown("gen_ai.client.token.usage")).toEqual([]);
  });

  test("does not time what came whole by its chunks", () => {
    const { observe, shown } = start();
    const whole = { streamed: false, generationMs: undefined };
    observe(observationOf(attemptAt(endpoint), whole));
    expect(shown("gen_ai.client.operation.time_to_first_chunk")).toEqual([]);
    expect(shown("gen_ai.client.operation.time_per_output_chunk")).toEqual([]);
  });

  test.each([
    { name: "7 tokens", measured: { generatedTokens: 7 } },
    {
      name: "99 tokens that were read at once",
      measured: { generationMs: 8, generatedTokens: 99 },
    },
  ])("says nothing of the time between $name", ({ measured }) => {
    const { observe, shown } = start();
    observe(observationOf(attemptAt(endpoint), measured));
    expect(shown("gen_ai.client.operation.time_to_first_chunk")).toHaveLength(1);
    expect(shown("gen_ai.client.operation.time_per_output_chunk")).toEqual([]);
  });

  test("points at the attempt's span when the trace is kept", () => {
    const { observe, shown } = start();
    const trace = exampleTrace({ keep: true });
    const attempt = attemptAt(endpoint, undefined, { number: 2 });
    observe(observationOf(attempt, { trace, endedAtMs: 77 }));
    const mark = { traceId: trace.traceId, spanId: `${trace.spanPrefix}4`, atMs: 77 };
    expect(shown("gen_ai.client.operation.duration")).toMatchObject([
      { exemplars: expect.arrayContaining([{ mark, value: 0.5 }]) },
    ]);
  });

  test("uses the names in development when it is told to", () => {
    const { observe, shown } = start("latest");
    observe(observationOf(attemptAt(endpoint)));
    const inference = (name: string) => shown(`gen_ai.client.inference.${name}`);
    expect(inference("duration")).toMatchObject([{ labels: [...ours, ""], sum: 0.5 }]);
    expect(inference("time_to_first_chunk")).toMatchObject([{ sum: 0.1 }]);
    expect(inference("time_per_output_chunk")).toMatchObject([{ sum: 0.01 }]);
    expect(inference("usage.input_tokens")).toMatchObject([{ labels: ours, value: 120 }]);
    expect(inference("usage.output_tokens")).toMatchObject([{ value: 50 }]);
    expect(inference("usage.cache_read.input_tokens")).toMatchObject([{ value: 20 }]);
    expect(inference("usage.cache_write.input_tokens")).toMatchObject([{ value: 0 }]);
    expect(inference("usage.reasoning.output_tokens")).toMatchObject([{ value: 10 }]);
    expect(inference("operation.input_tokens")).toMatchObject([{ sum: 120, count: 1 }]);
    expect(inference("operation.output_tokens")).toMatchObject([{ sum: 50, count: 1 }]);
    expect(shown("gen_ai.client.token.usage")).toEqual([]);
  });

  test("calls that end after their endpoint was dropped are counted as of another", () => {
    const { observe, shown, world } = start();
    observe(observationOf(attemptAt(endpoint)));
    world.catalog = exampleCatalog([exampleModel("acme/one")]);
    shown("atlas.attempts");
    world.nowMs = 600_000;
    expect(shown("atlas.attempts")).toEqual([]);
    observe(observationOf(attemptAt(endpoint)));
    expect(shown("atlas.attempts")).toMatchObject([
      { labels: ["acme/one", "_other", "_other", "success"], value: 1 },
    ]);
  });
});
