import { describe, expect, test } from "vitest";
import { type LabelDefinition, labels } from "../../../src/metrics/labels.ts";
import { type MetricDefinition, prometheusNameOf } from "../../../src/metrics/metric-definition.ts";
import { metricsWith, metricTable } from "../../../src/metrics/metric-table.ts";

const rows: readonly MetricDefinition[] = Object.values(metricTable);

describe("metricTable", () => {
  test("no two metrics share a name, in OpenTelemetry or in Prometheus", () => {
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    expect(new Set(rows.map(prometheusNameOf)).size).toBe(rows.length);
  });

  test.each(rows)("$name has a name in Prometheus and a meaning", (row) => {
    expect(prometheusNameOf(row)).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(row.meaning).toMatch(/^\S.*\.$/s);
  });

  test.each(rows)("$name has buckets if it is a histogram, and else none", (row) => {
    expect(row.buckets !== undefined).toBe(row.type === "histogram");
  });

  test.each(rows)("no two labels of $name share a name", (row) => {
    const names = row.labels.map((key) => (labels[key] as LabelDefinition).name);
    expect(new Set(names).size).toBe(names.length);
  });

  test.each(rows)("$name is ours, or says which convention it follows", ({ name, convention }) => {
    expect(name.startsWith("atlas.")).toBe(convention === undefined);
  });
});

describe("metricsWith()", () => {
  const namesOf = (names: "v1.41" | "latest") => metricsWith(names).map(([, { name }]) => name);

  test("has the metrics of one version of the GenAI conventions and all others", () => {
    expect(namesOf("v1.41")).toContain("gen_ai.client.operation.duration");
    expect(namesOf("v1.41")).not.toContain("gen_ai.client.inference.duration");
    expect(namesOf("latest")).toContain("gen_ai.client.inference.duration");
    expect(namesOf("latest")).not.toContain("gen_ai.client.operation.duration");
    expect(namesOf("latest")).toContain("atlas.calls");
  });
});
