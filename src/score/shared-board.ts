import type { EndpointId } from "../domain/endpoint.ts";
import type { EndpointFigures } from "../domain/health.ts";
import {
  createReadingTools,
  createSharedEndpoint,
  type Hash,
  type ReadingTools,
  type SharedEndpoint,
} from "./shared-endpoint.ts";
import { createSharedModel, type SharedModel } from "./shared-model.ts";
import { createPackingTable } from "./shared-window.ts";
import { endOfMinute, minuteOf } from "./uptime.ts";

/**
 * Which endpoints are known, and to which models they belong.
 *
 * An endpoint belongs to the model of its newest report that names one, and to none once nothing that
 * this report told can matter any more. Endpoints that hold nothing and belong to no model are forgotten. `nowMs` never
 * descends.
 */
export type SharedBoard = {
  /** To be told something: made if needed. Absent: there are too many. An empty `model` names none. */
  endpoint(id: EndpointId, model: string, storedAtMs: number): SharedEndpoint | undefined;
  /** To be called whenever a slice has begun, which is when anything ends. */
  sweep(nowMs: number): void;
  /** In the order of their ids, as are `heldModels`. */
  changedModels(nowMs: number): readonly string[];
  heldModels(nowMs: number): readonly string[];
  /** As that of a model. */
  readOn(model: string, nowMs: number, isOver: () => boolean): boolean;
  endpointsOf(model: string, nowMs: number): readonly EndpointFigures[];
  stateHashOf(model: string, nowMs: number): Uint8Array;
  /** Over the hashes of all `heldModels`. */
  stateHash(nowMs: number): Uint8Array;
  endpoints(): number;
  heldBytes(): number;
  clear(): void;
};

type Member = {
  readonly endpoint: SharedEndpoint;
  /** Empty: none. */
  model: string;
  /** Of that id. */
  shared: SharedModel | undefined;
  modelUntilMs: number;
};

type State = {
  readonly maxEndpoints: number;
  readonly tools: ReadingTools;
  readonly members: Map<EndpointId, Member>;
  readonly models: Map<string, SharedModel>;
};

export function createSharedBoard(hash: Hash, maxEndpoints: number): SharedBoard {
  const state: State = {
    maxEndpoints,
    tools: createReadingTools(hash),
    members: new Map(),
    models: new Map(),
  };
  const { tools, members, models } = state;
  const packing = createPackingTable();
  const heldModels = (nowMs: number) => modelsThat(models, (model) => model.isHeld(nowMs));
  const stateHashOf = (id: string, nowMs: number) =>
    (models.get(id) ?? createSharedModel(id)).stateHash(nowMs, tools);
  return {
    endpoint(id, model, storedAtMs) {
      let member = members.get(id);
      if (member === undefined) {
        if (members.size >= maxEndpoints) {
          return undefined;
        }
        member = {
          endpoint: createSharedEndpoint(id, packing),
          model: "",
          shared: undefined,
          modelUntilMs: 0,
        };
        members.set(id, member);
      }
      if (model !== "") {
        move(models, member, model);
        member.modelUntilMs = endOfMinute(minuteOf(storedAtMs));
      }
      member.shared?.touch();
      return member.endpoint;
    },
    sweep: (nowMs) => sweep(state, nowMs),
    changedModels: (nowMs) => modelsThat(models, (model) => model.isChanged(nowMs)),
    heldModels,
    readOn: (id, nowMs, isOver) => models.get(id)?.readOn(nowMs, tools, isOver) ?? true,
    endpointsOf: (id, nowMs) => endpointsOf(state, id, nowMs),
    stateHashOf,
    stateHash: (nowMs) => tools.hash(heldModels(nowMs).map((id) => stateHashOf(id, nowMs))),
    endpoints: () => members.size,
    heldBytes() {
      let sum = 0;
      for (const { endpoint } of members.values()) {
        sum += endpoint.heldBytes();
      }
      return sum;
    },
    clear() {
      members.clear();
      models.clear();
    },
  };
}

function sweep({ members, models }: State, nowMs: number): void {
  for (const [id, member] of members) {
    if (nowMs >= member.modelUntilMs) {
      move(models, member, "");
      if (!member.endpoint.isHeld(nowMs)) {
        members.delete(id);
      }
    }
  }
}

function move(models: Map<string, SharedModel>, member: Member, model: string): void {
  if (member.model === model) {
    return;
  }
  member.shared?.remove(member.endpoint);
  forgetIfDone(models, member.shared);
  member.model = model;
  member.shared = undefined;
  if (model !== "") {
    const shared = models.get(model) ?? createSharedModel(model);
    models.set(model, shared);
    shared.add(member.endpoint);
    member.shared = shared;
  }
}

function endpointsOf({ models, tools }: State, id: string, nowMs: number) {
  const model = models.get(id);
  const endpoints = model?.endpoints(nowMs, tools) ?? [];
  forgetIfDone(models, model);
  return endpoints;
}

function forgetIfDone(models: Map<string, SharedModel>, model: SharedModel | undefined): void {
  if (model?.isForgotten() === true) {
    models.delete(model.id);
  }
}

/** By UTF-16 units, which is what `sort` does unless told otherwise. */
function modelsThat(
  models: ReadonlyMap<string, SharedModel>,
  isWanted: (model: SharedModel) => boolean,
): readonly string[] {
  return [...models.values()]
    .filter(isWanted)
    .map(({ id }) => id)
    .sort();
}
