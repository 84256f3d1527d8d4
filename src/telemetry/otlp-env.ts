/**
 * What the standard `OTEL_*` variables ask for.
 * https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
 */
import { headerOf, isNamed } from "./otlp-headers.ts";
import { firstSet, namesOf, type OtelEnv, type OtlpSignal } from "./otlp-variables.ts";

export type OtlpProtocol = "http/protobuf" | "http/json" | "grpc";

export type OtlpChoice = {
  /** Absent: the signal is not exported. */
  readonly protocol: OtlpProtocol | undefined;
  /** What is wrong with the variables, for the log: without addresses and headers, which hold secrets. */
  readonly problems: readonly string[];
};

const OFF: OtlpChoice = { protocol: undefined, problems: [] };

/**
 * A signal is exported when an address or an exporter is named for it, and not when either the SDK or
 * its exporter is switched off, or its address is none: the SDK would take this machine's in its place, where
 * somebody else may listen. Only `otlp` is known: others would write to the console, where the log
 * is, or have had their day.
 */
export function otlpChoiceOf(env: OtelEnv, signal: OtlpSignal): OtlpChoice {
  const variable = `OTEL_${signal}_EXPORTER`;
  const exporters = listOf(env[variable]);
  const isAddressed = firstSet(env, namesOf(signal, "ENDPOINT")) !== undefined;
  if (isDisabled(env)) {
    return OFF;
  }
  if (exporters.length === 0) {
    return isAddressed ? exportOf(env, signal) : OFF;
  }
  const unknown = exporters.filter((name) => name !== "otlp" && name !== "none");
  const problems = unknown.map((name) => `${variable} names ${quoted(name)}, which is not known`);
  const choice = exporters.includes("otlp") ? exportOf(env, signal) : OFF;
  return { ...choice, problems: [...problems, ...choice.problems] };
}

const HTTP_ADDRESS = "address that begins with http:// or https://";
const GRPC_ADDRESS = "address like host:4317, http://host:4317 or unix:///path";

function exportOf(env: OtelEnv, signal: OtlpSignal): OtlpChoice {
  const { protocol, problems } = protocolOf(env, signal);
  const address = firstSet(env, namesOf(signal, "ENDPOINT"));
  if (address !== undefined && !isAddress(address.value, protocol)) {
    const wanted = protocol === "grpc" ? GRPC_ADDRESS : HTTP_ADDRESS;
    const problem = `${address.name} is no ${wanted}: ${signal.toLowerCase()} are not exported`;
    return { protocol: undefined, problems: [...problems, problem] };
  }
  const unnamed = namesOf(signal, "HEADERS").filter((name) => !listOf(env[name]).every(isSendable));
  const others = [...problems, ...headerProblemsOf(env, signal), ...switchProblemsOf(env)];
  return unnamed.length === 0
    ? { protocol, problems: others }
    : { protocol: undefined, problems: [...others, ...unnamed.map(unnamedProblem(signal))] };
}

const DISABLED = "OTEL_SDK_DISABLED";

/** Nothing is exported, so nothing is missed. */
export function isDisabled(env: OtelEnv): boolean {
  return firstSet(env, [DISABLED])?.value.toLowerCase() === "true";
}

function switchProblemsOf(env: OtelEnv): readonly string[] {
  const { value = "false" } = firstSet(env, [DISABLED]) ?? {};
  return /^(?:true|false)$/iu.test(value)
    ? []
    : [`${DISABLED} is neither true nor false: it is taken for false`];
}

type ProtocolChoice = { readonly protocol: OtlpProtocol; readonly problems: readonly string[] };

function protocolOf(env: OtelEnv, signal: OtlpSignal): ProtocolChoice {
  const { value = "" } = firstSet(env, namesOf(signal, "PROTOCOL")) ?? {};
  switch (value) {
    case "grpc":
    case "http/json":
    case "http/protobuf":
      return { protocol: value, problems: [] };
    case "":
      return { protocol: "http/protobuf", problems: [] };
    default:
      return {
        protocol: "http/protobuf",
        problems: [`the OTLP protocol ${quoted(value)} is not known: http/protobuf is used`],
      };
  }
}

/** By gRPC's rules whatever has no scheme is a host. The SDK tells of schemes that are odd, and leaves them out. */
function isAddress(text: string, protocol: OtlpProtocol): boolean {
  if (protocol !== "grpc") {
    return /^https?:$/u.test(URL.parse(text)?.protocol ?? "");
  }
  const url = URL.parse(/^\w{1,8}:\/\//u.test(text) ? text : `https://${text}`);
  return url !== null && (url.host !== "" || url.protocol === "unix:");
}

/** The exporters leave such an entry out without a word, and the collector tells of a caller it does not know. */
function headerProblemsOf(env: OtelEnv, signal: OtlpSignal): readonly string[] {
  return namesOf(signal, "HEADERS")
    .filter((name) => !listOf(env[name]).every((entry) => headerOf(entry) !== undefined))
    .map((name) => `${name} has an entry that is no name=value, percent-encoded: it is left out`);
}

/** Whatever the exporters do not leave out they hand on, and quote a name that cannot be one. */
function isSendable(entry: string): boolean {
  const header = headerOf(entry);
  return header === undefined || isNamed(header);
}

function unnamedProblem(signal: OtlpSignal): (name: string) => string {
  return (name) =>
    `${name} has an entry without the name of a header before =: ${signal.toLowerCase()} are not exported`;
}

function listOf(text = ""): readonly string[] {
  return text
    .split(",")
    .map((word) => word.trim())
    .filter((word) => word !== "");
}

/** Cut, because it is shown as it was written. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
