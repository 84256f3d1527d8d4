/**
 * What the standard `OTEL_*` variables ask for.
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */

export type OtelEnv = Readonly<Record<string, string | undefined>>;

export type OtlpProtocol = "http/protobuf" | "http/json" | "grpc";

export type OtlpSignal = "TRACES" | "METRICS";

export type OtlpChoice = {
  /** Absent: the signal is not exported. */
  readonly protocol: OtlpProtocol | undefined;
  /** What is wrong with the variables, for the log. */
  readonly problems: readonly string[];
};

const OFF: OtlpChoice = { protocol: undefined, problems: [] };

/**
 * A signal is exported when an address or an exporter is named for it, and not when either the SDK or
 * its exporter is switched off. Only `otlp` is known: others would write to the console, where the log
 * is, or have had their day.
 */
export function otlpChoiceOf(env: OtelEnv, signal: OtlpSignal): OtlpChoice {
  const variable = `OTEL_${signal}_EXPORTER`;
  const exporters = listOf(env[variable]);
  const isAddressed =
    isSet(env["OTEL_EXPORTER_OTLP_ENDPOINT"]) ||
    isSet(env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`]);
  if (env["OTEL_SDK_DISABLED"]?.trim().toLowerCase() === "true") {
    return OFF;
  }
  if (exporters.length === 0) {
    return isAddressed ? protocolOf(env, signal) : OFF;
  }
  const unknown = exporters.filter((name) => name !== "otlp" && name !== "none");
  const problems = unknown.map((name) => `${variable} names ${quoted(name)}, which is not known`);
  const choice = exporters.includes("otlp") ? protocolOf(env, signal) : OFF;
  return { ...choice, problems: [...problems, ...choice.problems] };
}

function protocolOf(env: OtelEnv, signal: OtlpSignal): OtlpChoice {
  const own = env[`OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`];
  const name = (isSet(own) ? own : env["OTEL_EXPORTER_OTLP_PROTOCOL"])?.trim() ?? "";
  switch (name) {
    case "grpc":
    case "http/json":
    case "http/protobuf":
      return { protocol: name, problems: [] };
    case "":
      return { protocol: "http/protobuf", problems: [] };
    default:
      return {
        protocol: "http/protobuf",
        problems: [`the OTLP protocol ${quoted(name)} is not known: http/protobuf is used`],
      };
  }
}

const SECRET_VARIABLES = [
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
  "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
];

const ADDRESS_VARIABLES = [
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
];

/** Values that no log line may hold: those of the headers for the collector, and passwords in its address. */
export function otlpSecretsOf(env: OtelEnv): readonly string[] {
  const values = SECRET_VARIABLES.flatMap((name) => headerValuesOf(env[name] ?? ""));
  const passwords = ADDRESS_VARIABLES.flatMap((name) => passwordOf(env[name] ?? ""));
  return [...new Set([...values, ...passwords])];
}

/** `name=value,name=value`, percent-encoded: each as it stands, decoded, and without its scheme. */
function headerValuesOf(headers: string): readonly string[] {
  return headers.split(",").flatMap((pair) => {
    const written = pair.slice(pair.indexOf("=") + 1).trim();
    const decoded = decodedOf(written);
    return [written, decoded, decoded.replace(/^\S+\s+/, "")].filter((value) => value !== "");
  });
}

function decodedOf(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function passwordOf(address: string): readonly string[] {
  const { password = "" } = URL.canParse(address) ? new URL(address) : {};
  return password === "" ? [] : [password, decodedOf(password)];
}

function listOf(text = ""): readonly string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

function isSet(text: string | undefined): text is string {
  return text !== undefined && text.trim() !== "";
}

/** Cut, because it is shown as it was written. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
