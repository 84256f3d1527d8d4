import { decodedOf, isNamed, nameIn } from "./otlp-headers.ts";
import type { OtelEnv } from "./otlp-variables.ts";

const HEADER_VARIABLES = [
  "OTEL_EXPORTER_OTLP_HEADERS",
  "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
  "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
];

const ADDRESS_VARIABLES = [
  "OTEL_EXPORTER_OTLP_ENDPOINT",
  "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
  "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
];

/**
 * Values that no log line may hold: those of the headers for the collector, and the credentials in its
 * address. The longest come first, so that none is cut in two by another that is part of it.
 */
export function otlpSecretsOf(env: OtelEnv): readonly string[] {
  const values = HEADER_VARIABLES.flatMap((name) => headerSecretsOf(env[name] ?? ""));
  const credentials = ADDRESS_VARIABLES.flatMap((name) => credentialsOf(env[name] ?? ""));
  const secrets = new Set([...values, ...credentials].filter((secret) => secret !== ""));
  return [...secrets].sort((left, right) => right.length - left.length);
}

/** `name=value,name=value`, percent-encoded: each as it stands, decoded, as it is sent, and without its scheme. */
function headerSecretsOf(headers: string): readonly string[] {
  return headers.split(",").flatMap((entry) => {
    const name = nameIn(entry);
    const written = entry.slice(entry.indexOf("=") + 1).trim();
    const decoded = decodedOf(written);
    // What is behind a semicolon is taken for a property, as in baggage, and left out.
    const sent = decodedOf(written.split(";", 1).join("").trim());
    const mistyped = isNamed({ name: decodedOf(name), value: sent })
      ? []
      : [entry.trim(), name].flatMap(spellingsOf);
    return [written, decoded, sent, withoutFirstWord(sent), ...mistyped];
  });
}

/** Of `authorization: Bearer c2VjcmV0` the token as well. Over gRPC names are written small. */
function spellingsOf(text: string): readonly string[] {
  return [text, decodedOf(text)]
    .flatMap((whole) => {
      const rest = withoutFirstWord(whole);
      return [whole, rest, withoutFirstWord(rest)];
    })
    .flatMap((spelling) => [spelling, spelling.toLowerCase()]);
}

function withoutFirstWord(text: string): string {
  return text.replace(/^\S+\s+/, "");
}

/**
 * The password in `name:password@`, and a name without one, which is a token then. Whatever cannot be parsed is
 * looked through as well: just such addresses are talked about.
 */
function credentialsOf(address: string): readonly string[] {
  const url = URL.parse(address);
  const [, name = "", password = ""] =
    url === null || url.host === ""
      ? (/^(?:\s*\w+:\/\/)?([^:]*):?(.*)@/su.exec(address) ?? [])
      : ["", url.username, url.password];
  const secret = password === "" ? name : password;
  return [secret, decodedOf(secret)];
}
