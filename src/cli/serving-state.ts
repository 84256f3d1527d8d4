import type { TimeoutSettings } from "../attempt/clocks.ts";
import { buildCatalog } from "../catalog/build-catalog.ts";
import type { Config } from "../config/config.ts";
import type { CatalogSnapshot, Endpoint } from "../domain/catalog.ts";
import { defaultPolicy, type RoutingPolicy } from "../domain/policy.ts";
import type { Fleet } from "../simulator/fleet.ts";
import type { Connection } from "../upstream/connection.ts";
import { type Account, accountsOf } from "./accounts.ts";
import type { Settings } from "./settings.ts";
import { startSimulatedFleet } from "./simulated-fleet.ts";

/** What calls are served with at one moment. Frozen: a reload swaps the whole. */
export type Serving = {
  readonly config: Config;
  readonly catalog: CatalogSnapshot;
  /** Of all models. */
  readonly endpoints: readonly Endpoint[];
  readonly attemptTimeouts: TimeoutSettings;
  readonly policy: RoutingPolicy;
  readonly secrets: readonly string[];
  /** Absent when nothing is simulated. */
  readonly fleet: Fleet | undefined;
  connect(endpoint: Endpoint): Connection;
};

/** Nobody listens on the discard port of loopback: a call that should not happen fails at once. */
const NOWHERE: Connection = { baseUrl: "http://127.0.0.1:9", apiKey: undefined };

/**
 * Prepares settings for serving. The fleet of `previous` goes on when it can serve the same endpoints;
 * otherwise another is started, and the caller closes the one before it once its calls have ended.
 */
export async function prepareServing(
  settings: Settings,
  env: Readonly<Record<string, string | undefined>>,
  previous?: Serving,
): Promise<Serving> {
  const { config } = settings;
  const accounts = accountsOf(settings, env);
  const off: Account = { enabled: false, simulated: false, connection: undefined, secrets: [] };
  const accountFor = (key: string) => accounts.get(key) ?? off;
  const revision = (previous?.catalog.revision ?? 0) + 1;
  const catalog = buildCatalog(settings.catalog, { revision, access: accountFor });
  const endpoints = catalog.models.flatMap(({ id }) => catalog.endpointsOf(id));
  const fleet = await fleetFor(endpoints, config, previous);
  const connections = new Map(
    endpoints.map((endpoint) => [
      endpoint.id,
      connectionFor(endpoint, accountFor(endpoint.account), fleet),
    ]),
  );
  return Object.freeze({
    config,
    catalog,
    endpoints,
    attemptTimeouts: attemptTimeoutsOf(config),
    policy: operatorPolicyOf(config),
    secrets: [...accounts.values()].flatMap(({ secrets }) => secrets),
    fleet,
    connect: ({ id }: Endpoint) => connections.get(id) ?? NOWHERE,
  });
}

function connectionFor(
  { id, simulated }: Endpoint,
  { connection }: Account,
  fleet: Fleet | undefined,
): Connection {
  return simulated && fleet !== undefined
    ? { baseUrl: fleet.baseUrl(id), apiKey: undefined }
    : (connection ?? NOWHERE);
}

async function fleetFor(
  endpoints: readonly Endpoint[],
  { simulator }: Config,
  previous: Serving | undefined,
): Promise<Fleet | undefined> {
  const simulated = endpoints.filter((endpoint) => endpoint.simulated);
  if (simulated.length === 0) {
    return undefined;
  }
  const same =
    previous !== undefined && simulatedKey(previous.endpoints) === simulatedKey(endpoints);
  return (same ? previous.fleet : undefined) ?? startSimulatedFleet(simulated, simulator);
}

/** Everything of the simulated endpoints that the fleet is started with. */
function simulatedKey(endpoints: readonly Endpoint[]): string {
  const simulated = endpoints.filter((endpoint) => endpoint.simulated);
  return JSON.stringify(
    simulated.map(({ id, dialect, upstreamModel, contextLength }) => [
      id,
      dialect,
      upstreamModel,
      contextLength,
    ]),
  );
}

/** The operator's bounds as a policy that leaves everything else to the request. */
function operatorPolicyOf({ policy, retry }: Config): RoutingPolicy {
  return {
    ...defaultPolicy,
    ...policy,
    maxAttempts: retry.maxAttempts,
    allowHedging: true,
    priority: "critical",
  };
}

function attemptTimeoutsOf({ timeouts }: Config): TimeoutSettings {
  const { firstToken, idleMs } = timeouts;
  return {
    firstTokenMinMs: firstToken.minMs,
    firstTokenMaxMs: firstToken.maxMs,
    firstTokenColdMs: firstToken.coldMs,
    idleMs,
  };
}
