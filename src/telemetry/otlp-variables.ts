/** The process's variables. */
export type OtelEnv = Readonly<Record<string, string | undefined>>;

export type OtlpSignal = "TRACES" | "METRICS";

export type Variable = { readonly name: string; readonly value: string };

/** The names of one setting of the exporters: that of the signal, which goes first, and that of all signals. */
export function namesOf(signal: OtlpSignal, setting: string): readonly [string, string] {
  return [`OTEL_EXPORTER_OTLP_${signal}_${setting}`, `OTEL_EXPORTER_OTLP_${setting}`];
}

/** The first of them that is set, without spaces around its value; one that is empty is not. */
export function firstSet(env: OtelEnv, names: readonly string[]): Variable | undefined {
  for (const name of names) {
    const value = env[name]?.trim() ?? "";
    if (value !== "") {
      return { name, value };
    }
  }
  return undefined;
}
