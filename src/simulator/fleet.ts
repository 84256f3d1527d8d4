/**
 * The simulated fleet: HTTP servers on loopback that answer as the providers do.
 *
 * Each provider is a server with an origin of its own, and each of its endpoints a path below it, so
 * connection pools, failures and limits are shared or apart as in reality. The fleet speaks the wire
 * formats in its own words and shares nothing with the adapters it is used to test.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
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

/** Throws a RangeError for a bad profile or an id used twice. */
export async function startFleet(
  specs: readonly SimulatedEndpoint[],
  options: FleetOptions,
): Promise<Fleet> {
  const endpoints = createEndpoints(specs, options.seed);
  const world = { apiKey: options.apiKey, nowMs: options.nowMs ?? Date.now };
  const servers = new Map<string, LoopbackServer>();

  function find(endpointId: string): Endpoint {
    const endpoint = endpoints.get(endpointId);
    if (endpoint === undefined) {
      throw new RangeError(`no simulated endpoint ${endpointId}`);
    }
    return endpoint;
  }

  function baseUrl(endpointId: string): string {
    const origin = servers.get(find(endpointId).spec.provider)?.origin ?? "";
    return `${origin}/${encodeURIComponent(endpointId)}/v1`;
  }

  const control = await startLoopbackServer(
    createControlApi({ endpoints, baseUrl }),
    options.controlPort ?? 0,
  );
  // After the control port, the only one that can be taken: these are free ones.
  for (const provider of new Set(specs.map((spec) => spec.provider))) {
    servers.set(provider, await startLoopbackServer(createProvider(provider, endpoints, world), 0));
  }
  return {
    baseUrl,
    controlUrl: control.origin,
    profile: (id) => find(id).profile(),
    configure: (id, patch) => validProfile(find(id).configure(patch), id),
    stats: (id) => find(id).stats.read(),
    reset: (id) => find(id).reset(),
    whenIdle: (id) => find(id).stats.whenIdle(),
    async close() {
      await Promise.all([...servers.values(), control].map((server) => server.close()));
    },
  };
}

function createEndpoints(
  specs: readonly SimulatedEndpoint[],
  seed: number,
): ReadonlyMap<string, Endpoint> {
  const endpoints = new Map<string, Endpoint>();
  for (const spec of specs) {
    if (endpoints.has(spec.id)) {
      throw new RangeError(`two simulated endpoints are called ${spec.id}`);
    }
    endpoints.set(spec.id, createEndpoint(spec, seed));
  }
  return endpoints;
}

/** Serves `/{endpoint id}/v1/…` for the endpoints of one provider. */
function createProvider(
  provider: string,
  all: ReadonlyMap<string, Endpoint>,
  world: FleetWorld,
): (request: IncomingMessage, response: ServerResponse) => void {
  const own = [...all.values()].filter(({ spec }) => spec.provider === provider);
  const byPrefix = new Map(
    own.map((endpoint) => [`/${encodeURIComponent(endpoint.spec.id)}/v1`, endpoint]),
  );
  return (request, response) => {
    const { url = "" } = request;
    const [path = ""] = url.split("?");
    const prefix = /^\/[^/]*\/v1(?=\/)/.exec(path)?.[0] ?? "";
    const endpoint = byPrefix.get(prefix);
    if (endpoint === undefined) {
      response.writeHead(404, { "content-type": "text/plain" });
      response.end(`no simulated endpoint at ${path}`);
      return;
    }
    answerRequest(endpoint, { request, response, path: path.slice(prefix.length) }, world);
  };
}
