import type { Endpoint } from "../domain/catalog.ts";
import type { Connection, OpenaiFlavor } from "./connection.ts";
import type { DialectAdapter } from "./dialect-adapter.ts";
import { createRedaction, type Redaction, secretsOf } from "./redact.ts";

/** A connection made ready for one dialect and provider. */
export type Target = {
  readonly dialect: string;
  readonly providerId: string;
  readonly origin: string;
  /** Path and query of the request. */
  readonly path: string;
  /** Names and values in turn, as undici takes them. */
  readonly streamHeaders: readonly string[];
  readonly wholeHeaders: readonly string[];
  readonly flavor: OpenaiFlavor;
  readonly redaction: Redaction;
};

const FIRST_PARTIES: ReadonlySet<string> = new Set(["openai", "azure"]);

/** Throws a `TypeError` for a base URL that is no HTTP URL. */
export function targetOf(
  connection: Connection,
  endpoint: Endpoint,
  adapter: DialectAdapter,
): Target {
  const url = new URL(connection.baseUrl);
  if (url.protocol !== "https:" && url.protocol !== "http:") {
    throw new TypeError("The base URL is not an HTTP URL.");
  }
  const providerId = endpoint.provider.id;
  const headers = headersOf(connection, providerId, adapter);
  return {
    dialect: endpoint.dialect,
    providerId,
    origin: url.origin,
    path: `${url.pathname.replace(/\/+$/, "")}${adapter.path}${url.search}`,
    streamHeaders: flat({ accept: "text/event-stream", ...headers }),
    wholeHeaders: flat({ accept: "application/json", ...headers }),
    flavor: connection.flavor ?? (FIRST_PARTIES.has(providerId) ? "openai" : "compatible"),
    redaction: createRedaction(secretsOf(connection.apiKey, connection.headers ?? {})),
  };
}

function headersOf(
  connection: Connection,
  providerId: string,
  adapter: DialectAdapter,
): Record<string, string> {
  const auth = connection.auth ?? (providerId === "azure" ? "api-key" : adapter.auth);
  const { apiKey } = connection;
  const headers: Record<string, string> = {
    "content-type": "application/json",
    // Compressed events are held back until a block is full.
    "accept-encoding": "identity",
    "user-agent": "atlas-router",
    ...adapter.headers,
  };
  if (apiKey !== undefined && apiKey !== "") {
    headers[auth === "bearer" ? "authorization" : auth] =
      auth === "bearer" ? `Bearer ${apiKey}` : apiKey;
  }
  for (const [name, value] of Object.entries(connection.headers ?? {})) {
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

function flat(headers: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(headers).flat();
}
