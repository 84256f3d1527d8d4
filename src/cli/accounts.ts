import type { AccountAccess } from "../catalog/build-catalog.ts";
import { connectionsOf, type ProviderConnection } from "../catalog/provider-connection.ts";
import { type ProviderAccess, providerAccess } from "../config/provider-access.ts";
import type { Connection } from "../upstream/connection.ts";
import type { Settings } from "./settings.ts";

/** How one account is reached, and whether the fleet stands in for it. */
export type Account = AccountAccess & {
  /** Absent when it is simulated or switched off. */
  readonly connection: Connection | undefined;
  /** Every value of it that must never be printed. */
  readonly secrets: readonly string[];
};

/** Every account of the catalogue by its key. */
export function accountsOf(
  { config, catalog }: Settings,
  env: Readonly<Record<string, string | undefined>>,
): ReadonlyMap<string, Account> {
  const accounts = [...connectionsOf(catalog.providers)].map(([key, entry]) => {
    const access = providerAccess(entry, config, env);
    return [key, accountOf(entry, access)] as const;
  });
  return new Map(accounts);
}

function accountOf(entry: ProviderConnection, access: ProviderAccess): Account {
  const { enabled, simulated, baseUrl, headers } = access;
  const apiKey = access.apiKey?.reveal();
  const plainHeaders = Object.fromEntries(
    Object.entries(headers).map(([name, secret]) => [name, secret.reveal()]),
  );
  const isReal = enabled && !simulated && baseUrl !== undefined;
  return {
    enabled,
    simulated,
    secrets: [...(apiKey === undefined ? [] : [apiKey]), ...Object.values(plainHeaders)],
    connection: isReal
      ? connectionOf(entry, { baseUrl, apiKey, headers: plainHeaders })
      : undefined,
  };
}

function connectionOf(
  { auth, maxTokensField }: ProviderConnection,
  reached: Pick<Connection, "baseUrl" | "apiKey"> & Required<Pick<Connection, "headers">>,
): Connection {
  return {
    baseUrl: reached.baseUrl,
    apiKey: auth === "none" ? undefined : reached.apiKey,
    headers: reached.headers,
    ...(auth !== "none" && { auth }),
    flavor: maxTokensField === "max_completion_tokens" ? "openai" : "compatible",
  };
}
