import type { TimeoutSettings } from "../attempt/clocks.ts";
import { buildCatalog } from "../catalog/build-catalog.ts";
import type { Config } from "../config/config.ts";
import type { CatalogSnapshot, Endpoint } from "../domain/catalog.ts";
import type { RoutingPolicy } from "../domain/policy.ts";
import { sha256 } from "../health/sha256.ts";
import { unrestrictedPolicy } from "../plan/effective-policy.ts";
import type { Fleet } from "../simulator/fleet.ts";
import { otlpSecretsOf } from "../telemetry/otlp-secrets.ts";
import type { Connection } from "../upstream/connection.ts";
import { type Account, accountsOf } from "./accounts.ts";
import { busSecrets } from "./fleet-options.ts";
import { createSecretList } from "./secret-list.ts";
import type { Settings } from "./settings.ts";
import { keepSimulatedFleet } from "./simulated-fleet.ts";

/** What calls are served with at one moment. Frozen: a reload swaps the whole. */
export type Serving = {
  readonly config: Config;
  readonly catalog: CatalogSnapshot;
  /** Of all models. */
  readonly endpoints: readonly Endpoint[];
  readonly attemptTimeouts: TimeoutSettings;
  readonly policy: RoutingPolicy;
  /** Absent as long as nothing was ever simulated. */
  readonly fleet: Fleet | undefined;
};

/** Makes settings ready for serving, one after the other, and keeps what outlives each of them. */
export type ServingSource = {
  /**
   * One call at a time. Rejects when the fleet cannot be started; then nothing has changed for calls.
   * The simulator's settings of the first ones hold for all.
   */
  prepare(settings: Settings): Promise<Serving>;
  /**
   * How to reach an endpoint of any catalogue that was prepared: a call that was planned before a
   * reload ends as it was planned. The same object for the same endpoint.
   */
  connect(endpoint: Endpoint): Connection;
  /** Values that must never be printed, those of the settings before among them. */
  secrets(): readonly string[];
  /** Ends the fleet. After it nothing may be prepared. */
  close(): Promise<void>;
};

type Environment = Readonly<Record<string, string | undefined>>;

/** Nobody listens on the discard port of loopback: a call that should not happen fails at once. */
const NOWHERE: Connection = { baseUrl: "http://127.0.0.1:9", apiKey: undefined };

const OFF: Account = { enabled: false, simulated: false, connection: undefined, secrets: [] };

export function createServingSource(
  simulator: Config["simulator"],
  env: Environment,
): ServingSource {
  const kept = keepSimulatedFleet(simulator);
  const connections = new WeakMap<Endpoint, Connection>();
  const secrets = createSecretList();
  let revision = 0;
  return {
    async prepare(settings) {
      const { config, catalog: merged } = settings;
      const accounts = accountsOf({ ...settings, config: { ...config, simulator } }, env);
      const accountFor = (key: string) => accounts.get(key) ?? OFF;
      secrets.use([
        ...[...accounts.values()].flatMap((account) => account.secrets),
        ...busSecrets(config),
        ...otlpSecretsOf(env),
      ]);
      revision += 1;
      const catalog = buildCatalog(merged, { revision, sha256, access: accountFor });
      const endpoints = catalog.models.flatMap(({ id }) => catalog.endpointsOf(id));
      const fleet = await kept.serving(endpoints.filter((endpoint) => endpoint.simulated));
      for (const endpoint of endpoints) {
        const account = accountFor(endpoint.account);
        connections.set(endpoint, connectionFor(endpoint, account, fleet));
      }
      return Object.freeze({
        config,
        catalog,
        endpoints,
        attemptTimeouts: attemptTimeoutsOf(config),
        policy: operatorPolicyOf(config),
        fleet,
      });
    },
    connect: (endpoint) => connections.get(endpoint) ?? NOWHERE,
    secrets: secrets.all,
    close: kept.close,
  };
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

/** The operator's bounds as a policy that leaves everything else to the request. */
function operatorPolicyOf({ policy, retry }: Config): RoutingPolicy {
  return {
    ...unrestrictedPolicy,
    ...policy,
    maxAttempts: retry.maxAttempts,
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
