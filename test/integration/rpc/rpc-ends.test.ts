import http2 from "node:http2";
import net from "node:net";
import { create, toBinary } from "@bufbuild/protobuf";
import { Code, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { CatalogService } from "../../../gen/atlas/v1/catalog_service_pb.ts";
import {
  CompleteRequestSchema,
  StreamCompleteRequestSchema,
} from "../../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { ScoringService } from "../../../gen/atlas/v1/scoring_service_pb.ts";
import { Health } from "../../../gen/health/v1/health_pb.ts";
import type { RpcEnd, Schedule } from "../../../src/domain/ports.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { errorOf, reasonOf } from "../../support/rpc-errors.ts";
import {
  type RpcListeners,
  type RpcListenersOptions,
  useRpcListeners,
} from "../../support/rpc-listeners.ts";
import { framed, rawGrpc, rawHttp2 } from "../../support/rpc-raw.ts";
import { answers, fails, hangs, scriptedRouter } from "../../support/scripted-router.ts";
import { until } from "../../support/until.ts";
import { wireSpec } from "../../support/wire-spec.ts";

const COMPLETE = "/atlas.v1.RouterService/Complete";
const STREAM = "/atlas.v1.RouterService/StreamComplete";
const ID = "7d444840-9dc0-41b2-8a6f-5c1c8b5f2b11";
const EMPTY = framed(Buffer.alloc(0));
const base = (port: number) => ({ baseUrl: `http://127.0.0.1:${port}` });

type Way = {
  readonly name: string;
  readonly system: RpcEnd["system"];
  readonly port: (listeners: RpcListeners) => number;
  readonly connect: (port: number) => Transport;
};

const httpPort = ({ http }: RpcListeners) => http.port;
const ways: readonly Way[] = [
  {
    name: "gRPC, gRPC port",
    system: "grpc",
    port: ({ grpc }) => grpc.port,
    connect: (port) => createGrpcTransport(base(port)),
  },
  {
    name: "gRPC, HTTP port",
    system: "grpc",
    port: httpPort,
    connect: (port) => createGrpcTransport(base(port)),
  },
  {
    name: "Connect, HTTP/1.1",
    system: "connectrpc",
    port: httpPort,
    connect: (port) => createConnectTransport({ ...base(port), httpVersion: "1.1" }),
  },
  {
    name: "Connect, HTTP/2",
    system: "connectrpc",
    port: httpPort,
    connect: (port) => createConnectTransport({ ...base(port), httpVersion: "2" }),
  },
  {
    name: "gRPC-Web",
    system: "connectrpc",
    port: httpPort,
    connect: (port) => createGrpcWebTransport({ ...base(port), httpVersion: "1.1" }),
  },
];

async function useEnds(options: RpcListenersOptions = {}) {
  const ends: RpcEnd[] = [];
  const listener = { ...options.listener, onRpcEnd: (end: RpcEnd) => void ends.push(end) };
  const listeners = await useRpcListeners({ ...options, listener });
  /** The only end so far: whatever is told twice is told again before the end of a later call. */
  async function theEnd(): Promise<RpcEnd> {
    await until(() => ends.length > 0);
    for (const { port } of [listeners.grpc, listeners.http]) {
      const count = ends.length;
      await createClient(CatalogService, createGrpcTransport(base(port))).listModels({});
      await until(() => ends.length > count);
    }
    const [end, ...later] = ends;
    expect(later.map(({ method }) => method)).toEqual([
      "atlas.v1.CatalogService/ListModels",
      "atlas.v1.CatalogService/ListModels",
    ]);
    return end as RpcEnd;
  }
  return { ...listeners, listeners, ends, theEnd };
}

async function read(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) {
    // Only its end matters.
  }
}

const ignore = () => undefined;

/** Counts the timers that were ever set. */
function countingSchedule() {
  let count = 0;
  const schedule: Schedule = (delayMs, task) => {
    count += 1;
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  };
  return { schedule, count: () => count };
}

describe.each(ways)("the end of an RPC over $name", ({ system, port, connect }) => {
  const routerOf = ({ listeners }: { readonly listeners: RpcListeners }) =>
    createClient(RouterService, connect(port(listeners)));

  it("says what became of a call", async () => {
    const used = await useEnds();
    await routerOf(used).complete({ spec: wireSpec(), requestId: ID });
    const end = await used.theEnd();
    expect(end).toEqual({
      system,
      method: "atlas.v1.RouterService/Complete",
      trace: used.router.calls[0]?.trace,
      receivedAtMs: used.router.calls[0]?.receivedAtMs,
      endedAtMs: expect.any(Number),
      status: "OK",
      reason: undefined,
      callId: ID,
      peer: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      server: { host: "127.0.0.1", port: port(used.listeners) },
    });
    expect(end.endedAtMs).toBeGreaterThanOrEqual(end.receivedAtMs);
  });

  it("says which call a repeat of its request id was answered with", async () => {
    const { listeners, router, ends } = await useEnds();
    const client = createClient(RouterService, connect(port(listeners)));
    await client.complete({ spec: wireSpec(), requestId: ID });
    await client.complete({ spec: wireSpec(), requestId: ID });
    await client.complete({ spec: wireSpec({ model: "x/y" }), requestId: ID }).catch(ignore);
    await until(() => ends.length === 3);
    const [first, repeat, other] = ends;
    expect(first).toMatchObject({ callId: ID, repeats: undefined });
    expect(repeat).toMatchObject({ callId: ID, status: "OK", repeats: router.calls[0]?.trace });
    expect(repeat?.trace.traceId).not.toBe(repeat?.repeats?.traceId);
    expect(other).toMatchObject({
      status: "ALREADY_EXISTS",
      callId: undefined,
      repeats: undefined,
    });
  });

  it("is that of no repeat when it took over from a caller who left", async () => {
    const scripts = [hangs(), answers("mine")];
    const router = scriptedRouter((call) => (scripts.shift() ?? answers())(call));
    const { schedule, count } = countingSchedule();
    const { listeners, ends } = await useEnds({ router, handlers: { schedule } });
    const client = createClient(RouterService, connect(port(listeners)));
    const leaving = new AbortController();
    const asked = { spec: wireSpec(), requestId: ID };
    const first = client.complete(asked, { signal: leaving.signal }).catch(ignore);
    await until(() => router.calls.length === 1);
    const begun = count();
    const second = client.complete(asked);
    // Whoever waits for another call has a deadline of its own.
    await until(() => count() > begun);
    leaving.abort();
    await Promise.all([first, second]);
    await until(() => ends.length === 2);
    expect(ends.find(({ status }) => status === "OK")).toMatchObject({
      callId: ID,
      repeats: undefined,
    });
  });

  it("is that of no call when its deadline was over on arrival, request id or not", async () => {
    const { listeners, router, ends } = await useEnds();
    const client = createClient(RouterService, connect(port(listeners)));
    const headers = { "grpc-timeout": "0m", "connect-timeout-ms": "0" };
    for (const requestId of ["", ID]) {
      await client.complete({ spec: wireSpec(), requestId }, { headers }).catch(ignore);
    }
    await until(() => ends.length === 2);
    const late = { status: "DEADLINE_EXCEEDED", callId: undefined, repeats: undefined };
    expect(ends).toMatchObject([late, late]);
    expect(router.calls).toEqual([]);
  });

  it("begins no call for a repeat that has gone when the first caller leaves as well", async () => {
    const router = scriptedRouter(hangs());
    const { schedule, count } = countingSchedule();
    const { listeners, ends } = await useEnds({ router, handlers: { schedule } });
    const client = createClient(RouterService, connect(port(listeners)));
    const [leaving, leavingToo] = [new AbortController(), new AbortController()];
    const asked = { spec: wireSpec(), requestId: ID };
    const first = client.complete(asked, { signal: leavingToo.signal }).catch(ignore);
    await until(() => router.calls.length === 1);
    const begun = count();
    const second = client.complete(asked, { signal: leaving.signal }).catch(ignore);
    await until(() => count() > begun);
    leaving.abort();
    await until(() => ends.length === 1);
    leavingToo.abort();
    await Promise.all([first, second]);
    await until(() => ends.length === 2);
    const gone = { status: "CANCELLED", callId: ID };
    expect(ends).toMatchObject([
      { ...gone, repeats: router.calls[0]?.trace },
      { ...gone, repeats: undefined },
    ]);
    expect(router.calls).toHaveLength(1);
  });

  it("says what became of a stream", async () => {
    const used = await useEnds({ router: scriptedRouter(answers("a", "b", "c")) });
    await read(routerOf(used).streamComplete({ spec: wireSpec(), requestId: ID }));
    expect(await used.theEnd()).toMatchObject({
      method: "atlas.v1.RouterService/StreamComplete",
      status: "OK",
      callId: ID,
    });
  });

  it.each(["complete", "streamComplete"] as const)("tells why %s failed", async (name) => {
    const error = new RouterError("upstream-unavailable", "nobody answered");
    const used = await useEnds({ router: scriptedRouter(fails(error)) });
    const client = routerOf(used);
    const asked = { spec: wireSpec(), requestId: ID };
    await (name === "complete" ? client.complete(asked) : read(client.streamComplete(asked))).catch(
      ignore,
    );
    expect(await used.theEnd()).toMatchObject({
      status: "UNAVAILABLE",
      reason: "UPSTREAM_UNAVAILABLE",
      callId: ID,
    });
  });

  it("is INTERNAL after a defect", async () => {
    const used = await useEnds({ router: scriptedRouter(() => Promise.reject(new Error("boom"))) });
    await routerOf(used).complete({ spec: wireSpec() }).catch(ignore);
    expect(await used.theEnd()).toMatchObject({ status: "INTERNAL", reason: "INTERNAL" });
  });

  it.each(["complete", "streamComplete"] as const)(
    "is CANCELLED when the caller of %s leaves, after the call has ended",
    async (name) => {
      const used = await useEnds({ router: scriptedRouter(hangs()) });
      const controller = new AbortController();
      const client = routerOf(used);
      const { signal } = controller;
      const asked = { spec: wireSpec(), requestId: ID };
      const ended = (
        name === "complete"
          ? client.complete(asked, { signal })
          : read(client.streamComplete(asked, { signal }))
      ).catch(ignore);
      await until(() => used.router.calls[0]);
      controller.abort();
      await ended;
      expect(await used.theEnd()).toMatchObject({
        status: "CANCELLED",
        reason: "CANCELED",
        callId: ID,
      });
    },
  );

  it("is told of a request that was refused before it was a call", async () => {
    const used = await useEnds();
    await routerOf(used).complete({}).catch(ignore);
    expect(await used.theEnd()).toMatchObject({
      status: "INVALID_ARGUMENT",
      reason: "INVALID_REQUEST",
      callId: undefined,
    });
  });

  it("is told of calls that ran out of time", async () => {
    const used = await useEnds({ router: scriptedRouter(hangs()) });
    await routerOf(used)
      .complete({ spec: wireSpec() }, { headers: timeoutOf(system, 30) })
      .catch(ignore);
    expect(await used.theEnd()).toMatchObject({
      status: "DEADLINE_EXCEEDED",
      reason: "DEADLINE_EXCEEDED",
    });
  });

  it("is told of Route, of the catalogue and of the scores", async () => {
    const { ends, listeners } = await useEnds();
    const transport = connect(port(listeners));
    await createClient(RouterService, transport).route({ spec: wireSpec() });
    await createClient(CatalogService, transport).getModel({ id: "acme/no" }).catch(ignore);
    await createClient(ScoringService, transport).getScores({});
    await until(() => ends.length >= 3);
    expect(ends.map(({ method, status }) => `${method} ${status}`).sort()).toEqual([
      "atlas.v1.CatalogService/GetModel NOT_FOUND",
      "atlas.v1.RouterService/Route OK",
      "atlas.v1.ScoringService/GetScores OK",
    ]);
    expect(ends.map(({ callId }) => callId)).toEqual([undefined, undefined, undefined]);
  });

  it("is told of a stream that is watched when the watcher leaves", async () => {
    const used = await useEnds();
    const controller = new AbortController();
    const stream = createClient(CatalogService, connect(port(used.listeners)))
      .watchEndpoints({ model: "acme/one" }, { signal: controller.signal })
      [Symbol.asyncIterator]();
    await stream.next();
    expect(used.ends).toEqual([]);
    controller.abort();
    await stream.next().catch(ignore);
    expect(await used.theEnd()).toMatchObject({
      method: "atlas.v1.CatalogService/WatchEndpoints",
      status: "CANCELLED",
    });
  });

  it("is told of a call that was larger than the server takes", async () => {
    const used = await useEnds({ listener: { limits: { maxMessageBytes: 2_000 } } });
    await routerOf(used)
      .complete({ spec: wireSpec({ model: "m".repeat(4_000) }) })
      .catch(ignore);
    expect(await used.theEnd()).toMatchObject({
      method: "atlas.v1.RouterService/Complete",
      status: "RESOURCE_EXHAUSTED",
      reason: "MESSAGE_TOO_LARGE",
    });
  });

  it.each(["complete", "streamComplete"] as const)(
    "is told of an answer to %s that was larger than the server sends",
    async (name) => {
      const router = scriptedRouter(answers("x".repeat(4_000)));
      const used = await useEnds({ router, listener: { limits: { maxMessageBytes: 2_000 } } });
      const client = routerOf(used);
      const asked = { spec: wireSpec(), requestId: ID };
      const error = await errorOf(
        name === "complete" ? client.complete(asked) : read(client.streamComplete(asked)),
      );
      expect([error.code, reasonOf(error)]).toEqual([Code.ResourceExhausted, "MESSAGE_TOO_LARGE"]);
      expect(await used.theEnd()).toMatchObject({
        status: "RESOURCE_EXHAUSTED",
        reason: "MESSAGE_TOO_LARGE",
        callId: ID,
      });
    },
  );

  it.each(["complete", "streamComplete"] as const)(
    "is DEADLINE_EXCEEDED when the caller of %s leaves as its time is up, before our own clock was heard",
    async (name) => {
      let atMs = 1_800_000_000_000;
      const nowMs = () => atMs;
      const used = await useEnds({
        router: scriptedRouter(hangs()),
        handlers: { nowMs },
        listener: { nowMs },
      });
      const controller = new AbortController();
      const client = routerOf(used);
      const options = { signal: controller.signal, headers: timeoutOf(system, 60_000) };
      const ended = (
        name === "complete"
          ? client.complete({ spec: wireSpec() }, options)
          : read(client.streamComplete({ spec: wireSpec() }, options))
      ).catch(ignore);
      const call = await until(() => used.router.calls[0]);
      atMs += 59_980;
      controller.abort();
      await ended;
      expect(await used.theEnd()).toMatchObject({
        status: "DEADLINE_EXCEEDED",
        reason: "DEADLINE_EXCEEDED",
      });
      expect(call.signal.reason).toMatchObject({ code: "deadline-exceeded" });
    },
  );

  it("is told of methods that are not there, and not by their names", async () => {
    const used = await useEnds();
    const parent = { ...RouterService, typeName: "acme.v1.NoService" };
    await connect(port(used.listeners))
      .unary({ ...RouterService.method.complete, parent } as never, undefined, undefined, {}, {})
      .catch(ignore);
    expect(await used.theEnd()).toMatchObject({
      system,
      method: "_OTHER",
      status: "UNIMPLEMENTED",
      reason: "UNKNOWN_METHOD",
    });
  });

  it("does not depend on whoever is told", async () => {
    const listeners = await useRpcListeners({
      listener: {
        onRpcEnd: () => {
          throw new Error("no room");
        },
      },
    });
    const client = createClient(RouterService, connect(port(listeners)));
    await client.complete({ spec: wireSpec() });
    await client.complete({ spec: wireSpec() });
    await until(() => listeners.log.length > 0);
    expect(listeners.log.map(({ message }) => message)).toEqual([
      "the end of an RPC was not taken",
    ]);
  });

  it("has the trace that its caller began, and so has the call", async () => {
    const used = await useEnds();
    const headers = {
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      tracestate: "acme=1",
      baggage: "canary=1",
    };
    await routerOf(used).complete({ spec: wireSpec() }, { headers });
    const { trace } = await used.theEnd();
    expect(trace).toMatchObject({
      traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
      parentSpanId: "00f067aa0ba902b7",
      traceState: "acme=1",
      sampled: true,
    });
    expect(used.router.calls[0]?.trace).toBe(trace);
    const { signal: _, emit: __, ...told } = used.router.calls[0] ?? {};
    expect(JSON.stringify(told)).not.toContain("canary");
  });

  it.each([
    ["garbage", { traceparent: "garbage" }],
    ["the trace id 0", { traceparent: `00-${"0".repeat(32)}-00f067aa0ba902b7-01` }],
    [
      "a tracestate of 8 KB",
      {
        traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00",
        tracestate: `a=${"x".repeat(8_190)}`,
      },
    ],
  ])("comes all the same with %s in the headers", async (_, headers) => {
    const used = await useEnds();
    await routerOf(used).complete({ spec: wireSpec() }, { headers });
    const { status, trace } = await used.theEnd();
    expect(status).toBe("OK");
    expect(trace.traceState).toBe("");
    expect(trace.traceId).toMatch(/^[\da-f]{32}$/);
  });
});

function timeoutOf(system: RpcEnd["system"], ms: number): Record<string, string> {
  return system === "grpc"
    ? { "grpc-timeout": `${ms}m` }
    : { "connect-timeout-ms": String(ms), "grpc-timeout": `${ms}m` };
}

describe("the end of a call that nothing has read to its end", () => {
  const listener = { limits: { requestTimeoutMs: 200 } };
  const ports = [
    { name: "gRPC port", port: ({ grpc }: RpcListeners) => grpc.port },
    { name: "HTTP port", port: httpPort },
  ];

  /** Resolves when the server has the headers and the first two bytes. */
  async function begin(port: number, bytes: Buffer = Buffer.from([0, 0]), more = {}) {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    session.on("error", ignore);
    await new Promise((resolve) => session.once("connect", resolve));
    const stream = session.request({
      ":method": "POST",
      ":path": COMPLETE,
      "content-type": "application/grpc",
      te: "trailers",
      ...more,
    });
    stream.on("error", ignore);
    stream.write(bytes);
    await new Promise((resolve) => session.ping(resolve));
    return { session, stream };
  }

  it.each(ports)("is DEADLINE_EXCEEDED when it was sent too slowly to the $name", async (way) => {
    const used = await useEnds({ listener });
    const { session } = await begin(way.port(used));
    expect(await used.theEnd()).toMatchObject({
      method: "atlas.v1.RouterService/Complete",
      status: "DEADLINE_EXCEEDED",
      reason: "DEADLINE_EXCEEDED",
    });
    session.destroy();
  });

  it.each(ports)("is CANCELLED when its connection to the $name breaks", async (way) => {
    const used = await useEnds();
    const { session } = await begin(way.port(used));
    session.destroy();
    expect(await used.theEnd()).toMatchObject({ status: "CANCELLED" });
  });

  it.each(ports)(
    "is DEADLINE_EXCEEDED when its caller leaves the $name at the deadline",
    async (way) => {
      const used = await useEnds();
      const { session } = await begin(way.port(used), undefined, { "grpc-timeout": "1n" });
      session.destroy();
      expect(await used.theEnd()).toMatchObject({ status: "DEADLINE_EXCEEDED" });
    },
  );

  it.each(ports)("is told of wrong timeouts on the $name", async (way) => {
    const used = await useEnds();
    await rawGrpc(way.port(used), COMPLETE, EMPTY, { "grpc-timeout": "soon" });
    expect(await used.theEnd()).toMatchObject({
      status: "INVALID_ARGUMENT",
      reason: "INVALID_REQUEST",
    });
  });

  it.each(ports)("is told of what cannot be decoded on the $name", async (way) => {
    const used = await useEnds();
    await rawGrpc(way.port(used), STREAM, framed(Buffer.from([255, 255])));
    expect(await used.theEnd()).toMatchObject({
      method: "atlas.v1.RouterService/StreamComplete",
      status: "INVALID_ARGUMENT",
      reason: "INVALID_REQUEST",
    });
  });

  it.each(ports)("is told of headers that are too large for the $name", async (way) => {
    const used = await useEnds({ listener: { limits: { maxHeaderBytes: 4_000 } } });
    await rawGrpc(way.port(used), COMPLETE, EMPTY, { "x-large": "x".repeat(5_000) });
    expect(await used.theEnd()).toMatchObject({
      method: "atlas.v1.RouterService/Complete",
      status: "RESOURCE_EXHAUSTED",
      reason: "HEADERS_TOO_LARGE",
    });
  });

  it.each(ports)("leaves a slow upload to the $name out of the router's time", async (way) => {
    let atMs = 1_800_000_000_000;
    const nowMs = () => atMs;
    const used = await useEnds({ handlers: { nowMs }, listener: { nowMs } });
    const message = create(CompleteRequestSchema, { spec: wireSpec() });
    const bytes = framed(Buffer.from(toBinary(CompleteRequestSchema, message)));
    const more = { "grpc-timeout": "30S" };
    const { session, stream } = await begin(way.port(used), bytes.subarray(0, 9), more);
    atMs += 10_000;
    stream.end(bytes.subarray(9));
    const end = await used.theEnd();
    expect(end).toMatchObject({ status: "OK", receivedAtMs: 1_800_000_010_000 });
    expect(used.router.calls[0]).toMatchObject({
      receivedAtMs: 1_800_000_010_000,
      // The caller's timeout runs from its headers on.
      deadlineMs: 1_800_000_030_000,
    });
    session.destroy();
  });

  it("is DEADLINE_EXCEEDED over HTTP/1.1 too", async () => {
    const used = await useEnds({ listener });
    const socket = net.connect(used.http.port, "127.0.0.1");
    socket.on("error", ignore);
    socket.write(
      `POST ${COMPLETE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`,
    );
    expect(await used.theEnd()).toMatchObject({ status: "DEADLINE_EXCEEDED" });
    socket.destroy();
  });
});

describe("a repeated call", () => {
  it("has the id of the call it repeats, and none when it is another one", async () => {
    const { ends, grpc } = await useEnds();
    const client = createClient(RouterService, createGrpcTransport(base(grpc.port)));
    await client.complete({ spec: wireSpec(), requestId: ID });
    await client.complete({ spec: wireSpec(), requestId: ID });
    await client.complete({ spec: wireSpec({ model: "acme/two" }), requestId: ID }).catch(ignore);
    await until(() => ends.length >= 3);
    expect(ends.map(({ callId, reason }) => [callId, reason])).toEqual([
      [ID, undefined],
      [ID, undefined],
      [undefined, "DUPLICATE_REQUEST"],
    ]);
  });
});

describe("a caller that does not read", () => {
  it.each([
    { name: "gRPC port", port: ({ grpc }: RpcListeners) => grpc.port },
    { name: "HTTP port", port: httpPort },
  ])("ends as CALLER_TOO_SLOW on the $name", async ({ port }) => {
    const router = scriptedRouter((call) => {
      call.emit({ kind: "text-delta", choice: 0, text: "x".repeat(100_000) });
      call.emit({ kind: "text-delta", choice: 0, text: "y" });
      return hangs()(call);
    });
    const used = await useEnds({ router, listener: { limits: { writeStallMs: 100 } } });
    const session = http2.connect(base(port(used)).baseUrl, { settings: { initialWindowSize: 0 } });
    const request = { spec: wireSpec() };
    const stream = session.request({
      ":method": "POST",
      ":path": STREAM,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", ignore);
    stream.end(
      framed(
        Buffer.from(
          toBinary(StreamCompleteRequestSchema, create(StreamCompleteRequestSchema, request)),
        ),
      ),
    );
    expect(await used.theEnd()).toMatchObject({
      status: "RESOURCE_EXHAUSTED",
      reason: "CALLER_TOO_SLOW",
    });
    session.destroy();
  });
});

describe("an answer that is larger than the server sends", () => {
  it.each(["complete", "streamComplete"] as const)("ends %s on the gRPC port", async (name) => {
    const used = await useEnds({
      router: scriptedRouter(answers("x".repeat(3_000))),
      listener: { limits: { maxMessageBytes: 2_000 } },
    });
    const client = createClient(RouterService, createGrpcTransport(base(used.grpc.port)));
    const asked = { spec: wireSpec() };
    await (name === "complete" ? client.complete(asked) : read(client.streamComplete(asked))).catch(
      ignore,
    );
    expect(await used.theEnd()).toMatchObject({
      status: "RESOURCE_EXHAUSTED",
      reason: "MESSAGE_TOO_LARGE",
    });
  });

  it("ends a unary call of Connect", async () => {
    const used = await useEnds({
      router: scriptedRouter(answers("x".repeat(3_000))),
      listener: { limits: { maxMessageBytes: 2_000 } },
    });
    const transport = createConnectTransport({ ...base(used.http.port), httpVersion: "1.1" });
    await createClient(RouterService, transport).complete({ spec: wireSpec() }).catch(ignore);
    expect(await used.theEnd()).toMatchObject({
      status: "RESOURCE_EXHAUSTED",
      reason: "MESSAGE_TOO_LARGE",
    });
  });
});

describe("an answer as large as the server sends", () => {
  const path = "/atlas.v1.CatalogService/ListModels";
  const get = (encoding: string) => ({
    query: `?connect=v1&encoding=${encoding}&message=${encoding === "json" ? "%7B%7D" : ""}`,
    init: {},
  });
  const post = (type: string, body: string) => ({
    query: "",
    init: { method: "POST", headers: { "content-type": type }, body },
  });
  const frame = EMPTY.toString("latin1");
  const whole = (body: Buffer) => body.length;
  const firstMessage = (body: Buffer) => body.readUInt32BE(1);

  it.each([
    { name: "GET in proto", ...get("proto"), sizeOf: whole },
    { name: "GET in JSON", ...get("json"), sizeOf: whole },
    { name: "POST in proto", ...post("application/proto", ""), sizeOf: whole },
    { name: "POST in JSON", ...post("Application/JSON", "{}"), sizeOf: whole },
    { name: "gRPC-Web", ...post("application/grpc-web+proto", frame), sizeOf: firstMessage },
  ])("is sent, and not one byte more: $name", async ({ query, init, sizeOf }) => {
    const ask = async (maxMessageBytes: number) => {
      const { http, ends } = await useEnds({ listener: { limits: { maxMessageBytes } } });
      const response = await fetch(`http://127.0.0.1:${http.port}${path}${query}`, init);
      const body = Buffer.from(await response.arrayBuffer());
      await until(() => ends.length > 0);
      return { body, ends: ends.map(({ status, reason }) => [status, reason]) };
    };
    const size = sizeOf((await ask(1_048_576)).body);
    expect((await ask(size)).ends).toEqual([["OK", undefined]]);
    expect((await ask(size - 1)).ends).toEqual([["RESOURCE_EXHAUSTED", "MESSAGE_TOO_LARGE"]]);
  });
});

describe("what is no call of this server's services", () => {
  it("is told of health, with its names", async () => {
    const used = await useEnds();
    const client = createClient(Health, createGrpcTransport(base(used.grpc.port)));
    await client.check({});
    await client.check({ service: "no" }).catch(ignore);
    await until(() => used.ends.length >= 2);
    expect(used.ends.map(({ method, status, reason }) => [method, status, reason])).toEqual([
      ["grpc.health.v1.Health/Check", "OK", undefined],
      ["grpc.health.v1.Health/Check", "NOT_FOUND", undefined],
    ]);
  });

  it("is told of reflection", async () => {
    const used = await useEnds();
    await rawGrpc(
      used.grpc.port,
      "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      Buffer.alloc(0),
    );
    expect(await used.theEnd()).toMatchObject({
      method: "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
      status: "OK",
    });
  });

  it.each([
    { name: "another content type", path: COMPLETE, type: "text/plain" },
    { name: "no call at all", path: "/favicon.ico", type: "text/html" },
  ])("is told of $name only if it names a method of the HTTP port", async ({ path, type }) => {
    const { grpc, http, ends } = await useEnds();
    const request = { path, headers: { "content-type": type }, body: "" };
    await rawHttp2(grpc.port, request);
    await rawHttp2(http.port, request);
    await createClient(RouterService, createGrpcTransport(base(http.port))).route({
      spec: wireSpec(),
    });
    await until(() => ends.some(({ method }) => method.endsWith("/Route")));
    const known = ends.filter(({ method }) => !method.endsWith("/Route"));
    expect(known.map(({ method, status }) => `${method} ${status}`)).toEqual(
      path === COMPLETE ? ["atlas.v1.RouterService/Complete INVALID_ARGUMENT"] : [],
    );
  });
});
