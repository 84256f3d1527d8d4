/**
 * The simulated fleet: HTTP servers on loopback that answer as the providers do.
 *
 * Each provider is a server with an origin of its own, and each of its endpoints a path below it, so
 * connection pools, failures and limits are shared or apart as in reality. The fleet speaks the wire
 * formats in its own words and shares nothing with the adapters it is used to test.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { isDeepStrictEqual } from "node:util";
import { answerRequest, type FleetWorld } from "./answer-request.ts";
import { createControlApi } from "./control-api.ts";
import { createEndpoint, type Endpoint, type SimulatedEndpoint, validProfile } from "./endpoint.ts";
import type { EndpointStats } from "./endpoint-stats.ts";
import { type LoopbackServer, startLoopbackServer } from "./loopback-server.ts";
import type { Profile, ProfilePatch } from "./profile.ts";

export type FleetOptions = {
  /** Of all randomness. The same requests in the same order to an endpoint get the same answers. */
  readonly seed: number;
  /** Wall clock in milliseconds, for timestamps and rate windows. Default `Date.now`. */
  readonly nowMs?: () => number;
  /** When set, requests with another key get 401. Default: every request is welcome. */
  readonly apiKey?: string;
  /** Of the control API. Default 0: a free port. */
  readonly controlPort?: number;
};

export type Fleet = {
  /**
   * Ends in `/v1`; OpenAI paths are `/chat/completions` and `/models` below it, Anthropic's are
   * `/messages` and `/models`.
   */
  baseUrl(endpointId: string): string;
  /** See `control-api.ts`. */
  readonly controlUrl: string;
  /**
   * Serves these endpoints as well. One that is already served as given goes on as it is; one that
   * differs begins anew at another base URL, and requests to the old one are answered as before.
   *
   * Rejects, with nothing changed, with a RangeError for a bad profile or an id given twice. One call
   * at a time.
   */
  add(specs: readonly SimulatedEndpoint[]): Promise<void>;
  profile(endpointId: string): Profile;
  /** Merges, and returns the result. Throws a RangeError with every problem. */
  configure(endpointId: string, patch: ProfilePatch): Profile;
  stats(endpointId: string): EndpointStats;
  reset(endpointId: string): void;
  /** Resolves when the endpoint has no open request. */
  whenIdle(endpointId: string): Promise<void>;
  /** Ends open connections and leaves no handle behind. */
  close(): Promise<void>;
};

/** Rejects with a RangeError for a bad profile or an id used twice; then nothing is left open. */
export async function startFleet(
  specs: readonly SimulatedEndpoint[],
  options: FleetOptions,
): Promise<Fleet> {
  const routes = createRoutes(options.seed);
  const world = { apiKey: options.apiKey, nowMs: options.nowMs ?? Date.now };
  const servers = new Map<string, LoopbackServer>();
  const find = (endpointId: string) => routes.find(endpointId).endpoint;

  function baseUrl(endpointId: string): string {
    const { endpoint, prefix } = routes.find(endpointId);
    return `${servers.get(endpoint.spec.provider)?.origin ?? ""}${prefix}`;
  }

  async function add(more: readonly SimulatedEndpoint[]): Promise<void> {
    const created = routes.prepare(more);
    for (const { endpoint } of created) {
      const { provider } = endpoint.spec;
      if (!servers.has(provider)) {
        const listener = createProvider(provider, routes.at, world);
        servers.set(provider, await startLoopbackServer(listener, 0));
      }
    }
    routes.open(created);
  }

  const control = await startLoopbackServer(
    createControlApi({ endpoints: routes.endpoints, baseUrl }),
    options.controlPort ?? 0,
  );
  async function close(): Promise<void> {
    await Promise.all([...servers.values(), control].map((server) => server.close()));
  }
  try {
    // After the control port, the only one that can be taken: the others are free ones.
    await add(specs);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    baseUrl,
    controlUrl: control.origin,
    add,
    profile: (id) => find(id).profile(),
    configure: (id, patch) => validProfile(find(id).configure(patch), id),
    stats: (id) => find(id).stats.read(),
    reset: (id) => find(id).reset(),
    whenIdle: (id) => find(id).stats.whenIdle(),
    close,
  };
}

/** An endpoint and the path that it is served below. */
type Route = { readonly endpoint: Endpoint; readonly prefix: string };

/** The endpoints by id, and everything that was ever served by its path. */
function createRoutes(seed: number) {
  const endpoints = new Map<string, Endpoint>();
  const newest = new Map<string, Route>();
  const byPrefix = new Map<string, Endpoint>();

  /** No id holds the mark of a later path: it would be encoded. */
  function freePrefix(id: string): string {
    const path = `/${encodeURIComponent(id)}`;
    let prefix = `${path}/v1`;
    for (let version = 2; byPrefix.has(prefix); version++) {
      prefix = `${path}@${version}/v1`;
    }
    return prefix;
  }

  return {
    endpoints,
    at: (prefix: string): Endpoint | undefined => byPrefix.get(prefix),
    /** Throws a RangeError for an unknown id. */
    find(id: string): Route {
      const route = newest.get(id);
      if (route === undefined) {
        throw new RangeError(`no simulated endpoint ${id}`);
      }
      return route;
    },
    /** What of these is not served yet as it is given. */
    prepare(specs: readonly SimulatedEndpoint[]): readonly Route[] {
      refuseRepeats(specs);
      return specs
        .filter((spec) => !isDeepStrictEqual(spec, endpoints.get(spec.id)?.spec))
        .map((spec) => ({ endpoint: createEndpoint(spec, seed), prefix: freePrefix(spec.id) }));
    },
    open(created: readonly Route[]): void {
      for (const route of created) {
        const { endpoint, prefix } = route;
        endpoints.set(endpoint.spec.id, endpoint);
        newest.set(endpoint.spec.id, route);
        byPrefix.set(prefix, endpoint);
      }
    },
  };
}

function refuseRepeats(specs: readonly SimulatedEndpoint[]): void {
  const ids = new Set<string>();
  for (const { id } of specs) {
    if (ids.has(id)) {
      throw new RangeError(`two simulated endpoints are called ${id}`);
    }
    ids.add(id);
  }
}

/** Serves `/{endpoint id}/v1/…` for the endpoints of one provider. */
function createProvider(
  provider: string,
  at: (prefix: string) => Endpoint | undefined,
  world: FleetWorld,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const { url = "" } = request;
    const [path = ""] = url.split("?");
    const prefix = /^\/[^/]*\/v1(?=\/)/.exec(path)?.[0] ?? "";
    const endpoint = at(prefix);
    if (endpoint?.spec.provider !== provider) {
      response.writeHead(404, { "content-type": "text/plain" });
      response.end(`no simulated endpoint at ${path}`);
      return;
    }
    answerRequest(endpoint, { request, response, path: path.slice(prefix.length) }, world);
  };
}
