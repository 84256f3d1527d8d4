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

const noLogs = (name: string): Unheeded => ({
  name,
  instead: "the log is on standard error and exported nowhere",
  fits: [],
});

/** What is exported when it matters; `ANY`: it matters whatever is. */
type Affected = OtlpSignal | "ANY";

const unheeded: Readonly<Record<Affected, readonly Unheeded[]>> = {
  ANY: [
    { ...noLogs("OTEL_LOGS_EXPORTER"), fits: ["none"] },
    ...[
      "ENDPOINT",
      "PROTOCOL",
      "HEADERS",
      "TIMEOUT",
      "COMPRESSION",
      "CERTIFICATE",
      "CLIENT_CERTIFICATE",
      "CLIENT_KEY",
      "INSECURE",
    ].map((setting) => noLogs(`OTEL_EXPORTER_OTLP_LOGS_${setting}`)),
    noLogs("OTEL_BLRP_SCHEDULE_DELAY"),
    noLogs("OTEL_BLRP_EXPORT_TIMEOUT"),
    noLogs("OTEL_BLRP_MAX_QUEUE_SIZE"),
    noLogs("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE"),
    noLogs("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT"),
    noLogs("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
    {
      name: "OTEL_METRICS_EXEMPLAR_FILTER",
      instead: "/metrics has exemplars of the traces that are kept, and OTLP has none",
      fits: ["trace_based"],
    },
    {
      name: "OTEL_PROPAGATORS",
      instead: "W3C Trace Context is read and passed on, and nothing else",
      fits: ["tracecontext"],
    },
    {
      name: "OTEL_NODE_RESOURCE_DETECTORS",
      instead: "the host and the variables for resources are told, and nothing else",
      fits: ["env,host", "host,env"],
    },
    {
      name: "OTEL_CONFIG_FILE",
      instead: "the environment says where to export, and no file does",
      fits: [],
    },
  ],
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
export function unheededProblemsOf(env: OtelEnv, affected: Affected): readonly string[] {
  return unheeded[affected]
    .filter(({ name, fits }) => {
      const variable = firstSet(env, [name]);
      return variable !== undefined && !fits.includes(variable.value.toLowerCase());
    })
    .map(({ name, instead }) => `${name} is not heeded: ${instead}`);
}
