import type { Config, ListenerConfig, TlsConfig } from "../config/config.ts";
import type { Log } from "../domain/ports.ts";
import { startGrpcServer } from "../rpc/grpc-server.ts";
import { createHandlers, defaultHandlerLimits } from "../rpc/handlers.ts";
import type { Readiness } from "../rpc/http-pages.ts";
import { startHttpServer } from "../rpc/http-server.ts";
import type { ListenerLimits, ListenerOptions, TlsOptions } from "../rpc/listener-options.ts";
import type { AssembledRouter } from "./assemble-router.ts";
import type { ServerWorld } from "./server-world.ts";
import type { Serving } from "./serving-state.ts";

/** Both doors of the router, open. */
export type Listeners = {
  /** Where they can be reached, as URLs. */
  readonly grpc: string;
  readonly http: string;
  /** Calls in flight finish; what still runs after `graceMs` ends with `shutting-down`. */
  drain(graceMs: number): Promise<void>;
};

export type ListenersInput = {
  readonly serving: () => Serving;
  readonly assembled: AssembledRouter;
  readonly world: ServerWorld;
  readonly log: Log;
};

/** Rejects when a certificate cannot be read or a port cannot be had; then none is open. */
export async function startListeners(input: ListenersInput): Promise<Listeners> {
  const { serving, assembled, world, log } = input;
  const { config } = serving();
  const { nowMs, schedule, random } = world;
  const services = createHandlers({
    ...assembled,
    catalog: () => serving().catalog,
    nowMs,
    schedule,
    newId: world.newId,
    limits: {
      ...defaultHandlerLimits,
      defaultTimeoutMs: config.timeouts.defaultDeadlineMs,
      heartbeatMs: config.stream.heartbeatMs,
    },
  });
  const shared = {
    services,
    errorDomain: config.errorDomain,
    limits: limitsOf(config),
    nowMs,
    schedule,
    random,
    log,
  };
  const { grpc, http } = config.listen;
  const grpcServer = await startGrpcServer({ ...shared, ...(await doorOf(grpc, world)) });
  try {
    const httpServer = await startHttpServer({
      ...shared,
      ...(await doorOf(http, world)),
      readiness: () => readinessOf(serving(), assembled, nowMs()),
    });
    return {
      grpc: `${grpc.tls === undefined ? "grpc" : "grpcs"}://${grpc.host}:${grpcServer.port}`,
      http: `${http.tls === undefined ? "http" : "https"}://${http.host}:${httpServer.port}`,
      async drain(graceMs) {
        await Promise.all([grpcServer.drain(graceMs), httpServer.drain(graceMs)]);
      },
    };
  } catch (error) {
    await grpcServer.drain(0);
    throw error;
  }
}

async function doorOf(
  { host, port, tls }: ListenerConfig,
  world: ServerWorld,
): Promise<Pick<ListenerOptions, "host" | "port" | "tls">> {
  return { host, port, tls: tls === undefined ? undefined : await readTls(tls, world) };
}

async function readTls(
  { certFile, keyFile, clientCaFile }: TlsConfig,
  { readFile }: ServerWorld,
): Promise<TlsOptions> {
  const read = async (path: string) => new TextDecoder().decode(await readFile(path));
  return {
    cert: await read(certFile),
    key: await read(keyFile),
    clientCa: clientCaFile === undefined ? undefined : await read(clientCaFile),
  };
}

function limitsOf({ limits, timeouts }: Config): Partial<ListenerLimits> {
  return {
    maxMessageBytes: limits.messageBytes,
    maxHeaderBytes: limits.headerBytes,
    maxConcurrentStreams: limits.concurrentStreams,
    maxBufferedBytes: limits.streamBufferBytes,
    writeStallMs: timeouts.writeStallMs,
    maxConnectionIdleMs: limits.connectionIdleMs,
    maxConnectionAgeMs: limits.connectionAgeMs,
    maxConnectionAgeGraceMs: limits.connectionAgeGraceMs,
    keepaliveTimeMs: limits.keepaliveMs,
    keepaliveTimeoutMs: limits.keepaliveTimeoutMs,
  };
}

function readinessOf(
  { catalog, endpoints }: Serving,
  { scores }: AssembledRouter,
  nowMs: number,
): Readiness {
  const { revision, windowEndMs } = scores();
  return {
    ready: endpoints.some(({ enabled }) => enabled),
    details: {
      models: catalog.models.length,
      endpoints: endpoints.length,
      catalogRevision: catalog.revision,
      scoreRevision: revision,
      scoreAgeMs: Math.round(nowMs - windowEndMs),
    },
  };
}
