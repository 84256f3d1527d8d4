import { Code, createClient } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import {
  CatalogService,
  EndpointHealth_Breaker,
  EndpointHealth_State,
} from "../../gen/atlas/v1/catalog_service_pb.ts";
import { GateState } from "../../gen/atlas/v1/routing_pb.ts";
import { Tier } from "../../gen/atlas/v1/types_pb.ts";
import type { Endpoint } from "../../src/domain/catalog.ts";
import type { EndpointId } from "../../src/domain/endpoint.ts";
import type { OutsideClaim } from "../../src/domain/health.ts";
import type { Candidate } from "../../src/domain/plan.ts";
import { RouterError } from "../../src/domain/router-error.ts";
import type { Block, EndpointScore, LiveState } from "../../src/domain/score.ts";
import { noSharedHealth } from "../../src/rpc/shared-health.ts";
import { exampleCatalog, exampleModel } from "../support/example-catalog.ts";
import { exampleScore } from "../support/example-score.ts";
import { exampleEndpoint } from "../support/examples.ts";
import { errorOf, reasonOf } from "../support/rpc-errors.ts";
import { createRpcInMemory } from "../support/rpc-in-memory.ts";
import { answers, explainExample, scriptedRouter } from "../support/scripted-router.ts";

const priced = (id: string, input: number | undefined, output = 1, changes = {}) =>
  exampleEndpoint(id, {
    pricing: { ...exampleEndpoint(id).pricing, inputPerMtok: input, outputPerMtok: output },
    ...changes,
  });

const score = exampleScore();

const live = (block: Block | undefined, breaker: LiveState["breaker"] = "closed"): LiveState => ({
  inflight: 0,
  limit: 10,
  breaker,
  cold: false,
  block: () => block,
  firstTokenEwmaMs: () => undefined,
  waitingMs: () => 0,
  slowStart: () => 1,
});

const { HEALTHY, DEGRADED, UNHEALTHY, DISABLED, UNSPECIFIED } = EndpointHealth_State;

type World = {
  readonly claims?: Readonly<Record<string, OutsideClaim>>;
  readonly endpoints?: readonly Endpoint[];
  readonly scores?: Readonly<Record<string, EndpointScore>>;
  readonly states?: Readonly<Record<string, LiveState>>;
  readonly router?: ReturnType<typeof scriptedRouter>;
};

function clientFor(world: World) {
  const { endpoints = [], scores = {}, states = {}, claims = {} } = world;
  const { router = scriptedRouter() } = world;
  const catalog = exampleCatalog([exampleModel("acme/one", { aliases: ["one"] })], endpoints, 3);
  const snapshot = {
    revision: 5,
    windowEndMs: 1_000,
    scores: new Map(Object.entries(scores).map(([id, of]) => [id as EndpointId, of])),
  };
  const { transport } = createRpcInMemory(router, {
    catalog: () => catalog,
    scores: () => snapshot,
    live: { of: (id) => states[id] },
    health: { ...noSharedHealth, outside: (id) => claims[id] },
  });
  return createClient(CatalogService, transport);
}

describe("GetModel", () => {
  it("finds a model by its alias", async () => {
    const answer = await clientFor({}).getModel({ id: "ONE" });
    expect(answer).toMatchObject({
      model: { id: "acme/one" },
      catalogRevision: 3n,
      priceVersion: "0a1b2c3d4e5f",
      scoreRevision: 5n,
    });
  });

  it.each([
    { name: "unknown", id: "acme/none", code: Code.NotFound, reason: "MODEL_NOT_FOUND" },
    { name: "empty", id: "", code: Code.InvalidArgument, reason: "INVALID_REQUEST" },
  ])("refuses an $name id", async ({ id, code, reason }) => {
    const error = await errorOf(clientFor({}).getModel({ id }));
    expect(error.code).toBe(code);
    expect(reasonOf(error)).toBe(reason);
  });

  it("orders endpoints by input price, unknown ones last", async () => {
    const endpoints = [priced("c", undefined), priced("b", 200), priced("a", 300), priced("d", 0)];
    const answer = await clientFor({ endpoints }).getModel({ id: "one" });
    expect(answer.endpoints.map(({ id }) => id)).toEqual(["d", "b", "a", "c"]);
    expect(answer.cheapestEndpoint).toBe("d");
  });

  it("calls no endpoint of unknown price the cheapest", async () => {
    const answer = await clientFor({ endpoints: [priced("c", undefined)] }).getModel({ id: "one" });
    expect(answer.cheapestEndpoint).toBe("");
  });

  it("breaks ties of the cheapest by output price, then by health", async () => {
    const endpoints = [priced("a", 1, 9), priced("b", 1, 2), priced("c", 1, 2)];
    const states = {
      b: live({ reason: "breaker-open", untilMs: 9_000 }, "open"),
      c: live(undefined),
    };
    const answer = await clientFor({ endpoints, states }).getModel({ id: "one" });
    expect(answer.cheapestEndpoint).toBe("c");
  });

  it("calls the one with the highest throughput p95 the fastest", async () => {
    const endpoints = [exampleEndpoint("a"), exampleEndpoint("b"), exampleEndpoint("c")];
    const faster = { ...score, tokensPerSecond: { ...score.tokensPerSecond, p95: 61 } };
    const unknown = { ...score, tokensPerSecond: { ...score.tokensPerSecond, p95: undefined } };
    const scores = { a: score, b: faster, c: unknown };
    const answer = await clientFor({ endpoints, scores }).getModel({ id: "one" });
    expect(answer.fastestEndpoint).toBe("b");
  });

  it("leaves out what has too few samples, and calls nobody fastest without any", async () => {
    const endpoints = [exampleEndpoint("a"), exampleEndpoint("b")];
    const few = { ...score, successes: 1, failures: 0, rateLimited: 3 };
    const slow = { ...few, tokensPerSecond: { count: 1, p5: undefined, p50: 1, p95: undefined } };
    const answer = await clientFor({ endpoints, scores: { a: slow } }).getModel({ id: "one" });
    expect(answer.fastestEndpoint).toBe("");
    expect(answer.endpoints[0]?.stats).toMatchObject({ sampleCount: 1n, latencyMsP50: 300 });
    expect(answer.endpoints[0]?.stats?.rateLimited).toBeUndefined();
    expect(answer.endpoints[0]?.stats?.uptime).toBeUndefined();
    expect(answer.endpoints[1]?.stats).toBeUndefined();
  });

  it("tells the share of rate-limited attempts", async () => {
    const world = { endpoints: [exampleEndpoint("a")], scores: { a: score } };
    const answer = await clientFor(world).getModel({ id: "one" });
    expect(answer.endpoints[0]?.stats?.rateLimited).toBe(0.5);
  });

  const { CLOSED, OPEN, PROBING } = EndpointHealth_Breaker;
  it.each([
    { name: "never called", state: undefined, is: UNSPECIFIED, breaker: 0, retry: undefined },
    { name: "well", state: live(undefined), is: HEALTHY, breaker: CLOSED, retry: undefined },
    {
      name: "with an open breaker",
      state: live({ reason: "breaker-open", untilMs: 9_000 }, "open"),
      is: UNHEALTHY,
      breaker: OPEN,
      retry: 9n,
    },
    {
      name: "rate limited",
      state: live({ reason: "rate-limited", untilMs: 7_000 }),
      is: DEGRADED,
      breaker: CLOSED,
      retry: 7n,
    },
    {
      name: "full",
      state: live({ reason: "at-concurrency-limit", untilMs: 0 }),
      is: HEALTHY,
      breaker: CLOSED,
      retry: undefined,
    },
    {
      name: "without credentials",
      state: live({ reason: "credentials", untilMs: Infinity }),
      is: DISABLED,
      breaker: CLOSED,
      retry: undefined,
    },
    {
      name: "misconfigured",
      state: live({ reason: "misconfigured", untilMs: Infinity }),
      is: DISABLED,
      breaker: CLOSED,
      retry: undefined,
    },
    {
      name: "recovering",
      state: live(undefined, "half-open"),
      is: DEGRADED,
      breaker: PROBING,
      retry: undefined,
    },
  ])("tells the health of an endpoint that is $name", async ({ state, is, breaker, retry }) => {
    const states: Record<string, LiveState> = state === undefined ? {} : { a: state };
    const answer = await clientFor({ endpoints: [exampleEndpoint("a")], states }).getModel({
      id: "one",
    });
    const health = answer.endpoints[0]?.health;
    expect(health).toMatchObject({ state: is, breaker });
    expect(health?.retryTime?.seconds).toBe(retry);
  });

  it("tells that an endpoint is switched off or went badly just now", async () => {
    const endpoints = [exampleEndpoint("a", { enabled: false }), exampleEndpoint("b")];
    const scores = { b: { ...score, degraded: true } };
    const answer = await clientFor({ endpoints, scores }).getModel({ id: "one" });
    expect(answer.endpoints.map(({ health }) => health?.state)).toEqual([DISABLED, DEGRADED]);
  });
});

describe("a claim from outside", () => {
  const rateLimited = live({ reason: "rate-limited", untilMs: 7_000 });
  const open = live({ reason: "breaker-open", untilMs: 9_000 }, "open");

  it.each([
    { claimed: "down", state: undefined, is: UNHEALTHY, says: "reported down: r" },
    { claimed: "draining", state: live(undefined), is: UNHEALTHY, says: "reported draining: r" },
    { claimed: "degraded", state: live(undefined), is: DEGRADED, says: "reported degraded: r" },
    { claimed: "up", state: undefined, is: HEALTHY, says: "" },
    { claimed: "up", state: open, is: UNHEALTHY, says: "circuit breaker open" },
    { claimed: "down", state: rateLimited, is: UNHEALTHY, says: "reported down: r" },
    { claimed: "degraded", state: open, is: UNHEALTHY, says: "circuit breaker open" },
  ] as const)(
    "of $claimed counts as far as nothing is worse",
    async ({ claimed, state, ...want }) => {
      const answer = await clientFor({
        endpoints: [exampleEndpoint("a")],
        states: state === undefined ? {} : { a: state },
        claims: { a: { state: claimed, reason: "r", untilMs: 0 } },
      }).getModel({ id: "one" });
      expect(answer.endpoints[0]?.health).toMatchObject({ state: want.is, reason: want.says });
    },
  );

  it("does not switch an endpoint on", async () => {
    const answer = await clientFor({
      endpoints: [exampleEndpoint("a", { enabled: false })],
      claims: { a: { state: "up", reason: "", untilMs: 0 } },
    }).getModel({ id: "one" });
    expect(answer.endpoints[0]?.health?.state).toBe(DISABLED);
  });
});

describe("tier routes", () => {
  const candidate = (
    id: string,
    share: number,
    changes: Partial<Endpoint> = {},
    total = 100,
  ): Candidate => ({
    endpoint: exampleEndpoint(id, changes),
    eligible: true,
    rejections: [],
    share,
    terms: {},
    estimatedCost: { total, input: total, output: 0, cache: 0, request: 0 },
    gate: "green",
    band: 0,
    cold: false,
    droppedParameters: [],
  });

  const routerOf = (...candidates: readonly Candidate[]) =>
    scriptedRouter(answers(), (request) => ({ ...explainExample(request), candidates }));

  it("are one for each tier: the likeliest endpoint, and the cheapest that runs batches", async () => {
    const router = routerOf(
      candidate("small", 0.2, { spot: true }, 60),
      candidate("likely", 0.7),
      candidate("batch", 0.1, {
        supportsBatch: true,
        pricing: { ...exampleEndpoint("x").pricing, batchDiscountPercent: 50 },
      }),
    );
    const { tierRoutes } = await clientFor({ router }).getModel({ id: "one", operation: "op" });
    expect(tierRoutes.map(({ tier, endpoint, gate }) => ({ tier, endpoint, gate }))).toEqual([
      { tier: Tier.REALTIME, endpoint: "likely", gate: GateState.GREEN },
      { tier: Tier.STANDARD, endpoint: "likely", gate: GateState.GREEN },
      { tier: Tier.BATCH, endpoint: "batch", gate: GateState.GREEN },
    ]);
    expect(router.plans.map(({ policy }) => policy.operation)).toEqual(["op", "op"]);
  });

  it("say why nothing runs batches", async () => {
    const { tierRoutes } = await clientFor({ router: routerOf(candidate("a", 1)) }).getModel({
      id: "one",
    });
    expect(tierRoutes[2]).toMatchObject({ endpoint: "", gate: GateState.UNSPECIFIED });
    expect(tierRoutes[2]?.reason).toContain("batch API");
  });

  it("say why nothing is eligible", async () => {
    const router = scriptedRouter(answers(), () => {
      throw new RouterError("no-eligible-endpoint", "all are switched off");
    });
    const { tierRoutes } = await clientFor({ router }).getModel({ id: "one" });
    expect(tierRoutes.map(({ endpoint }) => endpoint)).toEqual(["", "", ""]);
    expect(tierRoutes[0]?.reason).toBe("all are switched off");
  });
});
