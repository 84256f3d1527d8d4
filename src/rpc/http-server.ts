import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { type CallTracker, createCallTracker } from "./call-tracker.ts";
import { serveConnect } from "./connect-adapter.ts";
import { connectHandlersOf } from "./connect-routes.ts";
import { headerBytes } from "./header-bytes.ts";
import type { HttpRequest, HttpResponse } from "./http-call.ts";
import { type HttpRoute, type LifeSigns, pageOf, type Readiness, sendJson } from "./http-pages.ts";
import { createHttpSessions, type HttpSessions } from "./http-sessions.ts";
import { createSniffer } from "./http-sniffer.ts";
import { createClientErrorAnswer } from "./http1-client-error.ts";
import {
  defaultListenerLimits,
  type ListenerLimits,
  type ListenerOptions,
  type RunningListener,
  type TlsOptions,
} from "./listener-options.ts";
import {
  connectionOf,
  createRpcTeller,
  noteError,
  type OpenRpc,
  OTHER_METHOD,
  type RpcTeller,
} from "./open-rpc.ts";
import { answerError, answerUnknownPath, isCall, isGrpc } from "./protocol-error.ts";
import { headersTooLarge, WireError } from "./status.ts";

export type HttpListenerOptions = ListenerOptions & {
  /** Pages and metrics by path, without the query. */
  readonly routes?: (path: string) => HttpRoute | undefined;
  /** Asked for each `/readyz`. Default: ready. */
  readonly readiness?: () => Readiness;
  /** Asked for each `/healthz`. Default: nothing. */
  readonly lifeSigns?: () => LifeSigns;
};

/** Serves Connect, gRPC-Web and gRPC over HTTP/1.1 and HTTP/2, with health and whatever `routes` has. */
export async function startHttpServer(options: HttpListenerOptions): Promise<RunningListener> {
  const limits = { ...defaultListenerLimits, ...options.limits };
  const tracker = createCallTracker(options.schedule);
  const sessions = createHttpSessions({ ...options, limits });
  let serving = true;
  const parts = { limits, sessions, options };
  const handle = createRequestHandler(parts, tracker, () => serving);
  const server =
    options.tls === undefined
      ? createPlainServer(handle, parts)
      : createTlsServer(handle, { ...parts, tls: options.tls });
  const port = await listen(server, options);
  return {
    port,
    activeCalls: tracker.count,
    markNotServing() {
      serving = false;
    },
    async drain(graceMs) {
      serving = false;
      const closed = new Promise<void>((resolve) => {
        // The HTTP/2 server's own `close` would also close its sessions at once.
        net.Server.prototype.close.call(server, () => resolve());
      });
      sessions.closeGently();
      await tracker.drain(graceMs);
      await sessions.closeAll();
      await closed;
    },
  };
}

type Handle = (request: HttpRequest, response: HttpResponse) => void;

type Parts = {
  readonly limits: ListenerLimits;
  readonly sessions: HttpSessions;
  readonly options: HttpListenerOptions;
};

function createRequestHandler(
  { limits, sessions, options }: Parts,
  tracker: CallTracker,
  isServing: () => boolean,
): Handle {
  const { services, errorDomain, nowMs, schedule, log, routes, readiness, lifeSigns } = options;
  const rpcs = createRpcTeller(options);
  const handlers = connectHandlersOf(services, {
    errorDomain,
    limits,
    nowMs,
    schedule,
    log,
    tracker,
    rpcs,
  });
  const { requestTimeoutMs } = limits;
  const adapter = { errorDomain, rpcs, tracker, nowMs, schedule, log, requestTimeoutMs };
  const notFound: HttpRoute = (request, response) => {
    answerUnknownPath(request, response, errorDomain);
    if (isCall(request)) {
      tellRefused(openRpc(request, response, OTHER_METHOD), unknownMethod, rpcs);
    }
  };

  function openRpc(request: HttpRequest, response: HttpResponse, method: string): OpenRpc {
    return rpcs.open({
      system: isGrpc(request) ? "grpc" : "connectrpc",
      method,
      connection:
        "stream" in response
          ? rpcs.connectionOfSession(response.stream?.session)
          : connectionOf(request.socket),
      headers: request.headers,
    });
  }

  function refuseLargeHeaders(request: HttpRequest, response: HttpResponse): void {
    const path = pathOf(request);
    const error = headersTooLarge();
    answerError(request, response, error, { errorDomain, httpStatus: 431 });
    if (handlers.has(path) || isCall(request)) {
      const method = handlers.has(path) ? path.slice(1) : OTHER_METHOD;
      tellRefused(openRpc(request, response, method), error, rpcs);
    }
  }

  function route(request: HttpRequest, response: HttpResponse): void {
    const path = pathOf(request);
    const handler = handlers.get(path);
    if (handler !== undefined) {
      const rpc = openRpc(request, response, path.slice(1));
      serveConnect(handler, { request, response, rpc }, adapter).catch(() => response.destroy());
      return;
    }
    const page = pageOf(path, { routes, readiness, lifeSigns, isServing, notFound });
    page(request, response);
  }

  return (request, response) => {
    // An error after the peer has gone would end the process if nobody listened.
    request.on("error", () => undefined);
    response.on("error", () => undefined);
    if (!("stream" in response)) {
      keepAliveOrLast(request.socket, response, sessions);
    } else if (headerBytes(request.rawHeaders) > limits.maxHeaderBytes) {
      refuseLargeHeaders(request, response);
      return;
    }
    try {
      route(request, response);
    } catch (error) {
      log("error", "a page failed", { path: request.url, error });
      sendJson(response, 500, { code: "internal", message: "internal error" });
    }
  };
}

/** Never sent: it only names what is told of an unknown method. */
const unknownMethod = new WireError("unknown-method", "The server has no such method.");

/** What was answered without a handler has ended with that. */
function tellRefused(rpc: OpenRpc, error: Error, rpcs: RpcTeller): void {
  noteError(rpc, error);
  rpcs.tell(rpc);
}

function pathOf({ url = "" }: HttpRequest): string {
  const query = url.indexOf("?");
  return query === -1 ? url : url.slice(0, query);
}

function keepAliveOrLast(socket: net.Socket, response: HttpResponse, sessions: HttpSessions) {
  const end = sessions.beginHttp1(socket);
  if (sessions.isLast(socket)) {
    response.setHeader("connection", "close");
  }
  response.once("close", end);
}

function createPlainServer(handle: Handle, parts: Parts): net.Server {
  const { limits, sessions, options } = parts;
  const http1 = http.createServer(http1OptionsOf(limits), handle);
  http1.on("clientError", createClientErrorAnswer(options.errorDomain));
  // Timeouts of half-sent headers are watched from this event on, and this server never listens.
  http1.emit("listening");
  const h2 = http2.createServer(http2OptionsOf(limits), handle);
  h2.on("session", sessions.addHttp2);
  h2.on("sessionError", (error: Error) => {
    options.log("debug", "an HTTP/2 session failed", { error: error.message });
  });
  const server = createSniffer({
    schedule: options.schedule,
    timeoutMs: limits.requestTimeoutMs,
    onHttp1(socket) {
      sessions.addHttp1(socket);
      http1.emit("connection", socket);
    },
    onHttp2: (socket) => h2.emit("connection", socket),
  });
  server.on("close", () => http1.close());
  return server;
}

function createTlsServer(handle: Handle, parts: Parts & { readonly tls: TlsOptions }): net.Server {
  const { limits, sessions, options, tls } = parts;
  const asksCertificate = tls.clientCa !== undefined;
  const server = http2.createSecureServer(
    {
      ...http2OptionsOf(limits),
      ...http1OptionsOf(limits),
      allowHTTP1: true,
      cert: tls.cert,
      key: tls.key,
      ...(tls.clientCa === undefined ? undefined : { ca: tls.clientCa }),
      requestCert: asksCertificate,
      rejectUnauthorized: asksCertificate,
    },
    handle,
  );
  server.on("session", sessions.addHttp2);
  server.on("sessionError", (error: Error) => {
    options.log("debug", "an HTTP/2 session failed", { error: error.message });
  });
  server.on("secureConnection", (socket) => {
    socket.on("error", () => socket.destroy());
    if (socket.alpnProtocol !== "h2") {
      sessions.addHttp1(socket);
    }
  });
  server.on("clientError", createClientErrorAnswer(options.errorDomain));
  server.on("unknownProtocol", (socket) => socket.destroy());
  return server;
}

/** How often half-sent requests are looked for. */
const CHECK_INTERVAL_MS = 1_000;

function http1OptionsOf({ maxHeaderBytes, requestTimeoutMs, maxConnectionIdleMs }: ListenerLimits) {
  return {
    maxHeaderSize: maxHeaderBytes,
    headersTimeout: requestTimeoutMs,
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: maxConnectionIdleMs,
    connectionsCheckingInterval: CHECK_INTERVAL_MS,
    noDelay: true,
  };
}

function http2OptionsOf(limits: ListenerLimits) {
  return {
    settings: {
      maxConcurrentStreams: limits.maxConcurrentStreams,
      // A prompt of this size uploads without waiting for the window.
      initialWindowSize: 1_048_576,
      maxHeaderListSize: limits.maxHeaderBytes,
      enablePush: false,
    },
    // In MB, output included: 10 by default, which a few dozen large answers fill.
    maxSessionMemory: 256,
    maxSessionInvalidFrames: 100,
    maxSessionRejectedStreams: 100,
    streamResetBurst: limits.resetBurst,
    streamResetRate: limits.resetRate,
  };
}

function listen(server: net.Server, { host, port }: ListenerOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}
