import { X509Certificate } from "node:crypto";
import type { SecureClientSessionOptions } from "node:http2";
import { createSecureContext, type SecureContextOptions } from "node:tls";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { CatalogService } from "../../gen/atlas/v1/catalog_service_pb.ts";
import { InsightService } from "../../gen/atlas/v1/insight_service_pb.ts";
import { RouterService } from "../../gen/atlas/v1/router_service_pb.ts";
import { ScoringService } from "../../gen/atlas/v1/scoring_service_pb.ts";
import { sendDeadline } from "./call-deadline.ts";
import type { CliWorld } from "./cli-world.ts";
import type { GlobalOptions } from "./global-options.ts";
import { createHttp2Session, type Http2Session } from "./http2-session.ts";
import { readBytes } from "./read-input.ts";
import { parseServerAddress } from "./server-address.ts";
import { UsageProblem } from "./usage-problem.ts";

/** One connection to a router, shared by all calls of a command. */
export type ServerConnection = {
  readonly router: Client<typeof RouterService>;
  readonly catalog: Client<typeof CatalogService>;
  readonly scoring: Client<typeof ScoringService>;
  readonly insight: Client<typeof InsightService>;
  /** As of `Http2Session`: to be called once, before any call. Rejects with an `UnreachableError`. */
  connect: Http2Session["connect"];
  /** Ends the connection with every call on it. */
  close(): void;
};

/** Reads the certificates; connects only when it is told to. */
export async function createServerConnection(
  files: Pick<CliWorld, "readFile">,
  options: GlobalOptions,
): Promise<ServerConnection> {
  const tls = await readTls(files, options);
  const url = parseServerAddress(options.server, tls !== undefined);
  const session = createHttp2Session(url, tls);
  const transport = createGrpcTransport({
    baseUrl: session.authority,
    sessionManager: session,
    interceptors: [sendDeadline],
  });
  return {
    router: createClient(RouterService, transport),
    catalog: createClient(CatalogService, transport),
    scoring: createClient(ScoringService, transport),
    insight: createClient(InsightService, transport),
    connect: (signal, withinMs) => session.connect(signal, withinMs),
    close: () => session.close(),
  };
}

async function readTls(
  files: Pick<CliWorld, "readFile">,
  { tlsCa, tlsCert, tlsKey }: GlobalOptions,
): Promise<SecureClientSessionOptions | undefined> {
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new UsageProblem("--tls-cert and --tls-key need each other");
  }
  if (tlsCa === undefined && tlsCert === undefined) {
    return undefined;
  }
  const read = async (path: string | undefined) =>
    path === undefined ? undefined : Buffer.from(await readBytes(files, path));
  const [ca, cert, key] = await Promise.all([read(tlsCa), read(tlsCert), read(tlsKey)]);
  const tls = {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  };
  assertUsable(tls);
  return tls;
}

/** Before connecting: afterwards a bad file looks like a server that refuses. */
function assertUsable(tls: Pick<SecureContextOptions, "ca" | "cert" | "key">): void {
  try {
    createSecureContext(tls);
    if (Buffer.isBuffer(tls.ca)) {
      // A context takes a file without any certificate for an empty list.
      new X509Certificate(tls.ca);
    }
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new UsageProblem(`the --tls files cannot be used: ${reason}`, { cause });
  }
}
