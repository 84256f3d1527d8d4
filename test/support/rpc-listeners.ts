import { randomUUID } from "node:crypto";
import { onTestFinished } from "vitest";
import type { Schedule } from "../../src/domain/ports.ts";
import { EMPTY_SCORES } from "../../src/domain/score.ts";
import { startGrpcServer } from "../../src/rpc/grpc-server.ts";
import type { HandlerPorts } from "../../src/rpc/handler-ports.ts";
import { createHandlers, defaultHandlerLimits } from "../../src/rpc/handlers.ts";
import { type HttpListenerOptions, startHttpServer } from "../../src/rpc/http-server.ts";
import type { RunningListener } from "../../src/rpc/listener-options.ts";
import { createBeginTrace } from "../../src/trace/begin-trace.ts";
import { exampleCatalog, exampleModel } from "./example-catalog.ts";
import { exampleEndpoint } from "./examples.ts";
import { type ScriptedRouter, scriptedRouter } from "./scripted-router.ts";

const realSchedule: Schedule = (delayMs, task) => {
  const timer = setTimeout(task, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
};

/** Nobody is left to say goodbye to when a test has finished. */
const HURRY_MS = 20;

export type LogLine = {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
};

export type RpcListeners = {
  readonly grpc: RunningListener;
  readonly http: RunningListener;
  readonly router: ScriptedRouter;
  readonly log: readonly LogLine[];
};

export type RpcListenersOptions = {
  readonly router?: ScriptedRouter;
  readonly handlers?: Partial<HandlerPorts>;
  readonly listener?: Partial<HttpListenerOptions>;
};

/** Both listeners on free ports over one scripted router; drained when the test has finished. */
export async function useRpcListeners({
  router = scriptedRouter(),
  handlers = {},
  listener = {},
}: RpcListenersOptions = {}): Promise<RpcListeners> {
  const log: LogLine[] = [];
  let isOver = false;
  const options: HttpListenerOptions = {
    services: createHandlers({ ...handlerPorts(router), ...handlers }),
    host: "127.0.0.1",
    port: 0,
    errorDomain: "atlas.internal",
    nowMs: Date.now,
    schedule: (delayMs, task) => realSchedule(isOver ? Math.min(delayMs, HURRY_MS) : delayMs, task),
    random: () => 0.5,
    beginTrace: createBeginTrace({ random: Math.random, ratio: () => 0, followsParent: true }),
    onRpcEnd: () => undefined,
    log: (level, message, fields) => log.push({ level, message, fields }),
    ...listener,
  };
  const grpc = await startGrpcServer(options);
  const http = await startHttpServer(options);
  onTestFinished(async () => {
    isOver = true;
    await Promise.all([grpc.drain(0), http.drain(0)]);
  });
  return { grpc, http, router, log };
}

function handlerPorts(router: ScriptedRouter): HandlerPorts {
  const catalog = exampleCatalog([exampleModel("acme/one")], [exampleEndpoint("acme/eu/one")]);
  return {
    router,
    catalog: () => catalog,
    scores: () => EMPTY_SCORES,
    live: { of: () => undefined },
    nowMs: Date.now,
    schedule: realSchedule,
    newId: randomUUID,
    limits: defaultHandlerLimits,
  };
}
