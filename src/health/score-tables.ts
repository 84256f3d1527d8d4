import type { EndpointId } from "../domain/endpoint.ts";
import type { EndpointFigures, ModelScoreTable, OutsideClaim } from "../domain/health.ts";
import type { EndpointScore } from "../domain/score.ts";
import type { Hash } from "../score/shared-endpoint.ts";
import { figuresToScore, hasRecent, holdsClaim, RECENT_MS } from "./figures-to-scores.ts";
import { comparePositions } from "./score-position.ts";
import { hashOfTables, summaryOf, type TableSummary } from "./table-hash.ts";

/** `read`: everything that is stored, read to make good a loss. */
export type TableOrigin = "watched" | "read";

/**
 * The newest table of every model, and what follows from them.
 *
 * Tables may come in any order and again: one is taken only if its position is beyond that of the model's
 * current one. What was kept from before gives way to anything, because it may come from another bus;
 * what is read again to make good a loss also replaces its equals.
 *
 * A table without endpoints is held only so that none from before it is taken: for as long as one may be
 * on its way.
 */
export type ScoreTables = {
  /** Of the bytes as they are stored. False: it is not newer. */
  take(table: ModelScoreTable, bytes: Uint8Array, origin: TableOrigin): boolean;
  /** One from before this process: only where there is none yet. */
  keep(table: ModelScoreTable): void;
  /** False: none is. */
  drop(isGone: (table: ModelScoreTable) => boolean): boolean;
  /** Forgets tables without endpoints that were written before `asOfMs`, by the stream's clock. */
  dropEmpty(asOfMs: number): void;
  /** Forgets what is left of before. False: nothing was. */
  dropKept(): boolean;
  /**
   * Ends claims that have lapsed at `busMs`, this moment by the stream's clock, and what tables tell of
   * their last 30 seconds when those are over. A scorer publishes a table anew before that; without one,
   * time passes all the same. False: nothing has ended.
   */
  lapse(busMs: number): boolean;
  /** Of what came from the bus: to be compared with a version's. */
  stateSha256(): Uint8Array;
  /** The same map until something changes; then another one. */
  scores(): ReadonlyMap<EndpointId, EndpointScore>;
  /** The claim that has not lapsed. */
  outside(endpoint: EndpointId, busMs: number): OutsideClaim | undefined;
  /** Those with endpoints. */
  tables(): readonly ModelScoreTable[];
};

export type ScoreTablesPorts = {
  readonly hash: Hash;
  /** This moment by the stream's clock. */
  readonly busMs: () => number;
};

type Held = {
  readonly table: ModelScoreTable;
  readonly isKept: boolean;
  /** Absent: of no version. */
  readonly summary: TableSummary | undefined;
};

type Known = { readonly table: ModelScoreTable; readonly figures: EndpointFigures };

type State = ScoreTablesPorts & {
  readonly held: Map<string, Held>;
  /** Models of those of `held` without endpoints. */
  readonly empty: Set<string>;
  readonly known: Map<EndpointId, Known>;
  /** Of those of `known` that have one. */
  readonly claims: Map<EndpointId, OutsideClaim>;
  /** By model: when what its table told as recent is over, by the stream's clock. */
  readonly recentUntilMs: Map<string, number>;
  readonly scores: Map<EndpointId, EndpointScore>;
  /** A copy of `scores` for everybody; absent when they have changed since. */
  shared: ReadonlyMap<EndpointId, EndpointScore> | undefined;
};

export function createScoreTables(ports: ScoreTablesPorts): ScoreTables {
  const state: State = {
    ...ports,
    held: new Map(),
    empty: new Set(),
    known: new Map(),
    claims: new Map(),
    recentUntilMs: new Map(),
    scores: new Map(),
    shared: undefined,
  };
  const { held, scores, claims } = state;
  return {
    take(table, bytes, origin) {
      const isTaken = isNewer(table, origin, held.get(table.model));
      if (isTaken) {
        replace(state, {
          table,
          isKept: false,
          summary: summaryOf(table, bytes, ports.hash),
        });
      }
      return isTaken;
    },
    keep(table) {
      if (!held.has(table.model)) {
        replace(state, { table, isKept: true, summary: undefined });
      }
    },
    drop: (isGone) => drop(state, ({ table }) => isGone(table)),
    dropEmpty: (asOfMs) => dropEmpty(state, asOfMs),
    dropKept: () => drop(state, ({ isKept }) => isKept),
    lapse: (busMs) => lapse(state, busMs),
    stateSha256: () =>
      hashOfTables(
        [...held.values()].flatMap(({ summary }) => summary ?? []),
        ports.hash,
      ),
    scores() {
      state.shared ??= new Map(scores);
      return state.shared;
    },
    outside(endpoint, busMs) {
      const claim = claims.get(endpoint);
      return claim !== undefined && holdsClaim(claim, busMs) ? claim : undefined;
    },
    tables: () =>
      [...held.values()].flatMap(({ table }) => (table.endpoints.length === 0 ? [] : table)),
  };
}

function isNewer(
  { position }: ModelScoreTable,
  origin: TableOrigin,
  current: Held | undefined,
): boolean {
  if (current === undefined || current.isKept) {
    return true;
  }
  const order = comparePositions(position, current.table.position);
  return origin === "read" ? order >= 0 : order > 0;
}

function replace(state: State, taken: Held): void {
  const { table } = taken;
  const { held, empty, known, claims, recentUntilMs } = state;
  const { model } = table;
  forget(state, model);
  held.set(model, taken);
  if (table.endpoints.length === 0) {
    empty.add(model);
  }
  const busMs = state.busMs();
  if (table.endpoints.some(hasRecent)) {
    recentUntilMs.set(model, table.position.asOfMs + RECENT_MS);
  }
  for (const figures of table.endpoints) {
    const { endpoint, outside } = figures;
    known.set(endpoint, { table, figures });
    rescore(state, endpoint, busMs);
    claims.delete(endpoint);
    if (outside !== undefined) {
      claims.set(endpoint, outside);
    }
  }
  state.shared = undefined;
}

function rescore({ known, scores }: State, endpoint: EndpointId, busMs: number): void {
  const one = known.get(endpoint);
  if (one !== undefined) {
    scores.set(endpoint, figuresToScore(one.figures, one.table.position.asOfMs, busMs));
  }
}

/** An endpoint that another model's table has claimed since stays with that. */
function forget({ held, empty, known, scores, claims }: State, model: string): void {
  for (const { endpoint } of held.get(model)?.table.endpoints ?? []) {
    if (known.get(endpoint)?.table.model === model) {
      known.delete(endpoint);
      scores.delete(endpoint);
      claims.delete(endpoint);
    }
  }
  held.delete(model);
  empty.delete(model);
}

function dropEmpty({ held, empty }: State, asOfMs: number): void {
  for (const model of empty) {
    const position = held.get(model)?.table.position;
    if (position === undefined || position.asOfMs < asOfMs) {
      held.delete(model);
      empty.delete(model);
    }
  }
}

function drop(state: State, isGone: (held: Held) => boolean): boolean {
  const gone = [...state.held].filter(([, held]) => isGone(held));
  for (const [model] of gone) {
    forget(state, model);
    state.shared = undefined;
  }
  return gone.length > 0;
}

function lapse(state: State, busMs: number): boolean {
  const haveClaims = lapseClaims(state, busMs);
  const hasLapsed = lapseRecent(state, busMs) || haveClaims;
  if (hasLapsed) {
    state.shared = undefined;
  }
  return hasLapsed;
}

function lapseClaims(state: State, busMs: number): boolean {
  const { claims } = state;
  let hasLapsed = false;
  for (const [endpoint, claim] of claims) {
    if (!holdsClaim(claim, busMs)) {
      claims.delete(endpoint);
      rescore(state, endpoint, busMs);
      hasLapsed = true;
    }
  }
  return hasLapsed;
}

/** Looks at the models alone until one is due. */
function lapseRecent(state: State, busMs: number): boolean {
  const { held, known, recentUntilMs } = state;
  let hasLapsed = false;
  for (const [model, untilMs] of recentUntilMs) {
    if (busMs >= untilMs) {
      recentUntilMs.delete(model);
      for (const figures of held.get(model)?.table.endpoints ?? []) {
        if (hasRecent(figures) && known.get(figures.endpoint)?.table.model === model) {
          rescore(state, figures.endpoint, busMs);
          hasLapsed = true;
        }
      }
    }
  }
  return hasLapsed;
}
