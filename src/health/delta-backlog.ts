import type { EndpointId } from "../domain/endpoint.ts";
import type { OutcomeDelta } from "../domain/health.ts";
import type { Observation } from "../domain/ports.ts";
import { createDelta, type DeltaBuilder } from "../score/observation-delta.ts";
import { SLICE_MS, SLICES, sliceOf } from "../score/rolling-window.ts";
import { tokenOf } from "./endpoint-token.ts";
import { createFifo, type Fifo } from "./fifo.ts";
import { type PackedDelta, packDelta, unpackDelta } from "./packed-delta.ts";
import {
  addOrigin,
  bytesOfOrigins,
  type OriginList,
  type ReportOrigins,
} from "./report-origins.ts";

/**
 * What attempts showed and nobody was told yet.
 *
 * A queue of messages grows with time while the bus is away. Sums do not: there is one delta per
 * endpoint and slice, whatever happens. The newest of an endpoint takes observations; those of older
 * slices are packed. A slice that has left the window counts for nobody and is dropped. So an endpoint has
 * at most 61 deltas, and each at most all counts there are: no bound in bytes has to drop any of them.
 *
 * An endpoint's deltas fall due once a second, at a place in the second of its own, so that a thousand
 * endpoints do not publish at once. What is due goes out by endpoint in turn, the oldest slice first.
 */
export type DeltaBacklog = {
  /** O(1). Counts an attempt for the slice in which it ended. */
  observe(observation: Observation): void;
  /** To be called at every multiple of `TURN_MS` for as long as `wantsTurns`: sees what falls due. */
  turn(nowMs: number): void;
  /** All of it falls due. */
  flush(nowMs: number): void;
  wantsTurns(): boolean;
  /**
   * Hands over the next delta that is due: from here on it is not in the backlog. What an endpoint has that is
   * held stays, and falls due again a second later.
   */
  take(isHeld?: IsHeld): DueDelta | undefined;
  stats(): BacklogStats;
};

export type DueDelta = {
  readonly endpoint: EndpointId;
  /** Of the endpoint. */
  readonly token: string;
  readonly delta: OutcomeDelta;
  /** Absent: none of its attempts is kept, or nobody asks. */
  readonly origins: ReportOrigins | undefined;
};

export type BacklogStats = {
  readonly deltas: number;
  /** An estimate, from above. */
  readonly bytes: number;
  readonly endpoints: number;
  /** Deltas whose slice left the window. */
  readonly droppedDeltas: number;
  /** Of endpoints beyond the limit. */
  readonly droppedObservations: number;
};

export type BacklogOptions = {
  /** That have something to tell. Default 10,000. */
  readonly maxEndpoints?: number;
  /** Remembers the attempts whose spans are kept. Default: no. */
  readonly keepsOrigins?: boolean;
};

/**
 * Sixteen places in a second. To wake and to write to a socket costs more than a report, and of a thousand
 * endpoints each turn has then as many as may be under way at once, 64. No whole milliseconds: a second
 * has to be a whole number of turns.
 */
export const TURN_MS = 62.5;
const TURNS = 16;
/** Has no divisor in common with `TURNS`: endpoints that follow each other lie far apart. */
const STRIDE = 13;

const DEFAULT_MAX_ENDPOINTS = 10_000;

/** A builder, and what holds it. */
const DELTA_BYTES = 600;
/** What holds a packed delta, beside a byte for each of its own. */
const CLOSED_BYTES = 128;
/** Four counts that no attempt had before. */
const OBSERVATION_BYTES = 160;
/** All counts there are. */
const MAX_DELTA_BYTES = 81_920;

type IsHeld = (endpoint: EndpointId) => boolean;

type OpenDelta = {
  readonly slice: number;
  readonly builder: DeltaBuilder;
  bytes: number;
  origins: OriginList | undefined;
};

type ClosedDelta = {
  readonly slice: number;
  readonly packed: PackedDelta;
  readonly origins: OriginList | undefined;
  readonly bytes: number;
};

type Place = {
  readonly endpoint: EndpointId;
  readonly token: string;
  readonly turn: number;
  open: OpenDelta | undefined;
  /** Slices ascend, and lie before that of `open`. */
  readonly closed: ClosedDelta[];
  isWatched: boolean;
  isDue: boolean;
};

type State = {
  readonly maxEndpoints: number;
  readonly keepsOrigins: boolean;
  readonly places: Map<EndpointId, Place>;
  /** Places with something to tell, by their turn. */
  readonly turns: readonly Place[][];
  readonly due: Fifo<Place>;
  /** Number of the latest turn since 1970. */
  latestTurn: number;
  sweptAtTurn: number;
  watched: number;
  created: number;
  deltas: number;
  bytes: number;
  droppedDeltas: number;
  droppedObservations: number;
};

export function createDeltaBacklog(options: BacklogOptions, nowMs: number): DeltaBacklog {
  const state: State = {
    maxEndpoints: options.maxEndpoints ?? DEFAULT_MAX_ENDPOINTS,
    keepsOrigins: options.keepsOrigins ?? false,
    places: new Map(),
    turns: Array.from({ length: TURNS }, () => []),
    due: createFifo(),
    latestTurn: Math.floor(nowMs / TURN_MS),
    sweptAtTurn: Number.NEGATIVE_INFINITY,
    watched: 0,
    created: 0,
    deltas: 0,
    bytes: 0,
    droppedDeltas: 0,
    droppedObservations: 0,
  };
  return {
    observe: (observation) => observe(state, observation),
    turn(atMs) {
      const turn = Math.floor(atMs / TURN_MS);
      // After a pause every place is seen once.
      const first = Math.max(state.latestTurn + 1, turn - TURNS + 1);
      for (let number = first; number <= turn; number += 1) {
        visit(state, number % TURNS, atMs);
      }
      state.latestTurn = Math.max(state.latestTurn, turn);
    },
    flush(atMs) {
      for (let turn = 0; turn < TURNS; turn += 1) {
        visit(state, turn, atMs);
      }
    },
    wantsTurns: () => state.watched > 0,
    take: (isHeld) => take(state, isHeld),
    stats: () => ({
      deltas: state.deltas,
      bytes: state.bytes,
      endpoints: state.places.size,
      droppedDeltas: state.droppedDeltas,
      droppedObservations: state.droppedObservations,
    }),
  };
}

function observe(state: State, observation: Observation): void {
  const { id } = observation.attempt.endpoint;
  const place = state.places.get(id) ?? addPlace(state, id);
  if (place === undefined) {
    state.droppedObservations += 1;
    return;
  }
  const slice = sliceAt(state, observation.endedAtMs);
  const { open } = place;
  // A clock that goes back is standing still.
  const delta = open === undefined || slice > open.slice ? openDelta(state, place, slice) : open;
  delta.builder.add(observation);
  if (delta.bytes < MAX_DELTA_BYTES) {
    delta.bytes += OBSERVATION_BYTES;
    state.bytes += OBSERVATION_BYTES;
  }
  if (state.keepsOrigins && observation.trace.keep) {
    keepOrigin(state, delta, observation);
  }
  if (!place.isWatched) {
    watch(state, place);
  }
}

function keepOrigin(state: State, delta: OpenDelta, observation: Observation): void {
  const bytesBefore = bytesOfOrigins(delta.origins);
  delta.origins = addOrigin(delta.origins, observation);
  const added = bytesOfOrigins(delta.origins) - bytesBefore;
  delta.bytes += added;
  state.bytes += added;
}

/** What is no time counts for the latest turn. */
function sliceAt({ latestTurn }: State, atMs: number): number {
  return sliceOf(Number.isFinite(atMs) ? atMs : latestTurn * TURN_MS);
}

function addPlace(state: State, endpoint: EndpointId): Place | undefined {
  if (state.places.size >= state.maxEndpoints) {
    sweep(state);
  }
  if (state.places.size >= state.maxEndpoints) {
    return undefined;
  }
  const place: Place = {
    endpoint,
    token: tokenOf(endpoint),
    turn: (state.created * STRIDE) % TURNS,
    open: undefined,
    closed: [],
    isWatched: false,
    isDue: false,
  };
  state.created += 1;
  state.places.set(endpoint, place);
  return place;
}

/** Forgets endpoints with nothing to tell; once a turn, because it looks at all of them. */
function sweep(state: State): void {
  if (state.sweptAtTurn === state.latestTurn) {
    return;
  }
  state.sweptAtTurn = state.latestTurn;
  for (const [endpoint, place] of state.places) {
    if (!place.isWatched) {
      state.places.delete(endpoint);
    }
  }
}

function openDelta(state: State, place: Place, slice: number): OpenDelta {
  const { open } = place;
  if (open !== undefined) {
    const packed = packDelta(open.builder.build());
    const { slice: closedSlice, origins } = open;
    const bytes = CLOSED_BYTES + packed.length + bytesOfOrigins(origins);
    place.closed.push({ slice: closedSlice, packed, origins, bytes });
    state.bytes += bytes - open.bytes;
  }
  const delta = { slice, builder: createDelta(slice), bytes: DELTA_BYTES, origins: undefined };
  place.open = delta;
  state.deltas += 1;
  state.bytes += DELTA_BYTES;
  return delta;
}

function watch(state: State, place: Place): void {
  place.isWatched = true;
  state.watched += 1;
  // A place's turn is within their number: `as` tells the compiler.
  (state.turns[place.turn] as Place[]).push(place);
}

function visit(state: State, turn: number, nowMs: number): void {
  const places = state.turns[turn] as Place[];
  const oldest = sliceOf(nowMs) - SLICES;
  let kept = 0;
  for (const place of places) {
    expire(state, place, oldest);
    if (isEmpty(place)) {
      place.isWatched = false;
      state.watched -= 1;
    } else {
      markDue(state, place);
      places[kept] = place;
      kept += 1;
    }
  }
  places.length = kept;
}

function isEmpty({ open, closed }: Place): boolean {
  return open === undefined && closed.length === 0;
}

function markDue(state: State, place: Place): void {
  if (!place.isDue) {
    place.isDue = true;
    state.due.push(place);
  }
}

function expire(state: State, place: Place, oldest: number): void {
  while (oldestSliceOf(place) < oldest) {
    remove(state, place);
    state.droppedDeltas += 1;
  }
}

function oldestSliceOf({ open, closed }: Place): number {
  return closed[0]?.slice ?? open?.slice ?? Number.POSITIVE_INFINITY;
}

/** The next place that has something and is not held, no longer due. */
function shiftDue(state: State, isHeld: IsHeld | undefined): Place | undefined {
  let place = state.due.shift();
  while (place !== undefined) {
    place.isDue = false;
    if (!isEmpty(place) && isHeld?.(place.endpoint) !== true) {
      return place;
    }
    place = state.due.shift();
  }
  return undefined;
}

function take(state: State, isHeld: IsHeld | undefined): DueDelta | undefined {
  const place = shiftDue(state, isHeld);
  if (place === undefined) {
    return undefined;
  }
  const removed = remove(state, place);
  if (!isEmpty(place)) {
    markDue(state, place);
  }
  const delta = "packed" in removed ? unpackDelta(removed.packed) : removed.builder.build();
  const { origins } = removed;
  return { endpoint: place.endpoint, token: place.token, delta, origins };
}

/** Takes the oldest delta out of a place that is not empty. */
function remove(state: State, place: Place): OpenDelta | ClosedDelta {
  const removed = place.closed.shift() ?? takeOpen(place);
  state.bytes -= removed.bytes;
  state.deltas -= 1;
  return removed;
}

function takeOpen(place: Place): OpenDelta {
  // Without closed deltas a place that is not empty has an open one.
  const open = place.open as OpenDelta;
  place.open = undefined;
  return open;
}

/** From when on nobody counts a delta of the slice. */
export function sliceLapsesAtMs(slice: number): number {
  return (slice + SLICES + 1) * SLICE_MS;
}
