import type { EndpointFigures } from "../domain/health.ts";
import type { ReadingTools, SharedEndpoint } from "./shared-endpoint.ts";

/** The endpoints of one model, read together because they are published together. */
export type SharedModel = {
  readonly id: string;
  add(endpoint: SharedEndpoint): void;
  remove(endpoint: SharedEndpoint): void;
  /** To be called before one of its endpoints is told anything. */
  touch(): void;
  /** Whether `endpoints` may give anything else than when it was last called. */
  isChanged(nowMs: number): boolean;
  /** Whether any of its endpoints holds anything. */
  isHeld(nowMs: number): boolean;
  /** Nobody belongs to it, and whoever read it last knows. */
  isForgotten(): boolean;
  /**
   * Reads what has changed, one endpoint after the other, until `isOver`: `endpoints` and `stateHash`,
   * which read what is left, then take little. True: nothing is left.
   */
  readOn(nowMs: number, tools: ReadingTools, isOver: () => boolean): boolean;
  /** Ordered by id, by UTF-16 units; the same list as before when nothing changed. */
  endpoints(nowMs: number, tools: ReadingTools): readonly EndpointFigures[];
  /** Of everything that its endpoints hold, and of `nowMs`. */
  stateHash(nowMs: number, tools: ReadingTools): Uint8Array;
};

type State = {
  readonly id: string;
  readonly members: Set<SharedEndpoint>;
  /** By id. Absent: members have changed. */
  ordered: readonly SharedEndpoint[] | undefined;
  /** Of each of `ordered` that was read since it was made; here, so that nobody has to visit them for it. */
  figures: (EndpointFigures | undefined)[];
  digests: (Uint8Array | undefined)[];
  /** Something changed since `endpoints` was last called. */
  isChanged: boolean;
  /** Absent: to be made. */
  endpoints: readonly EndpointFigures[] | undefined;
  /** As many as it last gave. */
  shown: number;
  stateHash: Uint8Array | undefined;
  hashedAtMs: number;
  /** Those of `ordered` before it were read by a `readOn` that was not over. */
  readTo: number;
  /** When all were read with nothing being told since the first; not a number: never, or they were. */
  completeAtMs: number;
  /** Since the first of the running pass. */
  isTouched: boolean;
};

const NEVER_OVER = () => false;

export function createSharedModel(id: string): SharedModel {
  const state: State = {
    id,
    members: new Set(),
    ordered: undefined,
    figures: [],
    digests: [],
    isChanged: false,
    endpoints: undefined,
    shown: 0,
    stateHash: undefined,
    hashedAtMs: 0,
    readTo: 0,
    completeAtMs: Number.NaN,
    isTouched: false,
  };
  return {
    id,
    add(endpoint) {
      state.members.add(endpoint);
      change(state);
    },
    remove(endpoint) {
      state.members.delete(endpoint);
      change(state);
    },
    touch: () => touch(state),
    isChanged: (nowMs) => state.isChanged || hasDue(state, nowMs),
    isHeld(nowMs) {
      for (const member of state.members) {
        if (member.isHeld(nowMs)) {
          return true;
        }
      }
      return false;
    },
    isForgotten: () => state.members.size === 0 && state.shown === 0,
    readOn: (nowMs, tools, isOver) => readOn(state, nowMs, tools, isOver),
    endpoints(nowMs, tools) {
      readAll(state, nowMs, tools);
      state.endpoints ??= state.figures.filter((figures) => figures !== undefined);
      state.shown = state.endpoints.length;
      state.isChanged = false;
      return state.endpoints;
    },
    stateHash(nowMs, tools) {
      readAll(state, nowMs, tools);
      if (state.stateHash === undefined || state.hashedAtMs !== nowMs) {
        state.stateHash = hashOf(state, nowMs, tools);
        state.hashedAtMs = nowMs;
      }
      return state.stateHash;
    },
  };
}

function touch(state: State): void {
  state.isTouched = true;
  state.completeAtMs = Number.NaN;
}

function change(state: State): void {
  state.ordered = undefined;
  state.readTo = 0;
  touch(state);
  outdate(state);
}

function outdate(state: State): void {
  state.isChanged = true;
  state.endpoints = undefined;
  state.stateHash = undefined;
}

function hasDue({ members }: State, nowMs: number): boolean {
  for (const member of members) {
    if (member.isDue(nowMs)) {
      return true;
    }
  }
  return false;
}

function readAll(state: State, nowMs: number, tools: ReadingTools): void {
  // A pass that stopped half-way has read nothing to its end.
  if (state.readTo !== 0 || state.completeAtMs !== nowMs) {
    state.readTo = 0;
    readOn(state, nowMs, tools, NEVER_OVER);
  }
}

function readOn(state: State, nowMs: number, tools: ReadingTools, isOver: () => boolean): boolean {
  const ordered = orderedOf(state);
  if (state.readTo === 0) {
    state.isTouched = false;
    state.completeAtMs = nowMs;
  }
  for (let index = state.readTo; index < ordered.length; index++) {
    // Within the list's length.
    const member = ordered[index] as SharedEndpoint;
    if (member.isDue(nowMs)) {
      member.refresh(nowMs, tools);
      outdate(state);
      state.figures[index] = member.figures();
      state.digests[index] = member.digest();
      if (isOver()) {
        state.readTo = index + 1;
        return false;
      }
    }
  }
  state.readTo = 0;
  // Of a pass in which time went on, some were read before.
  state.completeAtMs = state.isTouched || state.completeAtMs !== nowMs ? Number.NaN : nowMs;
  return true;
}

function orderedOf(state: State): readonly SharedEndpoint[] {
  if (state.ordered === undefined) {
    state.ordered = [...state.members].sort((a, b) => (a.id < b.id ? -1 : 1));
    state.figures = state.ordered.map((member) => member.figures());
    state.digests = state.ordered.map((member) => member.digest());
  }
  return state.ordered;
}

function hashOf({ id, digests }: State, nowMs: number, { hash, bytes }: ReadingTools): Uint8Array {
  bytes.clear();
  bytes.text(id);
  bytes.number(nowMs);
  for (const digest of digests) {
    if (digest !== undefined) {
      bytes.raw(digest);
    }
  }
  return hash([bytes.view()]);
}
