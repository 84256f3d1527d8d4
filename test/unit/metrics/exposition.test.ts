import { describe, expect, test } from "vitest";
import { contentTypes, type Exposition, textOf } from "../../../src/metrics/exposition.ts";
import { metricTable } from "../../../src/metrics/metric-table.ts";
import type { Family } from "../../../src/metrics/registry.ts";
import { createHistogramSeries, observe, type Series } from "../../../src/metrics/series.ts";

function family(key: keyof typeof metricTable, ...series: readonly Series[]): Family {
  return { definition: metricTable[key], series: () => series };
}

const number = (value: number, ...labels: readonly string[]) => ({
  labels,
  startedAtMs: 1_500,
  value,
});

function linesOf(families: readonly Family[], format: Exposition = "prometheus") {
  return [...textOf(families, format)].join("").split("\n");
}

describe("textOf()", () => {
  test("writes a counter", () => {
    expect(linesOf([family("relaxations", number(2, "standard", "panic"))])).toEqual([
      "# HELP atlas_relaxations_total Plans that relaxed a rule.",
      "# TYPE atlas_relaxations_total counter",
      'atlas_relaxations_total{atlas_tier="standard",atlas_relaxation="panic"} 2',
      "",
    ]);
  });

  test("writes a counter in OpenMetrics", () => {
    const counter = family("relaxations", number(2, "standard", "panic"));
    expect(linesOf([counter], "openmetrics")).toEqual([
      "# HELP atlas_relaxations Plans that relaxed a rule.",
      "# TYPE atlas_relaxations counter",
      'atlas_relaxations_total{atlas_tier="standard",atlas_relaxation="panic"} 2',
      'atlas_relaxations_created{atlas_tier="standard",atlas_relaxation="panic"} 1.5',
      "# EOF",
      "",
    ]);
  });

  test("writes a gauge with its unit in OpenMetrics", () => {
    expect(linesOf([family("scoreAge", number(1.5))], "openmetrics")).toEqual([
      "# HELP atlas_scores_age_seconds Since the newest report in the scores; left out before any.",
      "# TYPE atlas_scores_age_seconds gauge",
      "# UNIT atlas_scores_age_seconds seconds",
      "atlas_scores_age_seconds 1.5",
      "# EOF",
      "",
    ]);
  });

  test("writes the buckets of a histogram, each with those below it", () => {
    const series = createHistogramSeries(["major"], 1_500, [0.5, 1]);
    for (const value of [0.25, 0.5, 0.75, 4]) {
      observe(series, value);
    }
    expect(linesOf([family("gcDuration", series)]).slice(2)).toEqual([
      'v8js_gc_duration_seconds_bucket{v8js_gc_type="major",le="0.5"} 2',
      'v8js_gc_duration_seconds_bucket{v8js_gc_type="major",le="1.0"} 3',
      'v8js_gc_duration_seconds_bucket{v8js_gc_type="major",le="+Inf"} 4',
      'v8js_gc_duration_seconds_sum{v8js_gc_type="major"} 5.5',
      'v8js_gc_duration_seconds_count{v8js_gc_type="major"} 4',
      "",
    ]);
  });

  test("writes exemplars in OpenMetrics alone", () => {
    const series = createHistogramSeries([""], 1_500, [1]);
    observe(series, 0.25, { traceId: "abc", spanId: "def", atMs: 2_500 });
    observe(series, 2);
    const families = [family("gcDuration", series)];
    expect(linesOf(families, "openmetrics").slice(3)).toEqual([
      'v8js_gc_duration_seconds_bucket{le="1.0"} 1 # {trace_id="abc",span_id="def"} 0.25 2.5',
      'v8js_gc_duration_seconds_bucket{le="+Inf"} 2',
      "v8js_gc_duration_seconds_sum 2.25",
      "v8js_gc_duration_seconds_count 2",
      "v8js_gc_duration_seconds_created 1.5",
      "# EOF",
      "",
    ]);
    expect(linesOf(families).join()).not.toContain("trace_id");
  });

  test("leaves empty labels out and escapes the others", () => {
    const counter = family("relaxations", number(1, "", 'a"b\\c\nd'));
    expect(linesOf([counter])[2]).toBe(
      'atlas_relaxations_total{atlas_relaxation="a\\"b\\\\c\\nd"} 1',
    );
  });

  test.each([
    { value: Number.POSITIVE_INFINITY, text: "+Inf" },
    { value: Number.NEGATIVE_INFINITY, text: "-Inf" },
    { value: Number.NaN, text: "NaN" },
    { value: 1e21, text: "1e+21" },
  ])("writes $text", ({ value, text }) => {
    expect(linesOf([family("scorerLag", number(value))])[2]).toBe(`atlas_scorer_lag ${text}`);
  });

  test("says nothing of a metric without series", () => {
    expect(linesOf([family("scorerLag")])).toEqual([""]);
    expect(linesOf([family("scorerLag")], "openmetrics")).toEqual(["# EOF", ""]);
  });

  test("comes in pieces of bounded size that break between series", () => {
    const endpoints = Array.from({ length: 1_000 }, (_, index) =>
      createHistogramSeries([`type${index}`], 1_500, metricTable.rpcDuration.buckets),
    );
    const pieces = [...textOf([family("gcDuration", ...endpoints)], "prometheus")];
    expect(pieces).toHaveLength(25);
    expect(Math.max(...pieces.map(({ length }) => length))).toBeLessThan(128 * 1_024);
    expect(pieces.every((piece) => piece.endsWith("\n"))).toBe(true);
  });
});

describe("contentTypes", () => {
  test("names the versions that are written", () => {
    expect(contentTypes.prometheus).toContain("version=0.0.4");
    expect(contentTypes.openmetrics).toContain("version=1.0.0");
  });
});
