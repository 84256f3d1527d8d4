import type { CatalogSnapshot, Endpoint } from "../../../src/domain/catalog.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { nativeOnlyGates } from "../../../src/domain/gate.ts";
import type { Model } from "../../../src/domain/model.ts";
import type { Pricing } from "../../../src/domain/money.ts";
import type { PlanInput, RouteExplanation } from "../../../src/domain/plan.ts";
import { defaultPolicy, type RoutingPolicy } from "../../../src/domain/policy.ts";
import type {
  Block,
  EndpointScore,
  LiveState,
  LiveView,
  ScoreSnapshot,
} from "../../../src/domain/score.ts";
import { EMPTY_SCORES } from "../../../src/domain/score.ts";
import type { Contender } from "../../../src/plan/contender.ts";
import { type Demand, demandOf } from "../../../src/plan/demand.ts";
import type { Forecast } from "../../../src/plan/rank.ts";
import { exampleEndpoint, exampleSpec } from "../../support/examples.ts";

export const NOW_MS = 1_800_000_000_000;

function idOf(id: string): EndpointId {
  return id as EndpointId;
}

/** USD per million tokens, in and out. */
export function pricing(input: number, output = input, changes: Partial<Pricing> = {}): Pricing {
  return {
    ...exampleEndpoint("p").pricing,
    inputPerMtok: Math.round(input * 1e9),
    outputPerMtok: Math.round(output * 1e9),
    ...changes,
  };
}

export function priced(id: string, usd: number, changes: Partial<Endpoint> = {}): Endpoint {
  return exampleEndpoint(id, { pricing: pricing(usd), ...changes });
}

export function model(id: string, aliases: readonly string[] = []): Model {
  return {
    id,
    displayName: id,
    family: "one",
    aliases,
    contextLength: 128_000,
    maxOutputTokens: 16_384,
    inputModalities: ["text"],
    outputModalities: ["text"],
    openWeights: true,
    nativeQuantization: "bf16",
    supportsTools: true,
    supportsStructuredOutput: true,
    supportsReasoning: false,
    releaseDate: undefined,
    deprecationDate: undefined,
    popularityRank: undefined,
    intelligence: undefined,
    provenance: { source: "test", date: "2026-11-01" },
  };
}

/** Serves `acme/one`, which also has the alias `one`, and every other model that an endpoint names. */
export function catalogOf(endpoints: readonly Endpoint[], revision = 7): CatalogSnapshot {
  const names = new Set(["acme/one", ...endpoints.map((endpoint) => endpoint.model)]);
  const models = [...names].map((name) => model(name, name === "acme/one" ? ["one"] : []));
  const byModel = new Map(
    models.map(({ id }) => [id, endpoints.filter((endpoint) => endpoint.model === id)]),
  );
  return {
    revision,
    priceVersion: "0a1b2c3d4e5f",
    models,
    model: (name) => models.find(({ id, aliases }) => id === name || aliases.includes(name)),
    endpointsOf: (id) => byModel.get(id) ?? [],
    endpoint: (id) => endpoints.find((endpoint) => endpoint.id === id),
  };
}

type Measured = {
  readonly success?: number;
  readonly ttft?: number;
  readonly ttft95?: number;
  readonly tps?: number;
  readonly samples?: number;
  readonly uptime?: number;
  readonly degraded?: boolean;
};

/** Many samples unless told otherwise, so that the prior hardly counts. */
export function score({
  success = 1,
  ttft = 500,
  ttft95 = 2 * ttft,
  tps = 50,
  samples = 1e9,
  uptime,
  degraded = false,
}: Measured = {}): EndpointScore {
  return {
    successes: samples * success,
    failures: samples * (1 - success),
    rateLimited: 0,
    firstTokenMs: { count: samples, p50: ttft, p95: ttft95 },
    tokensPerSecond: { count: samples, p5: tps / 2, p50: tps, p95: 2 * tps },
    durationMs: { count: samples, p50: ttft, p95: ttft95 },
    success,
    uptime,
    recent: { successes: 0, failures: 0 },
    degraded,
  };
}

export function scoresOf(
  scores: Readonly<Record<string, EndpointScore>>,
  windowEndMs = NOW_MS,
): ScoreSnapshot {
  return {
    revision: 3,
    windowEndMs,
    scores: new Map(Object.entries(scores).map(([id, value]) => [idOf(id), value])),
  };
}

type Live = Partial<Omit<LiveState, "block" | "firstTokenEwmaMs" | "waitingMs" | "slowStart">> & {
  readonly block?: Block;
  readonly felt?: number | undefined;
  readonly waiting?: number;
  readonly slowStart?: number;
};

export function live({ block, felt, waiting = 0, slowStart = 1, ...state }: Live = {}): LiveState {
  return {
    inflight: 0,
    limit: 20,
    breaker: "closed",
    cold: false,
    ...state,
    block: () => block,
    firstTokenEwmaMs: () => felt,
    waitingMs: () => waiting,
    slowStart: () => slowStart,
  };
}

export function liveOf(states: Readonly<Record<string, LiveState>> = {}): LiveView {
  return { of: (id) => states[id] };
}

export function blocked(reason: Block["reason"], forMs = 5_000): LiveState {
  return live({ block: { reason, untilMs: NOW_MS + forMs } });
}

type InputChanges = Partial<Omit<PlanInput, "policy">> & {
  readonly policy?: Partial<RoutingPolicy>;
};

export function inputOf(
  endpoints: readonly Endpoint[],
  { policy, ...changes }: InputChanges = {},
): PlanInput {
  return {
    spec: exampleSpec(),
    decisionId: "00000000-0000-4000-8000-000000000001",
    catalog: catalogOf(endpoints),
    scores: EMPTY_SCORES,
    live: liveOf(),
    gates: nativeOnlyGates,
    nowMs: NOW_MS,
    remainingMs: 300_000,
    ...changes,
    policy: { ...defaultPolicy, ...policy },
  };
}

export function demand(changes: InputChanges = {}): Demand {
  return demandOf(inputOf([], changes));
}

/** Shares by endpoint, those that are 0 left out. */
export function sharesIn({ candidates }: RouteExplanation): Readonly<Record<string, number>> {
  return Object.fromEntries(
    candidates.flatMap(({ endpoint, share }) => (share === 0 ? [] : [[endpoint.id, share]])),
  );
}

export function forecast(id: string, changes: Partial<Forecast> = {}): Forecast {
  return {
    endpoint: exampleEndpoint(id),
    prediction: {
      firstTokenP50Ms: 500,
      firstTokenP95Ms: 1_000,
      tokensPerSecond: 50,
      measured: true,
    },
    success: 1,
    degraded: false,
    known: true,
    hash: 0,
    ...changes,
  };
}

export function contender(id: string, changes: Partial<Contender> = {}): Contender {
  return {
    forecast: forecast(id),
    live: undefined,
    price: 1_000,
    block: undefined,
    tooSlow: false,
    cold: false,
    band: 0,
    group: 0,
    explores: false,
    ratio: 1,
    performance: 1,
    slowStart: 1,
    affinity: 1,
    weight: 1,
    key: 0,
    ...changes,
  };
}
