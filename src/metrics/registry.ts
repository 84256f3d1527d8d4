import { type CatalogueValuesOptions, createCatalogueValues } from "./catalogue-values.ts";
import { createInstrument, type Instrument } from "./instrument.ts";
import type { GenAiNames, MetricDefinition } from "./metric-definition.ts";
import { type MetricKey, metricsWith, metricTable } from "./metric-table.ts";
import {
  createHistogramSeries,
  createNumberSeries,
  type HistogramSeries,
  type NumberSeries,
  type Series,
} from "./series.ts";
import type { Figures } from "./sources.ts";

/** One metric. Its series are read, and swept of what is gone, when they are walked. */
export type Family = {
  readonly definition: MetricDefinition;
  readonly series: () => Iterable<Series>;
};

/** What a callback reads: label values in the order of the metric, and the figure. */
export type Reading = { readonly labels: readonly string[]; readonly value: number };

type KeysOf<Type extends MetricDefinition["type"]> = {
  [Key in MetricKey]: (typeof metricTable)[Key]["type"] extends Type ? Key : never;
}[MetricKey];

export type CounterKey = KeysOf<"counter">;
export type HistogramKey = KeysOf<"histogram">;
export type ReadKey = KeysOf<"counter" | "gauge">;

/** All metrics of the process that exist with one set of names. */
export type Registry = {
  counter(key: CounterKey): Instrument<NumberSeries>;
  histogram(key: HistogramKey): Instrument<HistogramSeries>;
  /**
   * Has the metric read whenever it is walked, from the figures of the collection. Label values are taken
   * as they are, so they must be the label's own. Readings that throw leave the metric out.
   */
  read(key: ReadKey, read: (figures: Figures) => Iterable<Reading>): void;
  /** Grows when series may have been dropped or named anew: series that were kept have to be looked up again. */
  generation(): number;
  /** In the order of the table. Some have no series yet. All are read from the same figures. */
  collect(figures: Figures): readonly Family[];
};

export type RegistryOptions = CatalogueValuesOptions & {
  readonly nowMs: () => number;
  readonly names: GenAiNames;
  /** Of the services that are served: `atlas.v1.RouterService/Complete`. */
  readonly rpcMethods: readonly string[];
  /**
   * Most series of one metric, whether it is counted or read: the last one of a counted metric takes what
   * finds no place, and readings beyond are left out. Default 20,000: a thousand endpoints with every outcome.
   */
  readonly maxSeries?: number;
};

const DEFAULT_MAX_SERIES = 20_000;

/** Prometheus looks back 5 minutes, and the last counts of an endpoint should be scraped. */
const KEEP_GONE_MS = 10 * 60_000;

/** How often what left the catalogue is looked for, beside changes of the catalogue. */
const SWEEP_INTERVAL_MS = 60_000;

export function createRegistry(options: RegistryOptions): Registry {
  const { nowMs, names, rpcMethods, maxSeries = DEFAULT_MAX_SERIES } = options;
  const startedAtMs = nowMs();
  const values = createCatalogueValues(options);
  const methods = new Set(rpcMethods);
  const instruments = new Map<MetricKey, Instrument<Series>>();
  const readers = new Map<MetricKey, (figures: Figures) => Iterable<Reading>>();
  let overflows = 0;
  let failures = 0;
  const sweeper = createSweeper(values.generation);

  function instrument<S extends Series>(
    key: MetricKey,
    create: (labels: readonly string[]) => S,
  ): Instrument<S> {
    const made = createInstrument({
      definition: metricTable[key],
      create,
      has: (kind, value) => (kind === "method" ? methods.has(value) : values.has(kind, value)),
      maxSeries,
      onOverflow() {
        overflows += 1;
      },
    });
    instruments.set(key, made);
    return made;
  }

  function readSeries(read: () => Iterable<Reading>): readonly Series[] {
    const series: NumberSeries[] = [];
    try {
      for (const { labels, value } of read()) {
        if (series.length < maxSeries) {
          series.push({ labels, startedAtMs, value });
        } else {
          overflows += 1;
        }
      }
      return series;
    } catch {
      failures += 1;
      return [];
    }
  }

  readers.set("overflows", () => [{ labels: [], value: overflows }]);
  // Last in the table, so that it tells of the collection it is part of.
  readers.set("callbackFailures", () => [{ labels: [], value: failures }]);

  return {
    counter: (key) => instrument(key, (labels) => createNumberSeries(labels, nowMs())),
    histogram(key) {
      const { buckets = [] }: MetricDefinition = metricTable[key];
      return instrument(key, (labels) => createHistogramSeries(labels, nowMs(), buckets));
    },
    read: (key, read) => void readers.set(key, read),
    generation: () => values.generation() + sweeper.sweeps(),
    collect: (figures) =>
      metricsWith(names).flatMap(([key, definition]): readonly Family[] => {
        const counted = instruments.get(key);
        if (counted !== undefined) {
          return [{ definition, series: () => seriesNow(definition, counted) }];
        }
        const read = readers.get(key);
        return read === undefined
          ? []
          : [{ definition, series: () => readSeries(() => read(figures)) }];
      }),
  };

  function seriesNow(definition: MetricDefinition, counted: Instrument<Series>): Iterable<Series> {
    sweeper.sweep(counted, nowMs());
    return inUnits(definition, counted.series());
  }
}

function inUnits({ partsPerUnit }: MetricDefinition, series: Iterable<Series>): Iterable<Series> {
  return partsPerUnit === undefined ? series : wholeUnits(series, partsPerUnit);
}

function* wholeUnits(series: Iterable<Series>, partsPerUnit: number): Iterable<Series> {
  for (const one of series) {
    // Bounds of buckets are in whole units, so no histogram is counted in parts.
    const number = one as NumberSeries;
    yield { ...number, value: number.value / partsPerUnit };
  }
}

/**
 * Looks for what left the catalogue: in one metric at a time when it is shown, if the catalogue has
 * changed or some time has passed. So no turn of the event loop is spent on all of them.
 */
function createSweeper(generation: () => number) {
  const swept = new WeakMap<Instrument<Series>, { atMs: number; generation: number }>();
  let sweeps = 0;
  return {
    /** Those that dropped something. */
    sweeps: () => sweeps,
    sweep(one: Instrument<Series>, atMs: number): void {
      const now = generation();
      const last = swept.get(one);
      if (last?.generation !== now || atMs - last.atMs >= SWEEP_INTERVAL_MS) {
        swept.set(one, { atMs, generation: now });
        sweeps += one.sweep(atMs, KEEP_GONE_MS) ? 1 : 0;
      }
    },
  };
}
