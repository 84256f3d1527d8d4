import type { Authenticator, NodeConnectionOptions } from "@nats-io/transport-node";
import { credsAuthenticator, nkeyAuthenticator } from "@nats-io/transport-node";
import type { Log, NowMs, Random, Schedule } from "../domain/ports.ts";

/** How the process proves who it is. What is read is read at every connection, so it can be renewed. */
export type NatsAuth =
  | { readonly kind: "user"; readonly user: string; readonly password: string }
  | { readonly kind: "token"; readonly token: string }
  /** Contents of a `.creds` file: a JWT and its seed. */
  | { readonly kind: "credentials"; readonly read: () => Uint8Array }
  /** An NKey's seed, as in a `.nk` file. */
  | { readonly kind: "nkey"; readonly readSeed: () => Uint8Array };

/** Files in PEM; read at every connection. */
export type NatsTls = {
  /** Default: the authorities that Node trusts. */
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
  /** TLS before the server's first word, for servers with `handshake_first`. Default: false. */
  readonly handshakeFirst?: boolean;
};

export type NatsBusOptions = {
  /**
   * `nats://host:port` or `tls://host:port` (encryption required); the scheme and the port, 4222, may
   * be left out. `user:password@` or `token@` before the host stands for `auth`.
   */
  readonly servers: readonly string[];
  /** Shown by the server's monitoring. */
  readonly name: string;
  readonly auth?: NatsAuth;
  readonly tls?: NatsTls;
  /**
   * Makes and changes no stream, and waits for those of reports and scores: a guest at the fleet's bus, which
   * needs no rights but to read. Default: false.
   */
  readonly readOnly?: boolean;
  /**
   * Copies of each stream, 1 to 5; what the cluster can hold. Streams that exist get more, never fewer.
   * Default: 1; a cluster should have 3.
   */
  readonly replicas?: number;
  /** Where the server keeps the streams that it makes for us. Default: `file`. */
  readonly storage?: "file" | "memory";
  /** Most that the stream of reports holds; one that exists is never made smaller. Default: 1.5 GiB. */
  readonly reportBytes?: number;
  /** Of a connection on which nothing else comes; it counts as dead at the third without an answer. Default: 10 s. */
  readonly pingIntervalMs?: number;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly random: Random;
  readonly log: Log;
};

export type ConnectionSettings = {
  readonly connection: NodeConnectionOptions;
  /** Hosts and ports alone, for logs. */
  readonly hosts: readonly string[];
  /** What no log line and no error may hold. */
  readonly secrets: readonly string[];
};

/** 20 to 30 s until a connection counts as dead that is open and silent. */
const PING_INTERVAL_MS = 10_000;
const MAX_PINGS_OUT = 2;

/** For a connection to be made, with its greeting. */
const CONNECT_TIMEOUT_MS = 5_000;

/**
 * What the client is told, apart from when to try again. Throws a `TypeError`, which never quotes the
 * server's URL, when the options make no sense.
 */
export function connectionSettings(options: NatsBusOptions): ConnectionSettings {
  const servers = options.servers.map(parseServer);
  const inUrl = servers.find(({ auth }) => auth !== undefined)?.auth;
  if (servers.length === 0) {
    throw new TypeError("NATS: no server is named");
  }
  if (inUrl !== undefined && options.auth !== undefined) {
    throw new TypeError("NATS: credentials are given twice, in the URL and beside it");
  }
  if (servers.some(({ auth }) => auth !== undefined && !isSame(auth, inUrl))) {
    throw new TypeError("NATS: the servers' URLs differ in their credentials");
  }
  const auth = options.auth ?? inUrl;
  const hosts = servers.map(({ host }) => host);
  const encrypted = options.tls !== undefined || servers.some((server) => server.encrypted);
  return {
    hosts,
    secrets: secretsOf(auth),
    connection: {
      servers: hosts,
      name: options.name,
      pingInterval: options.pingIntervalMs ?? PING_INTERVAL_MS,
      maxPingOut: MAX_PINGS_OUT,
      timeout: CONNECT_TIMEOUT_MS,
      maxReconnectAttempts: -1,
      ignoreAuthErrorAbort: true,
      // Stack traces of every request cost more than the request.
      noAsyncTraces: true,
      ...(auth === undefined ? {} : { authenticator: authenticatorOf(auth) }),
      ...(encrypted ? { tls: { ...options.tls } } : {}),
    },
  };
}

type ParsedServer = {
  readonly host: string;
  readonly encrypted: boolean;
  readonly auth: NatsAuth | undefined;
};

function parseServer(text: string): ParsedServer {
  const url = URL.parse(/^[a-z]+:\/\//i.test(text) ? text : `nats://${text}`);
  if (url === null || url.hostname === "" || !["nats:", "tls:"].includes(url.protocol)) {
    throw new TypeError("NATS: a server is nats://host:port or tls://host:port");
  }
  return {
    host: url.port === "" ? `${url.hostname}:4222` : url.host,
    encrypted: url.protocol === "tls:",
    auth: authInUrl(decoded(url.username), decoded(url.password)),
  };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) {
      // A percent sign of its own: taken as it stands.
      return text;
    }
    throw error;
  }
}

function authInUrl(user: string, password: string): NatsAuth | undefined {
  if (user === "") {
    return undefined;
  }
  return password === "" ? { kind: "token", token: user } : { kind: "user", user, password };
}

function isSame(left: NatsAuth, right: NatsAuth | undefined): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

function secretsOf(auth: NatsAuth | undefined): readonly string[] {
  if (auth?.kind === "user") {
    return [auth.password];
  }
  return auth?.kind === "token" ? [auth.token] : [];
}

function authenticatorOf(auth: NatsAuth): Authenticator {
  switch (auth.kind) {
    case "user":
      return () => ({ user: auth.user, pass: auth.password });
    case "token":
      return () => ({ auth_token: auth.token });
    case "credentials":
      return credsAuthenticator(auth.read);
    case "nkey":
      return nkeyAuthenticator(() => trimmed(auth.readSeed()));
    default:
      return auth satisfies never;
  }
}

/** Files end with a line break, which the client takes for part of the seed. */
function trimmed(seed: Uint8Array): Uint8Array {
  return new TextEncoder().encode(new TextDecoder().decode(seed).trim());
}
