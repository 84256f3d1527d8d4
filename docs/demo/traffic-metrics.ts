/** Values of one page of `/metrics`, by name with labels. */
export type MetricsPage = ReadonlyMap<string, number>;

export async function readMetrics(url: string): Promise<MetricsPage> {
  const response = await fetch(url);
  const lines = (await response.text()).split("\n").filter((line) => /^\w/.test(line));
  return new Map(
    lines.map((line) => {
      const [, series = "", value = ""] = /^(\w+(?:\{.*\})?) (\S+)/.exec(line) ?? [];
      return [series, Number(value)];
    }),
  );
}

export type FailedAttempts = {
  readonly endpoint: string;
  readonly outcome: string;
  readonly count: number;
};

/** By how much the counts of attempts that did not succeed have grown. */
export function failedBetween(before: MetricsPage, after: MetricsPage): readonly FailedAttempts[] {
  return [...after].flatMap(([series, value]) => {
    const count = value - (before.get(series) ?? 0);
    const outcome = labelOf(series, "outcome");
    return series.startsWith("atlas_attempts_total{") && outcome !== "success" && count > 0
      ? { endpoint: labelOf(series, "endpoint"), outcome, count }
      : [];
  });
}

function labelOf(series: string, name: string): string {
  return new RegExp(`[{,]\\w*${name}="([^"]*)"`).exec(series)?.[1] ?? "";
}
