import { firstSet, type OtelEnv, type OtlpSignal } from "./otlp-variables.ts";

type Unheeded = {
  readonly name: string;
  /** What is done whatever the variable says. */
  readonly instead: string;
  /** Values that ask for just that; others are told of. */
  readonly fits: readonly string[];
};

const noLimit = (name: string): Unheeded => ({
  name,
  instead: "spans have the limits that are documented",
  fits: [],
});

const unheeded: Readonly<Record<OtlpSignal, readonly Unheeded[]>> = {
  TRACES: [
    noLimit("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
    noLimit("OTEL_ATTRIBUTE_COUNT_LIMIT"),
    noLimit("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
    noLimit("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"),
    noLimit("OTEL_SPAN_EVENT_COUNT_LIMIT"),
    noLimit("OTEL_SPAN_LINK_COUNT_LIMIT"),
    noLimit("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT"),
    noLimit("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT"),
  ],
  METRICS: [
    {
      name: "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
      instead: "sums and histograms are cumulative",
      fits: ["cumulative"],
    },
    {
      name: "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
      instead: "buckets of histograms are fixed",
      fits: ["explicit_bucket_histogram"],
    },
  ],
};

/** Standard variables that ask for what this program does not do, told because whoever set them counts on it. */
export function unheededProblemsOf(env: OtelEnv, signal: OtlpSignal): readonly string[] {
  return unheeded[signal]
    .filter(({ name, fits }) => {
      const variable = firstSet(env, [name]);
      return variable !== undefined && !fits.includes(variable.value.toLowerCase());
    })
    .map(({ name, instead }) => `${name} is not heeded: ${instead}`);
}
