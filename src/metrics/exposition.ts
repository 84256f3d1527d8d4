import { type LabelDefinition, labels, prometheusLabelOf } from "./labels.ts";
import { type MetricDefinition, prometheusNameOf, prometheusUnitOf } from "./metric-definition.ts";
import type { Family } from "./registry.ts";
import type { Exemplar, HistogramSeries, Series } from "./series.ts";

/** The two text formats that Prometheus reads. Only the second has exemplars. */
export type Exposition = "prometheus" | "openmetrics";

/**
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 * https://github.com/prometheus/OpenMetrics/blob/v1.0.0/specification/OpenMetrics.md
 */
export const contentTypes: Readonly<Record<Exposition, string>> = {
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
};

/** Series in one piece: a fraction of a millisecond, and some 50 KB, histograms among them. */
const SERIES_PER_PIECE = 40;

/** The page in pieces, so that whoever writes it can let others work in between. */
export function* textOf(families: readonly Family[], format: Exposition): Iterable<string> {
  let piece = "";
  let series = 0;
  for (const family of families) {
    const writer = writerOf(family.definition, format);
    let head = writer.head;
    for (const one of family.series()) {
      piece += head + writer.write(one);
      head = "";
      series += 1;
      if (series % SERIES_PER_PIECE === 0) {
        yield piece;
        piece = "";
      }
    }
    if (piece !== "") {
      yield piece;
      piece = "";
    }
  }
  if (format === "openmetrics") {
    yield "# EOF\n";
  }
}

type Writer = { readonly head: string; readonly write: (series: Series) => string };

function writerOf(definition: MetricDefinition, format: Exposition): Writer {
  const name = prometheusNameOf(definition);
  const names = definition.labels.map((key) => prometheusLabelOf(labels[key] as LabelDefinition));
  return {
    head: headOf(definition, name, format),
    write(series) {
      const pairs = pairsOf(names, series.labels);
      if ("counts" in series) {
        return histogramLines({ name, pairs, format }, series);
      }
      const sample = definition.type === "counter" ? `${name}_total` : name;
      const created = format === "openmetrics" && definition.type === "counter";
      return (
        `${sample}${inBraces(pairs)} ${numberOf(series.value)}\n` +
        (created ? createdLine({ name, pairs, format }, series.startedAtMs) : "")
      );
    },
  };
}

function headOf({ type, unit, meaning }: MetricDefinition, name: string, format: Exposition) {
  // Without a suffix in OpenMetrics, where the family has none; with it in the older format.
  const family = format === "prometheus" && type === "counter" ? `${name}_total` : name;
  const unitName = prometheusUnitOf(unit);
  const unitLine =
    format === "openmetrics" && unitName !== "" ? `# UNIT ${family} ${unitName}\n` : "";
  const help = meaning.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return `# HELP ${family} ${help}\n# TYPE ${family} ${type}\n${unitLine}`;
}

type Sample = { readonly name: string; readonly pairs: string; readonly format: Exposition };

function histogramLines(sample: Sample, series: HistogramSeries): string {
  const { name, pairs, format } = sample;
  const { bounds, counts, exemplars, sum } = series;
  const prefix = `${name}_bucket{${pairs}${pairs === "" ? "" : ","}le="`;
  let cumulative = 0;
  let text = "";
  for (let bucket = 0; bucket < counts.length; bucket += 1) {
    cumulative += counts[bucket] as number;
    const exemplar = format === "openmetrics" ? exemplars[bucket] : undefined;
    const bound = bucket < bounds.length ? boundOf(bounds[bucket] as number) : "+Inf";
    text += `${prefix}${bound}"} ${cumulative}${exemplar === undefined ? "" : exemplarOf(exemplar)}\n`;
  }
  const braces = inBraces(pairs);
  text += `${name}_sum${braces} ${numberOf(sum)}\n${name}_count${braces} ${cumulative}\n`;
  return format === "openmetrics" ? text + createdLine(sample, series.startedAtMs) : text;
}

function createdLine({ name, pairs }: Sample, startedAtMs: number): string {
  return `${name}_created${inBraces(pairs)} ${startedAtMs / 1_000}\n`;
}

/**
 * OpenMetrics writes bounds as floats, `1.0`; so does the older format here, because a bound is part of
 * a series' name, which must not depend on the format of the scrape.
 */
function boundOf(bound: number): string {
  return Number.isInteger(bound) ? `${bound}.0` : String(bound);
}

function exemplarOf({ mark, value }: Exemplar): string {
  return ` # {trace_id="${mark.traceId}",span_id="${mark.spanId}"} ${value} ${mark.atMs / 1_000}`;
}

function inBraces(pairs: string): string {
  return pairs === "" ? "" : `{${pairs}}`;
}

function pairsOf(names: readonly string[], values: readonly string[]): string {
  let pairs = "";
  for (let index = 0; index < names.length; index += 1) {
    const value = values[index] as string;
    if (value !== "") {
      pairs += `${pairs === "" ? "" : ","}${names[index]}="${escaped(value)}"`;
    }
  }
  return pairs;
}

const SPECIAL = /[\\"\n]/g;

function escaped(value: string): string {
  return value.replace(SPECIAL, (character) => (character === "\n" ? "\\n" : `\\${character}`));
}

function numberOf(value: number): string {
  if (Number.isFinite(value)) {
    return String(value);
  }
  if (Number.isNaN(value)) {
    return "NaN";
  }
  return value > 0 ? "+Inf" : "-Inf";
}
