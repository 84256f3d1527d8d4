import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { contentTypes, textOf } from "../../../src/metrics/exposition.ts";
import {
  type LabelDefinition,
  labels,
  OVERFLOW,
  prometheusLabelOf,
} from "../../../src/metrics/labels.ts";
import { type MetricDefinition, prometheusNameOf } from "../../../src/metrics/metric-definition.ts";
import { metricTable } from "../../../src/metrics/metric-table.ts";
import { findPrometheus, type PrometheusBinaries } from "../../support/prometheus-binaries.ts";
import { namesIn } from "../../support/prometheus-expression.ts";
import { exampleMetrics, playLoad } from "../../support/prometheus-load.ts";
import { exampleSources } from "../../support/prometheus-sources.ts";

type Rule = {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly annotations?: Readonly<Record<string, string>>;
};

type AlertTests = {
  readonly tests: readonly {
    readonly alert_rule_test: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly unknown[];
    }[];
  }[];
};

type Dashboard = {
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly title: string;
    readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
  }[];
};

const ALERTS = "docs/monitoring/alerts.yaml";
const ALERT_TESTS = [
  "docs/monitoring/alerts.test.yaml",
  "docs/monitoring/alerts-of-hours.test.yaml",
];
const { groups }: { readonly groups: readonly { readonly rules: readonly Rule[] }[] } = parse(
  readFileSync(ALERTS, "utf8"),
);
const rules = groups.flatMap((group) => group.rules);
const alerts = rules.filter(({ alert }) => alert !== undefined);
const { panels }: Dashboard = JSON.parse(
  readFileSync("docs/monitoring/grafana-dashboard.json", "utf8"),
);
const targets = panels.flatMap(({ title, targets: all = [] }) =>
  all.map((target) => ({ title, ...target })),
);

/** Labels of every sample there can be. */
const known = new Map<string, ReadonlySet<string>>();
for (const metric of Object.values(metricTable) as readonly MetricDefinition[]) {
  const names = metric.labels.map((key) => prometheusLabelOf(labels[key] as LabelDefinition));
  for (const { suffix, more } of samplesOf(metric)) {
    known.set(prometheusNameOf(metric) + suffix, new Set(["instance", "job", ...names, ...more]));
  }
}
for (const { record } of rules) {
  known.set(record ?? "", new Set());
}

function samplesOf({ type }: MetricDefinition) {
  switch (type) {
    case "counter":
      return [{ suffix: "_total", more: [] }];
    case "gauge":
      return [{ suffix: "", more: [] }];
    case "histogram":
      return [
        { suffix: "_bucket", more: ["le"] },
        { suffix: "_sum", more: [] },
        { suffix: "_count", more: [] },
      ];
  }
}

function unknownIn(expression: string): readonly string[] {
  const { metrics, matched, grouped } = namesIn(expression);
  const all = new Set(metrics.flatMap((metric) => [...(known.get(metric) ?? [])]));
  return [
    ...metrics.filter((metric) => !known.has(metric)),
    ...matched
      .filter(({ metric, label }) => known.get(metric)?.has(label) !== true)
      .map(({ metric, label }) => `${metric}{${label}}`),
    ...grouped.filter((label) => !all.has(label)),
  ];
}

describe("names in the monitoring documents", () => {
  test("what does not exist is found", () => {
    expect(unknownIn('sum by (nope) (rate(atlas_nope_total{no="1"}[5m]))')).toEqual([
      "atlas_nope_total",
      "atlas_nope_total{no}",
      "nope",
    ]);
    expect(unknownIn('rate(atlas_calls_total{atlas_endpoint="a"}[5m] offset 30m)')).toEqual([
      "atlas_calls_total{atlas_endpoint}",
    ]);
  });

  test.each(rules)("rule $record$alert has metrics and labels that exist", ({ expr }) => {
    expect(namesIn(expr).metrics).not.toHaveLength(0);
    expect(unknownIn(expr)).toEqual([]);
  });

  test.each(targets)("panel $title has metrics and labels that exist", ({ expr }) => {
    expect(namesIn(expr).metrics).not.toHaveLength(0);
    expect(unknownIn(expr)).toEqual([]);
  });

  test.each(targets)("the legend of $title has labels of its expression", (target) => {
    const { metrics, grouped } = namesIn(target.expr);
    const all = [...grouped, ...metrics.flatMap((metric) => [...(known.get(metric) ?? [])])];
    const used = [...target.legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name);
    expect(used.filter((name) => !all.includes(name ?? ""))).toEqual([]);
  });

  test("every alert says what is wrong and what to do", () => {
    expect(alerts.length).toBeGreaterThan(15);
    expect(alerts.filter(({ annotations }) => !annotations?.["summary"])).toEqual([]);
    expect(alerts.filter(({ annotations }) => !annotations?.["action"])).toEqual([]);
  });

  test("every alert is seen to fire", () => {
    const fired = ALERT_TESTS.flatMap((file) => {
      const { tests }: AlertTests = parse(readFileSync(file, "utf8"));
      return tests
        .flatMap(({ alert_rule_test }) => alert_rule_test)
        .flatMap(({ alertname, exp_alerts }) => (exp_alerts.length > 0 ? [alertname] : []));
    });
    expect(alerts.filter(({ alert = "" }) => !fired.includes(alert))).toEqual([]);
  });

  test("values of labels that rules look for are values of theirs", () => {
    const closed = new Map<string, Set<string>>();
    for (const { name, values } of Object.values(labels) as readonly LabelDefinition[]) {
      const there = closed.get(name.replaceAll(".", "_")) ?? new Set<string>();
      const more = typeof values === "string" ? [OVERFLOW] : values;
      closed.set(name.replaceAll(".", "_"), new Set([...there, ...more]));
    }
    const looked = [...rules, ...targets].flatMap(({ expr }) => [
      ...expr.matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"([^"$]*)"/g),
    ]);
    const strange = looked.flatMap(([, label = "", words = ""]) =>
      words.split("|").filter((word) => closed.get(label)?.has(word) !== true),
    );
    expect(looked.length).toBeGreaterThan(10);
    expect(strange).toEqual([]);
  });

  test("no two panels of the dashboard share an id", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  });
});

describe("promtool", () => {
  const run = promisify(execFile);
  let binaries: PrometheusBinaries | undefined;

  beforeAll(async () => {
    binaries = await findPrometheus();
  }, 400_000);

  async function promtool(...args: readonly string[]): Promise<string> {
    const { stdout, stderr } = await run(binaries?.promtool ?? "", args);
    return stdout + stderr;
  }

  /** JSON is YAML. */
  function written(checks: object): string {
    const folder = mkdtempSync(join(tmpdir(), "atlas-promtool-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, "dashboard.test.yaml");
    writeFileSync(file, JSON.stringify(checks));
    return file;
  }

  test("takes the rules", async ({ skip }) => {
    skip(binaries === undefined, "apt-get is not installed");
    expect(await promtool("check", "rules", ALERTS)).toContain(`${rules.length} rules found`);
  });

  test("sees the alerts fire when they should", async ({ skip }) => {
    skip(binaries === undefined, "apt-get is not installed");
    expect(await promtool("test", "rules", ...ALERT_TESTS)).toContain("SUCCESS");
  });

  /** Half of the calls are refused: those have parts, and no duration. */
  test("sees the mean parts of a call add up, whatever became of it", async ({ skip }) => {
    skip(binaries === undefined, "apt-get is not installed");
    const [panel] = targets.filter(({ title }) => title === "Where the time goes");
    const part = (name: string, figure: string) =>
      `atlas_call_latency_seconds_${figure}{atlas_part="${name}",atlas_tier="standard"}`;
    const checks = {
      rule_files: [resolve(ALERTS)],
      evaluation_interval: "1m",
      tests: [
        {
          interval: "1m",
          input_series: [
            { series: part("upstream_first_token", "sum"), values: "0+4x20" },
            { series: part("upstream_first_token", "count"), values: "0+16x20" },
            { series: part("upstream_generation", "sum"), values: "0+8x20" },
            { series: part("upstream_generation", "count"), values: "0+16x20" },
            { series: "atlas_call_duration_seconds_count", values: "0+8x20" },
          ],
          promql_expr_test: [
            {
              expr: panel?.expr.replaceAll("$__rate_interval", "5m"),
              eval_time: "15m",
              exp_samples: [
                { labels: '{atlas_part="upstream_first_token"}', value: 0.25 },
                { labels: '{atlas_part="upstream_generation"}', value: 0.5 },
              ],
            },
          ],
        },
      ],
    };
    expect(await promtool("test", "rules", written(checks))).toContain("SUCCESS");
  });

  test("takes the page", async ({ skip }) => {
    skip(binaries === undefined, "apt-get is not installed");
    const { metrics, endpoints } = exampleMetrics();
    playLoad(metrics, endpoints);
    metrics.attach(exampleSources(endpoints[0].id));
    const child = run(binaries?.promtool ?? "", ["check", "metrics"]);
    child.child.stdin?.end([...textOf(metrics.collect(), "prometheus")].join(""));
    expect(await child).toEqual({ stdout: "", stderr: "" });
    expect(contentTypes.prometheus).toContain("0.0.4");
  });
});
