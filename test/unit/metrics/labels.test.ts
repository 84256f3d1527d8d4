import { describe, expect, test } from "vitest";
import { type LabelDefinition, labels, prometheusLabelOf } from "../../../src/metrics/labels.ts";

const all: readonly LabelDefinition[] = Object.values(labels);

describe("labels", () => {
  test.each(all)("$name is a name in Prometheus once its dots are underscores", (label) => {
    expect(prometheusLabelOf(label)).toMatch(/^[a-z][a-z0-9_]*$/);
  });

  test.each(all)("$name has values and a meaning", ({ values, meaning }) => {
    expect(values.length).toBeGreaterThan(0);
    expect(meaning).toMatch(/\.$/);
  });

  test("no value that a list has could be taken for none, for another or for the overflow", () => {
    const listed = all.flatMap(({ values }) => (typeof values === "string" ? [] : values));
    expect(listed.filter((value) => value === "" || value.startsWith("_"))).toEqual([]);
  });
});
