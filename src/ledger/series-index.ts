import { haveSameLabels, keyOf, keyOfLabels } from "./spend-key.ts";
import type { Series } from "./spend-report.ts";
import { createTally, type Tally } from "./spend-sums.ts";

/** What tells the series of one hour apart; the endpoint's id says its model. */
export type SeriesNames = Omit<Series, "tally">;

/** Finds the tally that a call goes into. */
export type SeriesIndex = (names: SeriesNames) => Tally;

/** Ids, names and some ten labels. Longer ones would make the memory of an hour the caller's affair. */
const MAX_KEY_CHARS = 1_024;

/** Adds new series to `series` until there are `limit`; whatever has none goes into `other`. */
export function createSeriesIndex(
  { series, other }: { readonly series: Series[]; readonly other: Tally },
  limit: number,
): SeriesIndex {
  const byKey = new Map<string, Series>();
  /** The next call of an endpoint is mostly of the same series, and comparing spares it the key. */
  const lastOfEndpoint = new Map<string, Series>();
  return (names) => {
    const { endpoint, tier, application, operation, labels } = names;
    const last = lastOfEndpoint.get(endpoint);
    if (last !== undefined && isSame(last, names)) {
      return last.tally;
    }
    const key = keyOf([endpoint, tier, application, operation]) + keyOfLabels(labels);
    let found = byKey.get(key);
    if (found === undefined) {
      if (series.length >= limit || key.length > MAX_KEY_CHARS) {
        return other;
      }
      found = { ...names, tally: createTally() };
      byKey.set(key, found);
      series.push(found);
    }
    lastOfEndpoint.set(endpoint, found);
    return found.tally;
  };
}

function isSame(last: SeriesNames, { tier, application, operation, labels }: SeriesNames): boolean {
  return (
    last.tier === tier &&
    last.application === application &&
    last.operation === operation &&
    haveSameLabels(last.labels, labels)
  );
}
