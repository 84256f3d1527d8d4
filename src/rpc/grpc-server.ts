import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import { createCallTracker } from "./call-tracker.ts";
import { addHealth, healthPaths } from "./grpc-health.ts";
import { grpcServiceOf } from "./grpc-service.ts";
import { type GrpcSessionHooks, hookGrpcSessions } from "./grpc-session-hooks.ts";
import {
  defaultListenerLimits,
  type ListenerLimits,
  type ListenerOptions,
  type RunningListener,
  type TlsOptions,
} from "./listener-options.ts";
import { createRpcTeller } from "./open-rpc.ts";
import { addReflection, reflectionPaths } from "./reflection.ts";
import { methodPath, type RpcService } from "./rpc-service.ts";

/** Sockets are closed by force when the peers have not let go after this. */
const GOODBYE_MS = 250;

/** Before the server listens there is no session to act upon. */
const noHooks: GrpcSessionHooks = {
  rpcOf: () => undefined,
  reset: () => undefined,
  stopAccepting: () => Promise.resolve(),
  destroyAll: () => undefined,
};

/** Serves gRPC with health and reflection. Rejects when the port cannot be had. */
export async function startGrpcServer(options: ListenerOptions): Promise<RunningListener> {
  const limits = { ...defaultListenerLimits, ...options.limits };
  const { services, errorDomain, nowMs, schedule, log } = options;
  const tracker = createCallTracker(schedule);
  const rpcs = createRpcTeller(options);
  // It writes what it cannot read of a caller's headers to the console, credentials and all.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server(channelOptions(limits));
  let hooks = noHooks;
  for (const service of services) {
    const ports = {
      errorDomain,
      limits,
      nowMs,
      schedule,
      log,
      tracker,
      rpcs,
      hooks: () => hooks,
    };
    const { definition, implementation } = grpcServiceOf(service, ports);
    server.addService(definition, implementation);
  }
  const { markNotServing } = addHealth(
    server,
    services.map(({ desc }) => desc.typeName),
  );
  addReflection(server, services);
  const port = await bind(server, options);
  hooks = hookGrpcSessions(server, {
    rpcs,
    own: pathsOf(services),
    foreign: new Set([...healthPaths, ...reflectionPaths]),
    requestStreaming: reflectionPaths,
    limits,
    errorDomain,
    schedule,
    log,
  });

  return {
    port,
    activeCalls: tracker.count,
    markNotServing,
    async drain(graceMs) {
      markNotServing();
      await hooks.stopAccepting();
      const closed = new Promise<void>((resolve) => {
        server.tryShutdown(() => resolve());
      });
      await tracker.drain(graceMs);
      const callOff = new Promise<void>((resolve) => {
        schedule(GOODBYE_MS, resolve);
      });
      await Promise.race([closed, callOff]);
      server.forceShutdown();
      hooks.destroyAll();
      await closed;
    },
  };
}

function channelOptions(limits: ListenerLimits) {
  return {
    "grpc.max_receive_message_length": limits.maxMessageBytes,
    // Checked where answers are encoded, with a typed error.
    "grpc.max_send_message_length": -1,
    "grpc.max_concurrent_streams": limits.maxConcurrentStreams,
    "grpc.max_connection_idle_ms": limits.maxConnectionIdleMs,
    "grpc.max_connection_age_ms": limits.maxConnectionAgeMs,
    "grpc.max_connection_age_grace_ms": limits.maxConnectionAgeGraceMs,
    "grpc.keepalive_time_ms": limits.keepaliveTimeMs,
    "grpc.keepalive_timeout_ms": limits.keepaliveTimeoutMs,
    // Its counters cost time on every message, and the router has metrics of its own.
    "grpc.enable_channelz": 0,
  };
}

function pathsOf(services: readonly RpcService[]): ReadonlySet<string> {
  return new Set(services.flatMap(({ methods }) => methods.map(({ desc }) => methodPath(desc))));
}

function bind(server: Server, { host, port, tls }: ListenerOptions): Promise<number> {
  const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new Promise((resolve, reject) => {
    server.bindAsync(address, credentialsOf(tls), (error, bound) => {
      if (error === null) {
        resolve(bound);
      } else {
        reject(error);
      }
    });
  });
}

function credentialsOf(tls: TlsOptions | undefined): ServerCredentials {
  if (tls === undefined) {
    return ServerCredentials.createInsecure();
  }
  const pair = { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) };
  return tls.clientCa === undefined
    ? ServerCredentials.createSsl(null, [pair])
    : ServerCredentials.createSsl(Buffer.from(tls.clientCa), [pair], true);
}
