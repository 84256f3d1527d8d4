import type {
  Pause,
  SpendDimension,
  SpendField,
  SpendQuery,
  SpendReport,
} from "../domain/ledger.ts";
import { createBest } from "./best.ts";
import { keyOf } from "./spend-key.ts";
import { addTally, createTally, dearness, sumsOf, type Tally } from "./spend-sums.ts";

/** What tells calls apart, with their sums. */
export type Series = Readonly<Record<SpendField, string>> & {
  readonly labels: Readonly<Record<string, string>>;
  readonly tally: Tally;
};

export type Hour = {
  /** Since the epoch. */
  readonly number: number;
  readonly series: readonly Series[];
  /** Of calls that found no place among the series. */
  readonly other: Tally;
};

/** Series or groups that are added up in one turn of the event loop: some 2 ms. */
const PIECE = 1_024;

/** A map of all groups would grow in steps that take longer than a piece. */
const SHARDS = 64;

/**
 * Sums up hours.
 *
 * An hour may have as many series as there are calls, so nothing is done for all of them at once: they are
 * grouped in pieces, and so are the groups added up, the dearest of which are chosen without sorting the
 * others. What is counted meanwhile may or may not be in the report; its parts add up all the same.
 */
export async function reportOf(
  hours: readonly Hour[],
  query: SpendQuery,
  pause: Pause,
): Promise<Omit<SpendReport, "fromMs">> {
  const pauseIfDue = everyPiece(pause);
  const groups = createGroups(query.groupBy);
  const other = createTally();
  for (const hour of hours) {
    addTally(other, hour.other);
    for (const series of hour.series) {
      groups.add(series);
      const due = pauseIfDue();
      if (due !== undefined) {
        await due;
      }
    }
  }
  const best = createBest<Group>(query.top, isDearer);
  const rest = createTally();
  const total = createTally();
  let restGroups = 0;
  addTally(total, other);
  for (const group of groups.all()) {
    addTally(total, group.tally);
    const left = best.offer(group);
    if (left !== undefined) {
      restGroups += 1;
      addTally(rest, left.tally);
    }
    const due = pauseIfDue();
    if (due !== undefined) {
      await due;
    }
  }
  return {
    rows: best.items().map(({ values, tally }) => ({ values, sums: sumsOf(tally) })),
    restGroups,
    rest: sumsOf(rest),
    other: sumsOf(other),
    total: sumsOf(total),
  };
}

/** Nothing to wait for between two pieces, which costs less than a promise would. */
function everyPiece(pause: Pause): () => Promise<void> | undefined {
  let done = 0;
  return () => {
    done += 1;
    return done % PIECE === 0 ? pause() : undefined;
  };
}

type Group = { readonly key: string; readonly values: readonly string[]; readonly tally: Tally };

function createGroups(groupBy: readonly SpendDimension[]) {
  const shards = Array.from({ length: SHARDS }, () => new Map<string, Group>());
  return {
    *all(): Iterable<Group> {
      for (const groups of shards) {
        yield* groups.values();
      }
    },
    add(series: Series): void {
      const values = groupBy.map((dimension) => valueIn(series, dimension));
      const key = keyOf(values);
      // The hash is within the number of shards.
      const groups = shards[hashOf(key) % SHARDS] as Map<string, Group>;
      let group = groups.get(key);
      if (group === undefined) {
        group = { key, values, tally: createTally() };
        groups.set(key, group);
      }
      addTally(group.tally, series.tally);
    },
  };
}

function hashOf(key: string): number {
  let hash = 0;
  for (let index = 0; index < key.length; index += 1) {
    hash = (hash * 31 + key.charCodeAt(index)) >>> 0;
  }
  return hash;
}

/** Empty where the caller gave none. */
function valueIn(series: Series, dimension: SpendDimension): string {
  if (dimension.kind === "field") {
    return series[dimension.field];
  }
  const own = Object.getOwnPropertyDescriptor(series.labels, dimension.key);
  return own === undefined ? "" : String(own.value);
}

/** Ties by the number of calls, then by name, so that equal reports look alike. */
function isDearer(left: Group, right: Group): boolean {
  const [leftCost, rightCost] = [dearness(left.tally), dearness(right.tally)];
  if (leftCost !== rightCost) {
    return leftCost > rightCost;
  }
  const { calls } = left.tally;
  return calls === right.tally.calls ? left.key < right.key : calls > right.tally.calls;
}
