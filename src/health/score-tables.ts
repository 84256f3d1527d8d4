import type { EndpointId } from "../domain/endpoint.ts";
import type { EndpointFigures, ModelScoreTable, OutsideClaim } from "../domain/health.ts";
import type { EndpointScore } from "../domain/score.ts";
import type { Hash } from "../score/shared-endpoint.ts";
import { figuresToScore, holdsClaim } from "./figures-to-scores.ts";
import { comparePositions } from "./score-position.ts";
import { hashOfTables, summaryOf } from "./table-hash.ts";

/** `kept`: from before this process. `read`: everything that is stored, read to make good a loss. */
export type TableOrigin = "kept" | "watched" | "read";

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
  /** False: it is not newer. */
  take(table: ModelScoreTable, origin: TableOrigin): boolean;
  /** False: none is. */
  drop(isGone: (table: ModelScoreTable) => boolean): boolean;
  /** Forgets tables without endpoints that were written before `asOfMs`, by the stream's clock. */
  dropEmpty(asOfMs: number): void;
  /** Forgets what is left of before. False: nothing was. */
  dropKept(): boolean;
  /** Ends claims that have lapsed at `busMs`, this moment by the stream's clock. False: none has. */
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

type Held = { readonly table: ModelScoreTable; readonly isKept: boolean };

type Known = { readonly model: string; readonly figures: EndpointFigures };

type State = ScoreTablesPorts & {
  readonly held: Map<string, Held>;
  /** Models of those of `held` without endpoints. */
  readonly empty: Set<string>;
  readonly known: Map<EndpointId, Known>;
  /** Of those of `known` that have one. */
  readonly claims: Map<EndpointId, OutsideClaim>;
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
    scores: new Map(),
    shared: undefined,
  };
  const { held, scores, claims } = state;
  return {
    take(table, origin) {
      const isTaken = isNewer(table, origin, held.get(table.model));
      if (isTaken) {
        replace(state, table, origin === "kept");
      }
      return isTaken;
    },
    drop: (isGone) => drop(state, ({ table }) => isGone(table)),
    dropEmpty: (asOfMs) => dropEmpty(state, asOfMs),
    dropKept: () => drop(state, ({ isKept }) => isKept),
    lapse: (busMs) => lapse(state, busMs),
    stateSha256: () =>
      hashOfTables(
        [...held.values()].flatMap(({ table, isKept }) => (isKept ? [] : (summaryOf(table) ?? []))),
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
  if (current === undefined) {
    return true;
  }
  if (origin === "kept" || current.isKept) {
    return origin !== "kept";
  }
  const order = comparePositions(position, current.table.position);
  return origin === "read" ? order >= 0 : order > 0;
}

function replace(state: State, table: ModelScoreTable, isKept: boolean): void {
  const { held, empty, known, scores, claims } = state;
  const { model } = table;
  forget(state, model);
  held.set(model, { table, isKept });
  if (table.endpoints.length === 0) {
    empty.add(model);
  }
  const busMs = state.busMs();
  for (const figures of table.endpoints) {
    const { endpoint, outside } = figures;
    known.set(endpoint, { model, figures });
    scores.set(endpoint, figuresToScore(figures, busMs));
    claims.delete(endpoint);
    if (outside !== undefined) {
      claims.set(endpoint, outside);
    }
  }
  state.shared = undefined;
}

/** An endpoint that another model's table has claimed since stays with that. */
function forget({ held, empty, known, scores, claims }: State, model: string): void {
  for (const { endpoint } of held.get(model)?.table.endpoints ?? []) {
    if (known.get(endpoint)?.model === model) {
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
  const { claims, known, scores } = state;
  let hasLapsed = false;
  for (const [endpoint, claim] of claims) {
    const figures = known.get(endpoint)?.figures;
    if (figures !== undefined && !holdsClaim(claim, busMs)) {
      claims.delete(endpoint);
      scores.set(endpoint, figuresToScore(figures, busMs));
      state.shared = undefined;
      hasLapsed = true;
    }
  }
  return hasLapsed;
}
