import type { Config } from "./config.ts";
import { createSecret, type Secret } from "./secret.ts";
import type { Environment } from "./substitute-env.ts";

/** What the catalogue says of an account. */
export type CataloguedAccount = {
  /** `azure`, or `azure/swedencentral` for a named one. */
  readonly account: string;
  readonly provider: string;
  readonly baseUrl: string | undefined;
  readonly baseUrlEnv: string | undefined;
  readonly apiKeyEnv: string | undefined;
  /** `none`: its API asks for no key. */
  readonly auth: string;
};

/** How an account is reached, and whether it is. */
export type ProviderAccess = {
  readonly apiKey: Secret | undefined;
  /** Without a slash at the end. */
  readonly baseUrl: string | undefined;
  readonly headers: Readonly<Record<string, Secret>>;
  /** False: its endpoints take no calls. */
  readonly enabled: boolean;
  /** Answered by the built-in fleet. */
  readonly simulated: boolean;
  /** What keeps it from being called for real, for people. */
  readonly missing: readonly ("api key" | "base URL")[];
};

/**
 * Puts configuration, environment and catalogue together. For key and address the first of these
 * counts: the account's configuration, its provider's, the variable the catalogue names; for the
 * address then the catalogue's own.
 *
 * An account without key or address is simulated in mode `auto` and switched off in mode `off`.
 */
export function providerAccess(
  catalogued: CataloguedAccount,
  { providers, simulator }: Pick<Config, "providers" | "simulator">,
  env: Environment,
): ProviderAccess {
  const provider = own(providers, catalogued.provider);
  const name = catalogued.account.slice(catalogued.provider.length + 1);
  const account = provider && own(provider.accounts, name);
  const apiKey = keyOf(catalogued, account?.apiKey ?? provider?.apiKey, env);
  // A named account is another address: that of its provider would be the wrong one.
  const configured = name === "" ? provider?.baseUrl : account?.baseUrl;
  const baseUrl = configured ?? catalogued.baseUrl ?? addressIn(env, catalogued.baseUrlEnv);
  const missing = missingOf(catalogued, apiKey, baseUrl);
  const simulated = isSimulated(simulator.mode, missing.length > 0);
  return Object.freeze({
    apiKey,
    baseUrl,
    headers: Object.freeze({ ...provider?.headers, ...account?.headers }),
    enabled: (provider?.enabled ?? true) && (simulated || missing.length === 0),
    simulated,
    missing,
  });
}

function missingOf(
  { auth }: CataloguedAccount,
  apiKey: Secret | undefined,
  baseUrl: string | undefined,
): ProviderAccess["missing"] {
  return [
    ...(apiKey === undefined && auth !== "none" ? (["api key"] as const) : []),
    ...(baseUrl === undefined ? (["base URL"] as const) : []),
  ];
}

function isSimulated(mode: Config["simulator"]["mode"], isMissing: boolean): boolean {
  return mode === "all" || (mode === "auto" && isMissing);
}

function keyOf(
  { apiKeyEnv }: CataloguedAccount,
  configured: Secret | undefined,
  env: Environment,
): Secret | undefined {
  const variable = apiKeyEnv === undefined ? undefined : own(env, apiKeyEnv);
  // A variable that is set and empty is how deployments spell "none".
  return configured ?? (variable ? createSecret(variable) : undefined);
}

function addressIn(env: Environment, name: string | undefined): string | undefined {
  const address = name === undefined ? undefined : own(env, name)?.replace(/\/+$/, "");
  return address || undefined;
}

/** Names come from outside, so `constructor` must not find anything. */
function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
