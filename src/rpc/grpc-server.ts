import http2 from "node:http2";
import { logVerbosity, Server, ServerCredentials, setLogVerbosity } from "@grpc/grpc-js";
import { createCallTracker } from "./call-tracker.ts";
import { createDecompress } from "./decompression.ts";
import type { GrpcMethod, GrpcPorts } from "./grpc-call.ts";
import { createGrpcDispatch } from "./grpc-dispatch.ts";
import { addHealth, healthPaths } from "./grpc-health.ts";
import { createGrpcMethod } from "./grpc-method.ts";
import { hookGrpcSessions } from "./grpc-session-hooks.ts";
import { giveUp } from "./grpc-stream.ts";
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
import { createStreamSweep } from "./stream-sweep.ts";

/** Sockets are closed by force when the peers have not let go after this. */
const GOODBYE_MS = 250;

/** Serves gRPC with health and reflection. Rejects when the port cannot be had. */
export async function startGrpcServer(options: ListenerOptions): Promise<RunningListener> {
  const limits = { ...defaultListenerLimits, ...options.limits };
  const { services, schedule, log } = options;
  const ports = grpcPortsOf(options, limits);
  const { tracker, requests, answers } = ports;
  // It writes what it cannot read of a caller's headers to the console, credentials and all.
  setLogVerbosity(logVerbosity.NONE);
  const server = new Server(channelOptions(limits));
  const { markNotServing } = addHealth(
    server,
    services.map(({ desc }) => desc.typeName),
  );
  addReflection(server, services);
  const port = await bind(server, options);
  const dispatch = createGrpcDispatch({
    ...ports,
    maxHeaderBytes: limits.maxHeaderBytes,
    own: methodsOf(services, ports),
    foreign: new Set([...healthPaths, ...reflectionPaths]),
    requestStreaming: reflectionPaths,
  });
  const hooks = hookGrpcSessions(server, { dispatch, schedule, log });

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
      const goodbye = new Promise<void>((resolve) => {
        schedule(GOODBYE_MS, resolve);
      });
      await Promise.race([closed, goodbye]);
      server.forceShutdown();
      requests.stop();
      answers.stop();
      hooks.destroyAll();
      await closed;
    },
  };
}

function grpcPortsOf(options: ListenerOptions, limits: ListenerLimits): GrpcPorts {
  const { errorDomain, nowMs, schedule, log } = options;
  const rpcs = createRpcTeller(options);
  const requests = createStreamSweep({
    timeoutMs: limits.requestTimeoutMs,
    isOver: ({ readableEnded }) => readableEnded,
    schedule,
    onTooSlow: (stream) => giveUp(stream, { rpcs, errorDomain, requests }),
  });
  return {
    errorDomain,
    limits,
    nowMs,
    schedule,
    log,
    tracker: createCallTracker(schedule),
    rpcs,
    decompress: createDecompress(limits.maxMessageBytes),
    requests,
    answers: createStreamSweep({
      timeoutMs: limits.requestTimeoutMs,
      isOver: () => false,
      schedule,
      onTooSlow: (stream) => stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM),
    }),
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

function methodsOf(
  services: readonly RpcService[],
  ports: GrpcPorts,
): ReadonlyMap<string, GrpcMethod> {
  const methods = services.flatMap((service) => service.methods);
  return new Map(
    methods.map((method) => [methodPath(method.desc), createGrpcMethod(method, ports)]),
  );
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
