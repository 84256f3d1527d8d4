import { type LabelDefinition, labels, OTHER, OVERFLOW } from "./labels.ts";
import type { MetricDefinition } from "./metric-definition.ts";
import type { Series } from "./series.ts";

/** One metric that is counted, with all its series. */
export type Instrument<S extends Series> = {
  readonly definition: MetricDefinition;
  /**
   * The series of these label values, made when it is not there. Callers keep it: looking it up is for
   * the first time. A value that a label does not have becomes `_other`. When there is no place, it is
   * the series that takes all the rest.
   */
  of(...values: readonly string[]): S;
  /** Live: what is counted during the walk may or may not be in it. */
  series(): Iterable<S>;
  /**
   * To be called when the catalogue changed, and from time to time. Drops what left the catalogue longer
   * than `keepMs` ago, and says whether there was anything to drop.
   */
  sweep(nowMs: number, keepMs: number): boolean;
};

export type InstrumentOptions<S extends Series> = {
  readonly definition: MetricDefinition;
  readonly create: (labels: readonly string[]) => S;
  /** Whether a label that follows the catalogue has the value. */
  readonly has: (kind: CatalogueKind, value: string) => boolean;
  /** The one for what finds no place among them; at least 1. */
  readonly maxSeries: number;
  /** Told each time that a combination finds no place. */
  readonly onOverflow: () => void;
};

/** Label values that are not a closed list. */
export type CatalogueKind = Exclude<LabelDefinition["values"], readonly string[]>;

type Held<S> = { readonly series: S; goneAtMs: number | undefined };

type Rule = {
  readonly values: LabelDefinition["values"];
  readonly closed: ReadonlySet<string>;
  readonly other: string;
};

export function createInstrument<S extends Series>(options: InstrumentOptions<S>): Instrument<S> {
  const { definition, create, maxSeries, onOverflow } = options;
  const rules = definition.labels.map(ruleOf);
  const held = new Map<string, Held<S>>();
  let overflow: S | undefined;

  const isKnown = (rule: Rule, value: string): boolean =>
    value === "" ||
    value === rule.other ||
    (typeof rule.values === "string" ? options.has(rule.values, value) : rule.closed.has(value));

  function add(values: readonly string[]): S {
    const known = rules.map((rule, index) => {
      const value = values[index] ?? "";
      return isKnown(rule, value) ? value : rule.other;
    });
    const key = known.join("\0");
    const there = held.get(key);
    if (there !== undefined) {
      return there.series;
    }
    if (held.size >= maxSeries - 1) {
      onOverflow();
      overflow ??= create(rules.map(() => OVERFLOW));
      return overflow;
    }
    const series = create(known);
    held.set(key, { series, goneAtMs: undefined });
    return series;
  }

  return {
    definition,
    // What has left the catalogue and is still shown goes on under its own name: no value holds a NUL.
    of: (...values) => held.get(values.join("\0"))?.series ?? add(values),
    *series() {
      for (const { series } of held.values()) {
        yield series;
      }
      if (overflow !== undefined) {
        yield overflow;
      }
    },
    sweep(nowMs, keepMs) {
      let isDropped = false;
      for (const [key, one] of held) {
        const isThere = rules.every((rule, index) =>
          isKnown(rule, one.series.labels[index] as string),
        );
        one.goneAtMs = isThere ? undefined : (one.goneAtMs ?? nowMs);
        if (one.goneAtMs !== undefined && nowMs - one.goneAtMs >= keepMs) {
          held.delete(key);
          isDropped = true;
        }
      }
      return isDropped;
    },
  };
}

function ruleOf(key: keyof typeof labels): Rule {
  const label: LabelDefinition = labels[key];
  return {
    values: label.values,
    closed: new Set(typeof label.values === "string" ? [] : label.values),
    other: label.other ?? OTHER,
  };
}
