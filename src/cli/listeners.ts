import { setLogger } from "@grpc/grpc-js";
import { RouterService } from "../../gen/atlas/v1/router_service_pb.ts";
import type { Config, Role } from "../config/config.ts";
import type { Log } from "../domain/ports.ts";
import { createRpcObserver } from "../observe/observe.ts";
import { startGrpcServer } from "../rpc/grpc-server.ts";
import type { HandlerPorts } from "../rpc/handler-ports.ts";
import { createHandlers, defaultHandlerLimits } from "../rpc/handlers.ts";
import type { Readiness } from "../rpc/http-pages.ts";
import { startHttpServer } from "../rpc/http-server.ts";
import type { ListenerLimits, RunningListener } from "../rpc/listener-options.ts";
import type { RpcService } from "../rpc/rpc-service.ts";
import type { AssembledRouter } from "./assemble-router.ts";
import { portProblem } from "./port-problem.ts";
import type { ListenersTls } from "./read-tls.ts";
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
  readonly tls: ListenersTls;
  readonly world: ServerWorld;
  readonly log: Log;
};

/** Rejects with a message for the operator when a port cannot be had; then none is open. */
export async function startListeners(input: ListenersInput): Promise<Listeners> {
  const { serving, assembled, tls, world, log } = input;
  const { config } = serving();
  const { nowMs, schedule, random } = world;
  const { telemetry } = assembled;
  const services = servicesFor(config.role, {
    ...assembled,
    ...(config.role === "scorer" ? {} : { insight: telemetry.insight }),
    recordsAnswers: telemetry.recordsAnswers,
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
    beginTrace: telemetry.beginTrace,
    onRpcEnd: createRpcObserver(telemetry.rpcEnded, (cause) =>
      log("error", "the end of an RPC was not taken", { cause }),
    ),
  };
  const { grpc, http } = config.listen;
  const library = relayLibraryLog(log);
  const opened = await openBoth(
    () => startGrpcServer({ ...shared, host: grpc.host, port: grpc.port, tls: tls.grpc }),
    () =>
      startHttpServer({
        ...shared,
        host: http.host,
        port: http.port,
        tls: tls.http,
        readiness: () => readinessOf(serving(), assembled),
        lifeSigns: assembled.fleetStatus,
        routes: telemetry.route,
      }),
    config.listen,
  );
  library.begin();
  const [grpcServer, httpServer] = opened;
  telemetry.attach({ openCalls: () => grpcServer.activeCalls() + httpServer.activeCalls() });
  return {
    grpc: `${tls.grpc === undefined ? "grpc" : "grpcs"}://${urlHost(grpc.host)}:${grpcServer.port}`,
    http: `${tls.http === undefined ? "http" : "https"}://${urlHost(http.host)}:${httpServer.port}`,
    async drain(graceMs) {
      await Promise.all([grpcServer.drain(graceMs), httpServer.drain(graceMs)]);
    },
  };
}

/** A scorer tells scores and takes no calls. */
function servicesFor(role: Role, ports: HandlerPorts): readonly RpcService[] {
  const services = createHandlers(ports);
  return role === "scorer"
    ? services.filter(({ desc }) => desc.typeName !== RouterService.typeName)
    : services;
}

/**
 * The gRPC library writes to the console what it does not like. Its words go to the log instead, from
 * `begin` on: a port that cannot be had is told in ours.
 */
function relayLibraryLog(log: Log): { begin(): void } {
  let isOn = false;
  const relay =
    (level: "debug" | "info" | "warn") =>
    (...words: readonly unknown[]) => {
      if (isOn) {
        log(level, "the gRPC library reports", { text: words.map(String).join(" ") });
      }
    };
  setLogger({ error: relay("warn"), info: relay("info"), debug: relay("debug") });
  return {
    begin() {
      isOn = true;
    },
  };
}

type Start = () => Promise<RunningListener>;

/** Tries both, so that two ports that cannot be had are told at once. */
async function openBoth(
  startGrpc: Start,
  startHttp: Start,
  listen: Config["listen"],
): Promise<readonly [RunningListener, RunningListener]> {
  const [grpc] = await Promise.allSettled([startGrpc()]);
  const [http] = await Promise.allSettled([startHttp()]);
  if (grpc.status === "fulfilled" && http.status === "fulfilled") {
    return [grpc.value, http.value];
  }
  const problems: string[] = [];
  for (const [name, result] of [["grpc", grpc] as const, ["http", http] as const]) {
    if (result.status === "fulfilled") {
      await result.value.drain(0);
    } else {
      const wanted = { ...listen[name], setting: `listen.${name}.port`, flag: `--${name}-port` };
      problems.push(portProblem(wanted, result.reason));
    }
  }
  throw new Error(problems.join("\n"));
}

function urlHost(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
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
  { scores, fleetStatus }: AssembledRouter,
): Readiness {
  return {
    ready: endpoints.some(({ enabled }) => enabled),
    details: {
      models: catalog.models.length,
      endpoints: endpoints.length,
      catalogRevision: catalog.revision,
      priceVersion: catalog.priceVersion,
      scoreRevision: scores().revision,
      ...fleetStatus(),
    },
  };
}
