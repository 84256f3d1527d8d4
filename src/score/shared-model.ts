import type { EndpointFigures } from "../domain/health.ts";
import type { ReadingTools, SharedEndpoint } from "./shared-endpoint.ts";

/** The endpoints of one model, read together because they are published together. */
export type SharedModel = {
  readonly id: string;
  add(endpoint: SharedEndpoint): void;
  remove(endpoint: SharedEndpoint): void;
  /** Whether `endpoints` may give anything else than when it was last called. */
  isChanged(nowMs: number): boolean;
  /** Whether any of its endpoints holds anything. */
  isHeld(nowMs: number): boolean;
  /** Nobody belongs to it, and whoever read it last knows. */
  isForgotten(): boolean;
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
  /** Something changed since `endpoints` was last called. */
  isChanged: boolean;
  /** Absent: to be made. */
  endpoints: readonly EndpointFigures[] | undefined;
  /** As many as it last gave. */
  shown: number;
  stateHash: Uint8Array | undefined;
  hashedAtMs: number;
};

export function createSharedModel(id: string): SharedModel {
  const state: State = {
    id,
    members: new Set(),
    ordered: undefined,
    isChanged: false,
    endpoints: undefined,
    shown: 0,
    stateHash: undefined,
    hashedAtMs: 0,
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
    endpoints(nowMs, tools) {
      const ordered = refresh(state, nowMs, tools);
      state.endpoints ??= ordered
        .map((member) => member.figures())
        .filter((figures) => figures !== undefined);
      state.shown = state.endpoints.length;
      state.isChanged = false;
      return state.endpoints;
    },
    stateHash(nowMs, tools) {
      const ordered = refresh(state, nowMs, tools);
      if (state.stateHash === undefined || state.hashedAtMs !== nowMs) {
        state.stateHash = hashOf(state.id, ordered, nowMs, tools);
        state.hashedAtMs = nowMs;
      }
      return state.stateHash;
    },
  };
}

function change(state: State): void {
  state.ordered = undefined;
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

function refresh(state: State, nowMs: number, tools: ReadingTools): readonly SharedEndpoint[] {
  state.ordered ??= [...state.members].sort((a, b) => (a.id < b.id ? -1 : 1));
  for (const member of state.ordered) {
    if (member.isDue(nowMs)) {
      member.refresh(nowMs, tools);
      outdate(state);
    }
  }
  return state.ordered;
}

function hashOf(
  id: string,
  members: readonly SharedEndpoint[],
  nowMs: number,
  { hash, bytes }: ReadingTools,
): Uint8Array {
  bytes.clear();
  bytes.text(id);
  bytes.number(nowMs);
  const parts = [bytes.view()];
  for (const member of members) {
    const digest = member.digest();
    if (digest !== undefined) {
      parts.push(digest);
    }
  }
  return hash(parts);
}
