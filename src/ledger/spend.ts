import type { AttemptRecord, CallResult, CompletionCall } from "../domain/call.ts";
import type {
  SpendDimension,
  SpendField,
  SpendHistory,
  SpendQuery,
  SpendReport,
} from "../domain/ledger.ts";
import type { CallSink } from "../domain/ports.ts";
import {
  addCall,
  addTally,
  createTally,
  type SpentCall,
  sumsOf,
  type Tally,
} from "./spend-sums.ts";

export type SpendOptions = {
  /** Whole hours to look back on; 0: nothing is summed up. */
  readonly hours: number;
  /** Most series an hour; calls of any other are summed up as one. */
  readonly seriesPerHour: number;
  /** Epoch milliseconds. */
  readonly startedAtMs: number;
};

export type SpendLedger = SpendHistory & {
  /** Takes a call in constant time. */
  readonly record: CallSink;
};

type Labels = Readonly<Record<string, string>>;

/** What tells calls apart, with their sums. */
type Series = Readonly<Record<SpendField, string>> & {
  readonly labels: Labels;
  readonly tally: Tally;
};

type Hour = {
  /** Since the epoch. */
  readonly number: number;
  readonly series: Series[];
  /** Of calls that found no place among the series. */
  readonly other: Tally;
};

const MS_PER_HOUR = 3_600_000;

/** Ids, names and some ten labels. Longer ones would make the memory of an hour the caller's affair. */
const MAX_KEY_CHARS = 1_024;

/**
 * What calls cost, by the clock hour (UTC) in which they ended.
 *
 * A call counts with the price of the catalogue it was planned with, at the endpoint that decided it:
 * what attempts before that one may have been billed is not part of a call's cost. Calls that asked no
 * endpoint are not counted. Labels are the caller's, so their combinations have no natural bound:
 * `seriesPerHour` and `hours` bound the memory, and no call is ever left out of the total.
 */
export function createSpendLedger(options: SpendOptions): SpendLedger {
  const { hours, seriesPerHour, startedAtMs } = options;
  /** Ascending. */
  let kept: Hour[] = [];
  let newest: Hour | undefined;
  /** Of the newest hour alone: nothing is added to the others. */
  let byKey = new Map<string, Series>();

  /** A clock that goes back writes into the newest hour. */
  function hourAt(atMs: number): Hour {
    const number = Math.floor(atMs / MS_PER_HOUR);
    if (newest !== undefined && number <= newest.number) {
      return newest;
    }
    newest = { number, series: [], other: createTally() };
    byKey = new Map();
    kept = [...kept.filter((hour) => hour.number >= number - hours), newest];
    return newest;
  }

  function tallyIn(hour: Hour, { caller }: CompletionCall, end: CallResult): Tally {
    const { id, model } = lastOf(end.attempts).endpoint;
    const { application, labels } = caller;
    const { operation, tier } = end.decision;
    const key = keyOf([id, tier, application, operation]) + keyOfLabels(labels);
    const found = byKey.get(key);
    if (found !== undefined) {
      return found.tally;
    }
    if (hour.series.length >= seriesPerHour || key.length > MAX_KEY_CHARS) {
      return hour.other;
    }
    const tally = createTally();
    const series = { application, operation, model, endpoint: id, tier, labels, tally };
    byKey.set(key, series);
    hour.series.push(series);
    return tally;
  }

  return {
    hours,
    sinceMs: startedAtMs,
    record(call, end) {
      if (hours === 0 || end.usage === undefined) {
        return;
      }
      const hour = hourAt(call.receivedAtMs + end.timings.total);
      addCall(tallyIn(hour, call, end), spentCallOf(end));
    },
    async report(query, pause) {
      const firstHour = Math.floor(query.nowMs / MS_PER_HOUR) - Math.min(query.hours, hours);
      const sum = startReport(query);
      for (const hour of kept.filter(({ number }) => number >= firstHour)) {
        sum.add(hour);
        await pause();
      }
      return sum.end(Math.max(startedAtMs, firstHour * MS_PER_HOUR));
    },
  };
}

/** The attempt that decided the call. */
function lastOf(attempts: CallResult["attempts"]): AttemptRecord {
  return attempts.reduce((_, attempt) => attempt);
}

/** Different lists have different keys, whatever characters the texts hold. */
function keyOf(texts: readonly string[]): string {
  let key = "";
  for (const text of texts) {
    key += `${text.length}:${text}`;
  }
  return key;
}

/** The order in which a caller writes its labels is no difference. */
function keyOfLabels(labels: Labels): string {
  const entries = Object.entries(labels);
  const sorted = entries.length > 1 ? entries.sort(byName) : entries;
  let key = "";
  for (const [name, value] of sorted) {
    key += `${name.length}:${name}${value.length}:${value}`;
  }
  return key;
}

function byName([left]: readonly [string, string], [right]: readonly [string, string]): number {
  return left < right ? -1 : 1;
}

/** A call that failed before its answer began owes nothing, whatever was counted. */
function spentCallOf({ error, attempts, usage, cost, decision }: CallResult): SpentCall {
  const isOwed = error === undefined || lastOf(attempts).firstTokenMs !== undefined;
  return {
    failed: error !== undefined,
    usage: isOwed ? usage : undefined,
    cost,
    catalogRevision: decision.catalogRevision,
  };
}

type Group = { readonly values: readonly string[]; readonly tally: Tally };

function startReport({ groupBy, top }: SpendQuery) {
  const groups = new Map<string, Group>();
  const other = createTally();

  function groupOf(series: Series): Group {
    const values = groupBy.map((dimension) => valueIn(series, dimension));
    const key = keyOf(values);
    const group = groups.get(key) ?? { values, tally: createTally() };
    groups.set(key, group);
    return group;
  }

  return {
    add(hour: Hour): void {
      addTally(other, hour.other);
      for (const series of hour.series) {
        addTally(groupOf(series).tally, series.tally);
      }
    },
    end(fromMs: number): SpendReport {
      const rows = [...groups.values()]
        .map(({ values, tally }) => ({ values, tally, sums: sumsOf(tally) }))
        .sort(dearestFirst);
      const rest = createTally();
      const total = createTally();
      addTally(total, other);
      for (const [index, { tally }] of rows.entries()) {
        addTally(total, tally);
        if (index >= top) {
          addTally(rest, tally);
        }
      }
      return {
        fromMs,
        rows: rows.slice(0, top).map(({ values, sums }) => ({ values, sums })),
        restGroups: Math.max(0, rows.length - top),
        rest: sumsOf(rest),
        other: sumsOf(other),
        total: sumsOf(total),
      };
    },
  };
}

/** Empty where the caller gave none. */
function valueIn(series: Series, dimension: SpendDimension): string {
  if (dimension.kind === "field") {
    return series[dimension.field];
  }
  const own = Object.getOwnPropertyDescriptor(series.labels, dimension.key);
  return own === undefined ? "" : String(own.value);
}

type SortedRow = SpendReport["rows"][number];

/** Ties by the number of calls, then by name, so that equal reports look alike. */
function dearestFirst(left: SortedRow, right: SortedRow): number {
  if (left.sums.cost.total !== right.sums.cost.total) {
    return left.sums.cost.total > right.sums.cost.total ? -1 : 1;
  }
  return right.sums.calls - left.sums.calls || (keyOf(left.values) < keyOf(right.values) ? -1 : 1);
}
