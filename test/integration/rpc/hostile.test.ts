import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { gzipSync } from "node:zlib";
import { create, toBinary } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import {
  CompleteRequestSchema,
  StreamCompleteRequestSchema,
} from "../../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { useRpcListeners } from "../../support/rpc-listeners.ts";
import { exchange, framed, rawGrpc, rawHttp2, reasonIn } from "../../support/rpc-raw.ts";
import { answers, exampleResult, scriptedRouter } from "../../support/scripted-router.ts";
import { until } from "../../support/until.ts";
import { wireSpec } from "../../support/wire-spec.ts";

const COMPLETE = "/atlas.v1.RouterService/Complete";
const STREAM = "/atlas.v1.RouterService/StreamComplete";
const EMPTY = framed(Buffer.alloc(0));
const base = (port: number) => ({ baseUrl: `http://127.0.0.1:${port}` });

describe("half-sent requests", () => {
  const listener = { limits: { requestTimeoutMs: 200 } };

  it("in their first bytes are cut off", async () => {
    const { http: server } = await useRpcListeners({ listener });
    expect(await exchange(server.port, "PR")).toBe("");
  });

  it("in their headers are answered with 408", async () => {
    const { http: server } = await useRpcListeners({ listener });
    const seen = await exchange(server.port, "POST / HTTP/1.1\r\nhost: x\r\nx-half: ");
    expect(seen).toContain("408 Request Timeout");
    expect(seen).toContain("deadline_exceeded");
    expect(seen).toContain("google.rpc.ErrorInfo");
  });

  it("in their body are answered with 408 over HTTP/1.1", async () => {
    const { http: server, router } = await useRpcListeners({ listener });
    const head = `POST ${COMPLETE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{`;
    const seen = await exchange(server.port, head);
    expect(seen).toContain("408 Request Timeout");
    expect(seen).toContain("deadline_exceeded");
    expect(seen).toContain("google.rpc.ErrorInfo");
    expect(router.calls).toHaveLength(0);
  });

  it("in the body of a gRPC-Web call are answered in its words", async () => {
    const { http: server } = await useRpcListeners({ listener });
    const head = `POST ${COMPLETE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web+proto\r\ncontent-length: 1000\r\n\r\n\0\0\0\0`;
    const seen = await exchange(server.port, head);
    expect(seen).toContain("200 OK");
    expect(seen).toContain("grpc-status: 4");
  });

  it("in their body are cut off over HTTP/2", async () => {
    const { http: server, router } = await useRpcListeners({ listener });
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    const stream = session.request({
      ":method": "POST",
      ":path": COMPLETE,
      "content-type": "application/grpc",
    });
    stream.write(Buffer.from([0, 0]));
    await new Promise<void>((resolve) => {
      stream.on("error", () => undefined);
      stream.on("close", () => resolve());
    });
    session.destroy();
    expect(router.calls).toHaveLength(0);
  });
});

describe("requests that do not end on the gRPC port", () => {
  const listener = { limits: { requestTimeoutMs: 200 } };
  const type = { "content-type": "application/grpc", te: "trailers" };

  /** Sends headers and these bytes, and never the end of the request. */
  async function hang(port: number, path: string, bytes: Buffer) {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    session.on("error", () => undefined);
    const stream = session.request({ ":method": "POST", ":path": path, ...type });
    stream.on("error", () => undefined);
    if (bytes.length > 0) {
      stream.write(bytes);
    }
    const headers = await new Promise<http2.IncomingHttpHeaders>((resolve) => {
      stream.on("response", resolve);
    });
    await new Promise<void>((resolve) => {
      stream.on("close", () => resolve());
      stream.resume();
    });
    return { headers, rstCode: stream.rstCode, session };
  }

  it.each([
    { name: "before the message", path: COMPLETE, bytes: Buffer.alloc(0) },
    { name: "in the message's length", path: COMPLETE, bytes: Buffer.from([0, 0]) },
    { name: "in the message", path: STREAM, bytes: framed(Buffer.alloc(9)).subarray(0, 9) },
    { name: "after the message", path: COMPLETE, bytes: EMPTY },
  ])("are told so when they stop $name", async ({ path, bytes }) => {
    const { grpc: server, router } = await useRpcListeners({ listener });
    const { headers, rstCode, session } = await hang(server.port, path, bytes);
    expect(headers["grpc-status"]).toBe("4");
    expect(reasonIn(headers)).toBe("DEADLINE_EXCEEDED");
    expect(rstCode).toBe(http2.constants.NGHTTP2_NO_ERROR);
    expect(router.calls).toHaveLength(0);
    expect(session.destroyed).toBe(false);
    session.destroy();
  });

  it.each([
    { name: "an unknown method", path: "/atlas.v1.RouterService/No", bytes: EMPTY, status: "12" },
    {
      name: "a message that is too large",
      path: COMPLETE,
      bytes: Buffer.from([0, 255, 255, 255, 255, 0]),
      status: "8",
    },
  ])("are ended after the answer to $name", async ({ path, bytes, status }) => {
    const { grpc: server } = await useRpcListeners({ listener });
    const { headers, rstCode, session } = await hang(server.port, path, bytes);
    expect(headers["grpc-status"]).toBe(status);
    expect(rstCode).toBe(http2.constants.NGHTTP2_NO_ERROR);
    session.destroy();
  });

  it("are told from whole requests that wait for their answer", async () => {
    const { promise, resolve: release } = Promise.withResolvers<void>();
    const router = scriptedRouter(async (call) => {
      await promise;
      return answers("late")(call);
    });
    const { grpc: server } = await useRpcListeners({ router, listener });
    const waiting = createClient(RouterService, createGrpcTransport(base(server.port))).complete({
      spec: wireSpec(),
    });
    const { headers, session } = await hang(server.port, COMPLETE, Buffer.alloc(0));
    expect(headers["grpc-status"]).toBe("4");
    release();
    await expect(waiting).resolves.toBeDefined();
    session.destroy();
  });

  it("stay where requests are streams", async () => {
    const { grpc: server } = await useRpcListeners({ listener });
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    const path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
    const stream = session.request({ ":method": "POST", ":path": path, ...type });
    await hang(server.port, COMPLETE, EMPTY).then((other) => other.session.destroy());
    // list_services (field 7) of nothing.
    stream.write(framed(Buffer.from([0x3a, 0x00])));
    const answer = await new Promise<Buffer>((resolve) => {
      stream.on("data", resolve);
    });
    expect(answer.toString("latin1")).toContain("atlas.v1.RouterService");
    session.destroy();
  });
});

/** One Complete that any server answers. */
const GOOD = Buffer.from(
  toBinary(CompleteRequestSchema, create(CompleteRequestSchema, { spec: wireSpec() })),
);

describe.each(["grpc", "http"] as const)("compressed messages on the %s port", (which) => {
  function compressed(bytes: Buffer): Buffer {
    const message = framed(bytes);
    message[0] = 1;
    return message;
  }

  it("are taken", async () => {
    const { [which]: server, router } = await useRpcListeners();
    const sent = compressed(gzipSync(GOOD));
    const headers = await rawGrpc(server.port, COMPLETE, sent, { "grpc-encoding": "gzip" });
    expect(headers["grpc-status"]).toBe("0");
    expect(router.calls).toHaveLength(1);
  });

  it("are inflated only as far as a message may be long", async () => {
    const { [which]: server } = await useRpcListeners();
    const bomb = compressed(gzipSync(Buffer.alloc(64 * 1_048_576)));
    const headers = await rawGrpc(server.port, COMPLETE, bomb, { "grpc-encoding": "gzip" });
    expect(headers["grpc-status"]).toBe("8");
    expect(reasonIn(headers)).toBe("MESSAGE_TOO_LARGE");
  });

  it.each([
    { name: "broken off", bytes: gzipSync(GOOD).subarray(0, 20) },
    { name: "something else", bytes: Buffer.from("nonsense") },
    { name: "nothing", bytes: Buffer.alloc(0) },
  ])("that are $name are the caller's fault", async ({ bytes }) => {
    const { [which]: server, router } = await useRpcListeners();
    const sent = compressed(bytes);
    const headers = await rawGrpc(server.port, COMPLETE, sent, { "grpc-encoding": "gzip" });
    expect(headers["grpc-status"]).toBe("3");
    expect(reasonIn(headers)).toBe("INVALID_REQUEST");
    expect(router.calls).toHaveLength(0);
  });
});

describe("frames and headers on the gRPC port", () => {
  const lying = (claimed: number) => {
    const message = framed(GOOD);
    message.writeUInt32BE(claimed, 1);
    return message;
  };

  it.each([
    { name: "more than any message may have", claimed: 0xffffffff, reason: "MESSAGE_TOO_LARGE" },
    { name: "more than there is", claimed: GOOD.length + 1, reason: "INVALID_REQUEST" },
    { name: "less than there is", claimed: GOOD.length - 1, reason: "INVALID_REQUEST" },
  ])("a length that claims $name is refused", async ({ claimed, reason }) => {
    const { grpc: server, router } = await useRpcListeners();
    const headers = await rawGrpc(server.port, COMPLETE, lying(claimed));
    expect(reasonIn(headers)).toBe(reason);
    expect(router.calls).toHaveLength(0);
  });

  it.each([
    { what: "a GET", method: "GET", type: "application/grpc", status: 405 },
    { what: "a HEAD", method: "HEAD", type: "application/grpc", status: 405 },
    { what: "gRPC-Web", method: "POST", type: "application/grpc-web+proto", status: 415 },
    { what: "another type", method: "POST", type: "application/grpcfoo", status: 415 },
  ])("$what is no call of gRPC", async ({ method, type, status }) => {
    const { grpc: server, router } = await useRpcListeners();
    const { headers } = await rawHttp2(server.port, {
      path: COMPLETE,
      method,
      headers: { "content-type": type },
      body: framed(GOOD),
    });
    expect(headers[":status"]).toBe(status);
    expect(router.calls).toHaveLength(0);
  });

  it("a compression that is not known is answered with those that are", async () => {
    const { grpc: server } = await useRpcListeners();
    const sent = framed(GOOD);
    sent[0] = 1;
    const headers = await rawGrpc(server.port, COMPLETE, sent, { "grpc-encoding": "snappy" });
    expect(headers["grpc-status"]).toBe("12");
    expect(headers["grpc-accept-encoding"]).toBe("identity,gzip,deflate");
  });

  it("the name of the type is read in any case", async () => {
    const { grpc: server } = await useRpcListeners();
    const type = { "content-type": "Application/GRPC+proto" };
    const headers = await rawGrpc(server.port, COMPLETE, framed(GOOD), type);
    expect(headers["grpc-status"]).toBe("0");
  });

  it("what cannot be read of the headers is written nowhere", async () => {
    const written = vi.spyOn(console, "error").mockImplementation(() => undefined);
    onTestFinished(() => written.mockRestore());
    const { grpc: server, log } = await useRpcListeners();
    const headers = await rawGrpc(server.port, COMPLETE, framed(GOOD), {
      authorization: "Bearer caf\u00e9",
      "x-bin": "!no base64!",
    });
    expect(headers["grpc-status"]).toBe("0");
    expect(written).not.toHaveBeenCalled();
    expect(log).toEqual([]);
  });

  it("a message in frames of one byte each is taken", async () => {
    const { grpc: server, router } = await useRpcListeners();
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    const stream = session.request({
      ":method": "POST",
      ":path": COMPLETE,
      "content-type": "application/grpc",
      te: "trailers",
    });
    for (const byte of framed(GOOD)) {
      stream.write(Buffer.of(byte));
    }
    stream.end();
    const trailers = await new Promise<http2.IncomingHttpHeaders>((resolve) => {
      stream.on("trailers", resolve);
      stream.resume();
    });
    expect(trailers["grpc-status"]).toBe("0");
    expect(router.calls).toHaveLength(1);
    session.destroy();
  });

  it("a caller that resets streams as fast as it opens them loses its connection", async () => {
    const { grpc: server, router } = await useRpcListeners();
    const session = http2.connect(`http://127.0.0.1:${server.port}`);
    session.on("error", () => undefined);
    const closed = new Promise<void>((resolve) => {
      session.on("close", () => resolve());
    });
    for (let opened = 0; opened < 3_000 && !session.destroyed; opened += 1) {
      const stream = session.request({ ":method": "POST", ":path": COMPLETE });
      stream.on("error", () => undefined);
      stream.close(http2.constants.NGHTTP2_CANCEL);
      await (opened % 100 === 0 ? new Promise((resolve) => setImmediate(resolve)) : undefined);
    }
    await closed;
    const client = createClient(RouterService, createGrpcTransport(base(server.port)));
    await expect(client.complete({ spec: wireSpec() })).resolves.toBeDefined();
    expect(router.calls).toHaveLength(1);
  });

  const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  const SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
  const PING = Buffer.from([0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);

  it.each([
    { name: "pings", frame: PING },
    { name: "settings", frame: SETTINGS },
  ])("a caller that floods with $name loses its connection", async ({ frame }) => {
    const { grpc: server } = await useRpcListeners();
    const socket = net.connect(server.port, "127.0.0.1");
    socket.on("error", () => undefined);
    const closed = new Promise<void>((resolve) => {
      socket.on("close", () => resolve());
    });
    socket.resume();
    socket.write(PREFACE);
    socket.write(SETTINGS);
    const flood = Buffer.concat(Array.from({ length: 1_000 }, () => frame));
    for (let sent = 0; sent < 100; sent += 1) {
      socket.write(flood);
    }
    await closed;
    const headers = await rawGrpc(server.port, COMPLETE, framed(GOOD));
    expect(headers["grpc-status"]).toBe("0");
  });
});

describe("large headers", () => {
  const filler = (bytes: number) => ({ "x-filler": "f".repeat(bytes) });

  it.each(["grpc", "http"] as const)("of 10,000 bytes work on the %s port", async (which) => {
    const listeners = await useRpcListeners();
    const client = createClient(RouterService, createGrpcTransport(base(listeners[which].port)));
    const call = client.complete({ spec: wireSpec() }, { headers: filler(10_000) });
    await expect(call).resolves.toBeDefined();
  });

  it("of 10,000 bytes work over HTTP/1.1", async () => {
    const { http: server } = await useRpcListeners();
    const transport = createConnectTransport({ ...base(server.port), httpVersion: "1.1" });
    const client = createClient(RouterService, transport);
    const call = client.complete({ spec: wireSpec() }, { headers: filler(10_000) });
    await expect(call).resolves.toBeDefined();
  });

  it("of 40 KB are answered with 431 and a reason over HTTP/1.1", async () => {
    const { http: server } = await useRpcListeners();
    const seen = await exchange(
      server.port,
      `POST ${COMPLETE} HTTP/1.1\r\nhost: x\r\nx-filler: ${"f".repeat(40_000)}\r\n\r\n`,
    );
    expect(seen).toContain("431 Request Header Fields Too Large");
    expect(seen).toContain("resource_exhausted");
    expect(seen).toContain("google.rpc.ErrorInfo");
  });

  it.each(["grpc", "http"] as const)(
    "of 20,000 bytes are refused on the %s port",
    async (which) => {
      const { [which]: server, router } = await useRpcListeners();
      const headers = await rawGrpc(server.port, COMPLETE, framed(Buffer.alloc(0)), filler(20_000));
      expect(headers["grpc-status"]).toBe("8");
      expect(reasonIn(headers)).toBe("HEADERS_TOO_LARGE");
      expect(router.calls).toHaveLength(0);
    },
  );

  it("of many small fields are counted with what each one costs", async () => {
    const { grpc: server } = await useRpcListeners();
    const many = Object.fromEntries(
      Array.from({ length: 110 }, (_, at) => [`x-${at}`, "v".repeat(120)]),
    );
    const headers = await rawGrpc(server.port, COMPLETE, framed(Buffer.alloc(0)), many);
    expect(reasonIn(headers)).toBe("HEADERS_TOO_LARGE");
  });

  it("of 20,000 bytes are answered with 431 to a Connect call over HTTP/2", async () => {
    const { http: server } = await useRpcListeners();
    const { headers, body } = await rawHttp2(server.port, {
      path: COMPLETE,
      headers: { "content-type": "application/json", ...filler(20_000) },
      body: "{}",
    });
    expect(headers[":status"]).toBe(431);
    expect(JSON.parse(body)).toMatchObject({ code: "resource_exhausted" });
    expect(body).toContain("google.rpc.ErrorInfo");
  });

  it.each(["grpc", "http"] as const)("of 40 KB leave the %s port running", async (which) => {
    const listeners = await useRpcListeners();
    const { port } = listeners[which];
    const first = createClient(RouterService, createGrpcTransport(base(port)));
    await first.complete({ spec: wireSpec() }, { headers: filler(40_000) }).catch(() => undefined);
    const second = createClient(RouterService, createGrpcTransport(base(port)));
    await expect(second.complete({ spec: wireSpec() })).resolves.toBeDefined();
  });
});

describe("a request of unknown length", () => {
  it("that is too large is answered before it ends, over HTTP/1.1", async () => {
    const { http: server } = await useRpcListeners();
    const { statusCode, text } = await new Promise<{ statusCode: number; text: string }>(
      (resolve, reject) => {
        const request = http.request(
          {
            port: server.port,
            host: "127.0.0.1",
            path: COMPLETE,
            method: "POST",
            headers: { "content-type": "application/json", "transfer-encoding": "chunked" },
          },
          (response) => {
            let body = "";
            response.setEncoding("utf8");
            response.on("data", (chunk: string) => {
              body += chunk;
            });
            response.on("end", () => resolve({ statusCode: response.statusCode ?? 0, text: body }));
          },
        );
        request.on("error", reject);
        request.end(`{"spec": {"model": "${"x".repeat(9 * 1_048_576)}"}}`);
      },
    );
    expect(statusCode).toBe(429);
    expect(text).toContain("resource_exhausted");
  });
});

describe("nonsense", () => {
  it("a call without a host is answered", async () => {
    const { http: server } = await useRpcListeners();
    const seen = await exchange(
      server.port,
      `POST ${COMPLETE} HTTP/1.0\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
    );
    expect(seen).toContain("invalid_argument");
  });

  it.each([
    { name: "a request without a host", text: "GET /healthz HTTP/1.0\r\n\r\n" },
    { name: "a call without a host", text: `GET ${COMPLETE} HTTP/1.0\r\n\r\n` },
    { name: "a host that is no host", text: `POST ${COMPLETE} HTTP/1.1\r\nhost: [\r\n\r\n` },
    { name: "no HTTP at all", text: "hello\r\n\r\n" },
    { name: "an HTTP/2 preface without frames", text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nrubbish!!" },
  ])("$name does not end the server", async ({ text }) => {
    const { http: server } = await useRpcListeners({
      listener: { limits: { requestTimeoutMs: 200, maxConnectionIdleMs: 300 } },
    });
    await exchange(server.port, text);
    const { status } = await fetch(`http://127.0.0.1:${server.port}/healthz`);
    expect(status).toBe(200);
  });

  it("a peer that resets before its first byte does not end the server", async () => {
    const { http: server } = await useRpcListeners();
    await new Promise<void>((resolve) => {
      const socket = net.connect(server.port, "127.0.0.1", () => {
        socket.resetAndDestroy();
        resolve();
      });
    });
    const { status } = await fetch(`http://127.0.0.1:${server.port}/healthz`);
    expect(status).toBe(200);
  });
});

describe("a caller that does not read", () => {
  /** Opens a stream and takes nothing of it. */
  function stall(port: number) {
    const session = http2.connect(`http://127.0.0.1:${port}`, {
      settings: { initialWindowSize: 1_000 },
    });
    session.on("error", () => undefined);
    const stream = session.request({
      ":method": "POST",
      ":path": STREAM,
      "content-type": "application/grpc",
      te: "trailers",
    });
    stream.on("error", () => undefined);
    const message = toBinary(
      StreamCompleteRequestSchema,
      create(StreamCompleteRequestSchema, {
        spec: wireSpec({ model: "stalled" }),
        options: { coalesceWindow: { seconds: 0n, nanos: 0 } },
      }),
    );
    const head = Buffer.alloc(5);
    head.writeUInt32BE(message.length, 1);
    stream.end(Buffer.concat([head, message]));
    const rstCode = new Promise<number | undefined>((resolve) => {
      stream.on("close", () => resolve(stream.rstCode));
    });
    return { session, rstCode };
  }

  /** Floods whoever asks for "stalled" until its signal aborts; answers everyone else. */
  function floods() {
    return scriptedRouter(async (call) => {
      if (call.spec.model !== "stalled") {
        return answers("Hello")(call);
      }
      while (!call.signal.aborted) {
        for (let index = 0; index < 50; index += 1) {
          call.emit({ kind: "text-delta", choice: 0, text: "x".repeat(1_000) });
        }
        await new Promise((resolve) => setImmediate(resolve));
      }
      return exampleResult(call, { error: call.signal.reason as RouterError });
    });
  }

  it.each(["grpc", "http"] as const)(
    "is cut off by the size of its buffer on the %s port, beside 50 good ones",
    async (which) => {
      const router = floods();
      const listeners = await useRpcListeners({
        router,
        listener: { limits: { maxBufferedBytes: 1_048_576 } },
      });
      const { port } = listeners[which];
      const { session, rstCode } = stall(port);
      const client = createClient(RouterService, createGrpcTransport(base(port)));
      const good = Array.from({ length: 50 }, async () => {
        let last = "";
        for await (const { event } of client.streamComplete({ spec: wireSpec() })) {
          last = event.case ?? "";
        }
        return last;
      });
      expect(new Set(await Promise.all(good))).toEqual(new Set(["finished"]));
      const call = await until(() => router.calls.find(({ spec }) => spec.model === "stalled"));
      await until(() => call.signal.aborted);
      expect(await rstCode).toBe(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      session.destroy();
      expect(call.signal.reason).toMatchObject({ code: "caller-too-slow" });
    },
  );

  it.each(["grpc", "http"] as const)(
    "is cut off when nothing moves for too long on the %s port",
    async (which) => {
      const router = scriptedRouter((call) => {
        call.emit({ kind: "text-delta", choice: 0, text: "x".repeat(100_000) });
        call.emit({ kind: "text-delta", choice: 0, text: "y" });
        return new Promise((resolve) => {
          call.signal.addEventListener("abort", () => {
            resolve(exampleResult(call, { error: call.signal.reason as RouterError }));
          });
        });
      });
      const listeners = await useRpcListeners({
        router,
        listener: { limits: { writeStallMs: 100 } },
      });
      const { session, rstCode } = stall(listeners[which].port);
      const call = await until(() => router.calls[0]);
      await until(() => call.signal.aborted);
      expect(await rstCode).toBe(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
      session.destroy();
      expect(call.signal.reason).toBeInstanceOf(RouterError);
      expect(call.signal.reason).toMatchObject({ code: "caller-too-slow" });
    },
  );
});

it("a caller who does not take a whole answer is cut off on the grpc port", async () => {
  const router = scriptedRouter(answers("x".repeat(1_000_000)));
  const listener = { limits: { requestTimeoutMs: 200 } };
  const { grpc: server } = await useRpcListeners({ router, listener });
  const session = http2.connect(`http://127.0.0.1:${server.port}`, {
    settings: { initialWindowSize: 1_000 },
  });
  session.on("error", () => undefined);
  const stream = session.request({
    ":method": "POST",
    ":path": COMPLETE,
    "content-type": "application/grpc",
  });
  stream.on("error", () => undefined);
  stream.end(framed(GOOD));
  await new Promise((resolve) => stream.once("close", resolve));
  expect(stream.rstCode).toBe(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  session.destroy();
});

describe("pages", () => {
  it("are served beside the calls, and their failures answered", async () => {
    const { http: server, log } = await useRpcListeners({
      listener: {
        routes: (path) =>
          path === "/boom"
            ? () => {
                throw new Error("page");
              }
            : (_, response) => response.end(`page ${path}`),
      },
    });
    const url = `http://127.0.0.1:${server.port}`;
    expect(await (await fetch(`${url}/metrics?x=1`)).text()).toBe("page /metrics");
    expect((await fetch(`${url}/boom`)).status).toBe(500);
    expect(log.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  it("that do not exist are 404", async () => {
    const { http: server } = await useRpcListeners();
    const { statusCode } = await new Promise<http.IncomingMessage>((resolve) => {
      http.get({ port: server.port, host: "127.0.0.1", path: "/no" }, resolve);
    });
    expect(statusCode).toBe(404);
  });
});
