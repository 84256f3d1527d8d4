import { once } from "node:events";
import http2 from "node:http2";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { CatalogService } from "../../../gen/atlas/v1/catalog_service_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { type RpcListeners, useRpcListeners } from "../../support/rpc-listeners.ts";
import { framed, reasonIn } from "../../support/rpc-raw.ts";
import { exampleResult, hangs, scriptedRouter } from "../../support/scripted-router.ts";
import { createTcpProxy } from "../../support/tcp-proxy.ts";
import { until } from "../../support/until.ts";
import { wireSpec } from "../../support/wire-spec.ts";

type Way = {
  readonly name: string;
  readonly which: "grpc" | "http";
  readonly transport: (port: number) => Transport;
};

const ways: readonly Way[] = [
  {
    name: "gRPC port",
    which: "grpc",
    transport: (port) => createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }),
  },
  {
    name: "HTTP port over gRPC",
    which: "http",
    transport: (port) => createGrpcTransport({ baseUrl: `http://127.0.0.1:${port}` }),
  },
  {
    name: "HTTP port over HTTP/1.1",
    which: "http",
    transport: (port) =>
      createConnectTransport({ baseUrl: `http://127.0.0.1:${port}`, httpVersion: "1.1" }),
  },
];

/** A router whose calls answer when `release` is called. */
function held() {
  const { promise, resolve: release } = Promise.withResolvers<void>();
  const router = scriptedRouter(async (call) => {
    call.emit({ kind: "text-delta", choice: 0, text: "first" });
    await promise;
    call.emit({ kind: "text-delta", choice: 0, text: "last" });
    return exampleResult(call);
  });
  return { router, release };
}

const errorOf = (call: Promise<unknown>) =>
  call.then(
    () => undefined,
    (error: unknown) => ConnectError.from(error),
  );

async function lastEvent(
  stream: AsyncIterable<{ readonly event: { readonly case?: string | undefined } }>,
) {
  let last: string | undefined;
  for await (const { event } of stream) {
    last = event.case;
  }
  return last;
}

const active = ({ grpc, http }: RpcListeners) => grpc.activeCalls() + http.activeCalls();

describe.each(ways)("a drain of the $name", ({ which, transport }) => {
  it("lets calls and streams in flight finish", async () => {
    const { router, release } = held();
    const listeners = await useRpcListeners({ router });
    const client = createClient(RouterService, transport(listeners[which].port));
    const unary = client.complete({ spec: wireSpec() });
    const stream = lastEvent(client.streamComplete({ spec: wireSpec() }));
    await until(() => active(listeners) === 2);
    const drained = listeners[which].drain(10_000);
    release();
    await expect(unary).resolves.toMatchObject({ choices: [{ index: 0 }] });
    await expect(stream).resolves.toBe("finished");
    await drained;
  });

  it("ends what outlives the grace with SHUTTING_DOWN", async () => {
    const listeners = await useRpcListeners({ router: scriptedRouter(hangs()) });
    const client = createClient(RouterService, transport(listeners[which].port));
    const unary = errorOf(client.complete({ spec: wireSpec() }));
    const stream = errorOf(lastEvent(client.streamComplete({ spec: wireSpec() })));
    await until(() => active(listeners) === 2);
    await listeners[which].drain(50);
    for (const error of await Promise.all([unary, stream])) {
      expect(error?.code).toBe(Code.Unavailable);
      expect(error?.findDetails(ErrorInfoSchema)[0]?.reason).toBe("SHUTTING_DOWN");
    }
  });

  it("ends endless streams at once and waits for nothing else", async () => {
    const listeners = await useRpcListeners();
    const client = createClient(CatalogService, transport(listeners[which].port));
    const watch = client.watchEndpoints({ model: "acme/one" })[Symbol.asyncIterator]();
    await watch.next();
    const rest = errorOf(watch.next());
    await listeners[which].drain(60_000);
    expect((await rest)?.code).toBe(Code.Unavailable);
  });

  it("frees the port and accepts nothing any more", async () => {
    const listeners = await useRpcListeners();
    const client = createClient(RouterService, transport(listeners[which].port));
    await client.complete({ spec: wireSpec() });
    await listeners[which].drain(1_000);
    const error = await errorOf(client.complete({ spec: wireSpec() }));
    expect(error?.code).toBe(Code.Unavailable);
  });

  it("ends although a caller neither reads nor leaves", async () => {
    // More than the buffers of the sockets in between take.
    const text = "x".repeat(1_000_000);
    const router = scriptedRouter((call) => {
      for (let index = 0; index < 20; index += 1) {
        call.emit({ kind: "text-delta", choice: 0, text });
      }
      return new Promise(() => undefined);
    });
    const listener = { limits: { maxBufferedBytes: 64_000_000 } };
    const listeners = await useRpcListeners({ router, listener });
    const proxy = await createTcpProxy(listeners[which].port);
    const client = createClient(RouterService, transport(proxy.port));
    const options = { coalesceWindow: { seconds: 0n, nanos: 0 } };
    const rest = errorOf(lastEvent(client.streamComplete({ spec: wireSpec(), options })));
    await until(() => router.calls.length === 1);
    proxy.stall();
    await listeners[which].drain(0);
    await proxy.close();
    expect(await rest).toBeInstanceOf(ConnectError);
  });

  it("under load fails no call that was accepted", async () => {
    const listeners = await useRpcListeners();
    const client = createClient(RouterService, transport(listeners[which].port));
    const refusals: string[] = [];
    let answered = 0;
    const loops = Array.from({ length: 20 }, async () => {
      for (let refusal: ConnectError | undefined; refusal === undefined; ) {
        refusal = await errorOf(client.complete({ spec: wireSpec() }));
        answered += refusal === undefined ? 1 : 0;
        refusals.push(...(refusal === undefined ? [] : [refusal.rawMessage]));
      }
    });
    await until(() => answered > 200);
    await listeners[which].drain(5_000);
    await Promise.all(loops);
    expect(listeners.router.calls).toHaveLength(answered);
    // The port is closed, the client held the call back because it knew that the server goes, or the
    // kernel reset a connection that the server had not taken or had just closed for being idle.
    for (const refusal of refusals) {
      expect(refusal).toMatch(/ECONNREFUSED|REFUSED_STREAM|GOAWAY|ECONNRESET/);
    }
  });
});

describe.each(["grpc", "http"] as const)("a request on its way to the %s port", (which) => {
  const WHOLE = framed(Buffer.alloc(0));

  /** Resolves when the server has the headers and some bytes. */
  async function halfSent(port: number) {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const stream = session.request({
      ":method": "POST",
      ":path": "/atlas.v1.RouterService/Complete",
      "content-type": "application/grpc",
      te: "trailers",
    });
    for (const source of [session, stream]) {
      source.on("error", () => undefined);
    }
    stream.write(WHOLE.subarray(0, 2));
    let headers: http2.IncomingHttpHeaders = {};
    const add = (more: http2.IncomingHttpHeaders) => {
      headers = { ...headers, ...more };
    };
    stream.on("response", add).on("trailers", add).resume();
    const ended = once(stream, "close").then(() => headers);
    await new Promise((resolve) => session.once("connect", resolve));
    await new Promise((resolve) => session.ping(resolve));
    return { session, stream, ended };
  }

  it("is waited for by a drain, and answered", async () => {
    const listeners = await useRpcListeners();
    const { session, stream, ended } = await halfSent(listeners[which].port);
    const goaway = once(session, "goaway");
    const drained = listeners[which].drain(60_000);
    await goaway;
    stream.end(WHOLE.subarray(2));
    const headers = await ended;
    expect(reasonIn(headers)).toBe("INVALID_REQUEST");
    await drained;
  });

  it("is not waited for beyond the grace", async () => {
    const listeners = await useRpcListeners();
    const { ended } = await halfSent(listeners[which].port);
    await listeners[which].drain(0);
    await ended;
    expect(listeners[which].activeCalls()).toBe(0);
  });
});

it("a half-sent request to the gRPC port is told why a drain does not wait for it", async () => {
  const { grpc } = await useRpcListeners();
  const session = http2.connect(`http://127.0.0.1:${grpc.port}`);
  session.on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": "/atlas.v1.RouterService/Complete",
    "content-type": "application/grpc",
  });
  stream.on("error", () => undefined);
  const headers = once(stream, "response");
  stream.write(Buffer.from([0]));
  await until(() => grpc.activeCalls() === 1);
  await grpc.drain(0);
  const [answer] = await headers;
  expect(reasonIn(answer)).toBe("SHUTTING_DOWN");
});

describe("/healthz", () => {
  it("lives whatever it has to tell of the bus", async () => {
    const details = { bus: "connecting", outboxDeltas: 3, status: "told by others" };
    const { http } = await useRpcListeners({ listener: { lifeSigns: () => details } });
    const answer = await fetch(`http://127.0.0.1:${http.port}/healthz`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ bus: "connecting", outboxDeltas: 3, status: "ok" });
  });
});

describe("/readyz", () => {
  it("turns 503 with the first moment of a drain", async () => {
    const listeners = await useRpcListeners({
      listener: { readiness: () => ({ ready: true, details: { scores: "fresh" } }) },
    });
    const url = `http://127.0.0.1:${listeners.http.port}/readyz`;
    const before = await fetch(url);
    expect(before.status).toBe(200);
    expect(await before.json()).toEqual({ ready: true, scores: "fresh" });
    listeners.http.markNotServing();
    const after = await fetch(url);
    expect(after.status).toBe(503);
    expect(await after.json()).toEqual({ ready: false, scores: "fresh" });
    expect((await fetch(`http://127.0.0.1:${listeners.http.port}/healthz`)).status).toBe(200);
  });
});
