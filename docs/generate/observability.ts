/**
 * The generated parts of docs/observability.md, from the tables that the code itself goes by. A test
 * compares; `npm run generate` writes.
 */
import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { configKeys } from "../../src/config/describe-keys.ts";
import { type LabelDefinition, labels, prometheusLabelOf } from "../../src/metrics/labels.ts";
import { type MetricDefinition, prometheusNameOf } from "../../src/metrics/metric-definition.ts";
import { metricTable } from "../../src/metrics/metric-table.ts";
import { attributeTable } from "../../src/trace/attribute-table.ts";
import type { AttributeDefinition } from "../../src/trace/gen-ai-attributes.ts";
import { type SpanDefinition, spanTable } from "../../src/trace/span-table.ts";
import { code, codes, linked, tableOf, withBlocks } from "./generated-blocks.ts";

export const OBSERVABILITY = new URL("../observability.md", import.meta.url);

const ALERTS = new URL("../monitoring/alerts.yaml", import.meta.url);

/** docs/observability.md as it should be, from what it is. */
export function observabilityOf(document: string): string {
  return withBlocks(document, {
    spans: spansText(),
    attributes: attributesText(),
    metrics: metricsText(),
    labels: labelsText(),
    buckets: bucketsText(),
    alerts: alertsText(),
    keys: keysText(),
  });
}

const spans: readonly (readonly [string, SpanDefinition])[] = Object.entries(spanTable);
const attributes: readonly (readonly [string, AttributeDefinition])[] =
  Object.entries(attributeTable);
const attributesById: Readonly<Record<string, AttributeDefinition>> = attributeTable;
const metrics: readonly MetricDefinition[] = Object.values(metricTable);
const labelsByKey: Readonly<Record<string, LabelDefinition>> = labels;

function spansText(): string {
  const nameOf = (key: string) => spans.find(([id]) => id === key)?.[1].name;
  const parentOf = ({ parent }: SpanDefinition) =>
    parent.replace(/^\w+/, (key) => {
      const name = nameOf(key);
      return name === undefined ? key : code(name);
    });
  const overview = tableOf(
    ["span", "kind", "parent", "when"],
    spans.map(([, span]) => [code(span.name), span.kind, parentOf(span), span.when]),
  );
  const details = tableOf(
    ["span", "attributes", "events"],
    spans.map(([, span]) => [
      code(span.name),
      codes(span.attributes.map((id) => attributesById[id]?.key ?? id)),
      span.events.map(({ name, meaning }) => `${code(name)}: ${meaning}`).join(" "),
    ]),
  );
  return `${overview}\n\n${details}`;
}

function attributesText(): string {
  return tableOf(
    ["attribute", "with the newer names", "type", "unit", "meaning"],
    attributes.map(([, { key, latestKey = "", type, unit = "", meaning, convention }]) => [
      linked(code(key), convention),
      code(latestKey),
      type,
      unit,
      meaning,
    ]),
  );
}

function metricsText(): string {
  const rowOf = (metric: MetricDefinition) => [
    linked(code(metric.name), metric.convention),
    samplesOf(metric).map(code).join("<br>"),
    metric.type,
    metric.unit,
    codes(metric.labels.map((key) => prometheusLabelOf(labels[key]))),
    metric.meaning,
  ];
  const head = ["OpenTelemetry", "Prometheus", "type", "unit", "labels", "meaning"];
  const table = (names: MetricDefinition["names"]) =>
    tableOf(head, metrics.filter((metric) => metric.names === names).map(rowOf));
  return [
    table(undefined),
    "With the names of version 1.41, the default:",
    table("v1.41"),
    "With `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental`, in place of those:",
    table("latest"),
  ].join("\n\n");
}

function samplesOf(metric: MetricDefinition): readonly string[] {
  const name = prometheusNameOf(metric);
  switch (metric.type) {
    case "counter":
      return [`${name}_total`];
    case "gauge":
      return [name];
    case "histogram":
      return ["_bucket", "_sum", "_count"].map((suffix) => name + suffix);
  }
}

/** What stands for values of the catalogue or of the services. */
const sources: Readonly<Record<Extract<LabelDefinition["values"], string>, string>> = {
  model: "models of the serving catalogue",
  endpoint: "endpoints of the serving catalogue",
  provider: "providers of the serving catalogue",
  method: "methods that are served",
};

function labelsText(): string {
  return tableOf(
    ["label", "of", "meaning", "values"],
    Object.entries(labelsByKey).map(([key, label]) => [
      code(prometheusLabelOf(label)),
      usersOf(key),
      label.meaning,
      typeof label.values === "string" ? sources[label.values] : codes(label.values),
    ]),
  );
}

function usersOf(key: string): string {
  const users = metrics.filter((metric) => metric.labels.some((label) => label === key));
  return users.length > 3 ? `${users.length} metrics` : codes(users.map(({ name }) => name));
}

function bucketsText(): string {
  const byBounds = new Map<string, string[]>();
  for (const { buckets, name } of metrics) {
    if (buckets !== undefined) {
      const bounds = buckets.join(", ");
      byBounds.set(bounds, [...(byBounds.get(bounds) ?? []), name]);
    }
  }
  return tableOf(
    ["histograms", "upper bounds of the buckets; the last has none"],
    [...byBounds].map(([bounds, names]) => [codes(names), bounds]),
  );
}

type Rule = {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: { readonly severity?: string };
  readonly annotations?: { readonly summary?: string; readonly action?: string };
};

function alertsText(): string {
  // Its layout is what promtool checks.
  const file = parse(readFileSync(ALERTS, "utf8")) as { groups: readonly { rules: Rule[] }[] };
  const rules = file.groups.flatMap((group) => group.rules);
  const alerts = rules.filter(({ alert }) => alert !== undefined);
  const overview = tableOf(
    ["alert", "severity", "means"],
    alerts.map((rule) => [
      `[${rule.alert}](#${rule.alert?.toLowerCase()})`,
      rule.labels?.severity ?? "",
      summaryOf(rule),
    ]),
  );
  const recorded = rules.filter(({ record }) => record !== undefined);
  return [
    overview,
    ...alerts.map(alertText),
    "### Recorded for the alerts",
    promql(recorded.map(({ record, expr }) => `${record} = ${expr}`).join("\n")),
  ].join("\n\n");
}

function alertText(rule: Rule): string {
  const { alert, expr, labels: { severity } = {}, annotations: { action } = {} } = rule;
  const lasts = rule.for === undefined ? "at once" : `after ${rule.for}`;
  return [
    `### ${alert}`,
    `**${severity}**, ${lasts}. ${summaryOf(rule)}`,
    `What to do: ${action}`,
    promql(expr),
  ].join("\n\n");
}

function promql(text: string): string {
  return `\`\`\`promql\n${text}\n\`\`\``;
}

/** Prometheus fills in what stands in braces. */
function summaryOf({ annotations }: Rule): string {
  return (annotations?.summary ?? "")
    .replaceAll(/\{\{ \$value[^}]*\}\}/g, "{value}")
    .replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, "{$1}");
}

function keysText(): string {
  return tableOf(
    ["key", "default", "range", "takes effect", "meaning"],
    configKeys()
      .filter(({ path }) => path.startsWith("telemetry.") || path.startsWith("log."))
      .map((key) => [
        code(key.path),
        code(key.default),
        key.range,
        key.restart ? "restart" : "reload",
        key.meaning ?? "",
      ]),
  );
}
