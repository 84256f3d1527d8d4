import type { Endpoint } from "../domain/catalog.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { Admission, Observation, Random } from "../domain/ports.ts";
import type { EndpointScore, LiveView, ScoreSnapshot } from "../domain/score.ts";
import { type AccountState, createAccountState } from "./account-state.ts";
import { type Cooldown, createCooldown } from "./cooldown.ts";
import { createEndpointState, type EndpointState, type SharedState } from "./endpoint-state.ts";

/**
 * What one replica knows about all endpoints.
 *
 * Attempts go in by `tryStart` and come out by `record`; planners read a snapshot, which is shared by
 * all calls until the next one, and the live view beside it. Times are epoch milliseconds and arguments
 * throughout; one that goes back, or is not a number, is taken as the latest one seen.
 *
 * A cold endpoint is not held to one attempt at a time here: when every endpoint is cold, as at start,
 * that would refuse all calls but a few. `LiveState.cold` and `inflight` let the planner prefer warm
 * endpoints over a cold one that is being tried, where there are any.
 */
export type Scoreboard = Admission & {
  /** Takes each attempt once. Never throws. Ignores endpoints that were forgotten. */
  record(observation: Observation): void;
  /**
   * Tells of the first content of a running attempt, so that neither a breaker's probe nor the moving
   * average need wait for its end. `startedAtMs` is the attempt's. May be left out: then the end decides about
   * the probe, and the average learns nothing of it.
   */
  firstContent(
    endpoint: EndpointId,
    times: { readonly startedAtMs: number; readonly nowMs: number },
  ): void;
  readonly live: LiveView;
  /**
   * A frozen reading at `nowMs`, to be taken about once a second.
   *
   * Scores that did not change are the same objects as before, and when none did, so is the map. Costs
   * one comparison per endpoint, and a reading of those that were called or aged since.
   */
  snapshot(nowMs: number): ScoreSnapshot;
  /**
   * Takes a catalogue: forgets endpoints that are gone once their attempts have ended, follows changed
   * concurrency, and gives every account and endpoint that was switched off another chance.
   */
  retain(endpoints: readonly Endpoint[], nowMs: number): void;
};

export type ScoreboardPorts = {
  /** Spreads the dead times of breakers. */
  readonly random: Random;
};

type Board = {
  readonly random: Random;
  readonly states: Map<EndpointId, EndpointState>;
  readonly accounts: Map<string, AccountState>;
  /** By account and model. */
  readonly cooldowns: Map<string, Cooldown>;
  /** Absent before the first catalogue: every endpoint is welcome. */
  known: ReadonlySet<EndpointId> | undefined;
  revision: number;
  scores: ReadonlyMap<EndpointId, EndpointScore>;
  latestMs: number;
};

export function createScoreboard({ random }: ScoreboardPorts, nowMs: number): Scoreboard {
  const board: Board = {
    random,
    states: new Map(),
    accounts: new Map(),
    cooldowns: new Map(),
    known: undefined,
    revision: 0,
    scores: new Map(),
    latestMs: nowMs,
  };
  return {
    tryStart: (endpoint, options) => tryStart(board, endpoint, options),
    wantsTiming: (endpoint, nowMs) =>
      board.states.get(endpoint)?.wantsTiming(advance(board, nowMs)) ?? true,
    record: (observation) => record(board, observation),
    awaitContent(endpoint, startedAtMs) {
      board.states.get(endpoint)?.awaitContent(startedAtMs);
    },
    firstContent(endpoint, { startedAtMs, nowMs }) {
      // What waited for the event loop came before what was told meanwhile.
      board.states.get(endpoint)?.firstContent(startedAtMs, advance(board, nowMs), nowMs);
    },
    live: { of: (endpoint) => board.states.get(endpoint)?.live },
    snapshot: (atMs) => takeSnapshot(board, advance(board, atMs)),
    retain: (endpoints, nowMs) => retain(board, endpoints, advance(board, nowMs)),
  };
}

function tryStart(
  board: Board,
  endpoint: Endpoint,
  options: { readonly nowMs: number; readonly force: boolean },
): boolean {
  const nowMs = advance(board, options.nowMs);
  const state = stateOf(board, endpoint);
  const isRefused = options.force ? state.isDisabled(nowMs) : state.live.block(nowMs) !== undefined;
  if (!isRefused) {
    state.start(nowMs);
  }
  return !isRefused;
}

function record(board: Board, observation: Observation): void {
  const nowMs = advance(board, observation.endedAtMs);
  const { endpoint } = observation.attempt;
  const isKnown = isWelcome(board, endpoint.id);
  const state = isKnown ? stateOf(board, endpoint) : board.states.get(endpoint.id);
  state?.end(observation, nowMs);
  if (!isKnown && state?.live.inflight === 0) {
    board.states.delete(endpoint.id);
  }
}

function takeSnapshot(board: Board, nowMs: number): ScoreSnapshot {
  let changed: Map<EndpointId, EndpointScore> | undefined;
  for (const [id, state] of board.states) {
    if (state.isStale(nowMs)) {
      state.refresh(nowMs);
      changed ??= new Map(board.scores);
      const score = state.score();
      if (score !== undefined && isWelcome(board, id)) {
        changed.set(id, score);
      } else {
        changed.delete(id);
      }
    }
  }
  board.scores = changed ?? board.scores;
  board.revision += 1;
  return Object.freeze({
    revision: board.revision,
    windowEndMs: nowMs,
    scores: board.scores,
  });
}

function retain(board: Board, endpoints: readonly Endpoint[], nowMs: number): void {
  const known = new Set(endpoints.map(({ id }) => id));
  board.known = known;
  board.scores = new Map([...board.scores].filter(([id]) => known.has(id)));
  for (const [id, state] of board.states) {
    if (!known.has(id) && state.live.inflight === 0) {
      board.states.delete(id);
    }
  }
  forgetShared(board, endpoints);
  for (const endpoint of endpoints) {
    stateOf(board, endpoint).reconfigure(endpoint, sharedOf(board, endpoint), nowMs);
  }
}

/** Attempts that still run keep what they share alive by themselves. */
function forgetShared({ accounts, cooldowns }: Board, endpoints: readonly Endpoint[]): void {
  const usedAccounts = new Set(endpoints.map(({ account }) => account));
  for (const [account, state] of accounts) {
    state.enable();
    if (!usedAccounts.has(account)) {
      accounts.delete(account);
    }
  }
  const usedCooldowns = new Set(endpoints.map(cooldownKeyOf));
  for (const key of cooldowns.keys()) {
    if (!usedCooldowns.has(key)) {
      cooldowns.delete(key);
    }
  }
}

function stateOf(board: Board, endpoint: Endpoint): EndpointState {
  return board.states.get(endpoint.id) ?? addState(board, endpoint);
}

function addState(board: Board, endpoint: Endpoint): EndpointState {
  const state = createEndpointState(endpoint, sharedOf(board, endpoint), board.random);
  board.states.set(endpoint.id, state);
  return state;
}

function sharedOf({ accounts, cooldowns }: Board, endpoint: Endpoint): SharedState {
  return {
    account: getOrCreate(accounts, endpoint.account, createAccountState),
    cooldown: getOrCreate(cooldowns, cooldownKeyOf(endpoint), createCooldown),
  };
}

/** Providers count per account and model. A model's id holds no space, so no two pairs meet. */
function cooldownKeyOf({ account, model }: Endpoint): string {
  return `${model} ${account}`;
}

function getOrCreate<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const held = map.get(key);
  if (held !== undefined) {
    return held;
  }
  const created = create();
  map.set(key, created);
  return created;
}

function isWelcome({ known }: Board, endpoint: EndpointId): boolean {
  return known === undefined || known.has(endpoint);
}

/** Time going backwards is standing still. */
function advance(board: Board, nowMs: number): number {
  if (Number.isFinite(nowMs)) {
    board.latestMs = Math.max(board.latestMs, nowMs);
  }
  return board.latestMs;
}
