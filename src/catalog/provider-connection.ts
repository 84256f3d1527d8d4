import type { Dialect } from "../domain/endpoint.ts";
import type { ProviderEntry } from "./catalog-schema.ts";

/** How one account of a provider is reached. Holds names of secrets, never secrets. */
export type ProviderConnection = {
  /** Unique, and what `Endpoint.account` holds: `azure`, `azure/swedencentral`. */
  readonly account: string;
  readonly provider: string;
  readonly dialect: Dialect;
  /** Without a slash at the end; absent where only the operator can know it. */
  readonly baseUrl: string | undefined;
  /** Environment variable that holds the base URL when `baseUrl` is absent. */
  readonly baseUrlEnv: string | undefined;
  /** Environment variable that holds the key; absent where none is needed. */
  readonly apiKeyEnv: string | undefined;
  /** Header the key travels in: `Authorization: Bearer`, or one of this name. */
  readonly auth: "bearer" | "api-key" | "x-api-key" | "none";
  /**
   * Field of an OpenAI-style request that bounds the answer. `max_completion_tokens` marks a server
   * that follows the format's owner.
   */
  readonly maxTokensField: "max_tokens" | "max_completion_tokens";
};

/** Key of a provider's own account or of one of its named ones. */
export function accountKey(provider: string, account: string | undefined): string {
  return account === undefined ? provider : `${provider}/${account}`;
}

/**
 * Every account of every provider by its key: the provider's own, and each named one.
 *
 * A named account takes from its provider what it does not say itself, but never half of an address:
 * with a base URL or its variable of its own it takes neither from the provider.
 */
export function connectionsOf(
  providers: ReadonlyMap<string, ProviderEntry>,
): ReadonlyMap<string, ProviderConnection> {
  const connections = [...providers].flatMap(([id, provider]) => {
    const own = ownConnection(id, provider);
    const named = Object.entries(provider.accounts).map(([name, account]) => {
      const hasAddress = account.baseUrl !== undefined || account.baseUrlEnv !== undefined;
      return {
        ...own,
        account: accountKey(id, name),
        baseUrl: hasAddress ? account.baseUrl : own.baseUrl,
        baseUrlEnv: hasAddress ? account.baseUrlEnv : own.baseUrlEnv,
        apiKeyEnv: account.apiKeyEnv ?? own.apiKeyEnv,
      };
    });
    return [own, ...named];
  });
  return new Map(connections.map((connection) => [connection.account, Object.freeze(connection)]));
}

function ownConnection(id: string, provider: ProviderEntry): ProviderConnection {
  const { dialect, baseUrl, baseUrlEnv, apiKeyEnv } = provider;
  return {
    account: accountKey(id, undefined),
    provider: id,
    dialect,
    baseUrl,
    baseUrlEnv,
    apiKeyEnv,
    auth: provider.auth ?? (dialect === "anthropic-messages" ? "x-api-key" : "bearer"),
    maxTokensField: provider.maxTokensField,
  };
}
