import http from "node:http";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import grpc from "@grpc/grpc-js";
import { describe, expect, it } from "vitest";
import { CompleteRequestSchema } from "../../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { UsageSchema } from "../../../gen/atlas/v1/types_pb.ts";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "../../../gen/google/rpc/error_details_pb.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { type RpcListeners, useRpcListeners } from "../../support/rpc-listeners.ts";
import { framed, rawGrpc, reasonIn } from "../../support/rpc-raw.ts";
import { answers, fails, scriptedRouter } from "../../support/scripted-router.ts";
import { wireSpec } from "../../support/wire-spec.ts";

const PATH = "/atlas.v1.RouterService/Complete";
const base = (port: number) => ({ baseUrl: `http://127.0.0.1:${port}` });
const refuse = () => Promise.reject(new Error("expected a failure"));

type Way = { readonly name: string; readonly transport: (listeners: RpcListeners) => Transport };

const ways: readonly Way[] = [
  { name: "gRPC, gRPC port", transport: ({ grpc: { port } }) => createGrpcTransport(base(port)) },
  { name: "gRPC, HTTP port", transport: ({ http: { port } }) => createGrpcTransport(base(port)) },
  {
    name: "Connect JSON",
    transport: ({ http: { port } }) =>
      createConnectTransport({ ...base(port), httpVersion: "1.1", useBinaryFormat: false }),
  },
  {
    name: "Connect binary",
    transport: ({ http: { port } }) => createConnectTransport({ ...base(port), httpVersion: "2" }),
  },
  {
    name: "gRPC-Web",
    transport: ({ http: { port } }) =>
      createGrpcWebTransport({ ...base(port), httpVersion: "1.1" }),
  },
];

async function errorOf(call: Promise<unknown>): Promise<ConnectError> {
  return call.then(refuse, (error: unknown) => ConnectError.from(error));
}

async function drainStream(stream: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of stream) {
    count += 1;
  }
  return count;
}

describe.each(ways)("a failure over $name", ({ transport }) => {
  it("carries its reason, its domain and every violation", async () => {
    const client = createClient(RouterService, transport(await useRpcListeners()));
    const error = await errorOf(
      client.complete({ spec: { model: "" }, routing: { tier: 3 }, requestId: "no" }),
    );
    expect(error.code).toBe(Code.InvalidArgument);
    expect(error.findDetails(ErrorInfoSchema)[0]).toMatchObject({
      reason: "INVALID_REQUEST",
      domain: "atlas.internal",
      metadata: { service: "atlas.v1.BatchService" },
    });
    const fields = error
      .findDetails(BadRequestSchema)[0]
      ?.fieldViolations.map(({ field }) => field);
    expect(fields).toEqual(["request_id", "spec.model", "spec.messages", "routing.tier"]);
  });

  it("names the attempts and the usage of an unanswered call", async () => {
    const failure = new RouterError("upstream-unavailable", "nobody answered", {
      retryAfterMs: 2_000,
    });
    const router = scriptedRouter(fails(failure));
    const client = createClient(RouterService, transport(await useRpcListeners({ router })));
    const error = await errorOf(client.complete({ spec: wireSpec() }));
    expect(error.code).toBe(Code.Unavailable);
    expect(error.findDetails(ErrorInfoSchema)[0]?.metadata["attempts"]).toBe(
      "acme/eu/one:server-error",
    );
    expect(error.findDetails(RetryInfoSchema)[0]?.retryDelay?.seconds).toBe(2n);
    expect(error.metadata.get("retry-after-ms")).toBe("2000");
    const usage = error.metadata.get("atlas-usage-bin") ?? "";
    expect(fromBinary(UsageSchema, Buffer.from(usage, "base64")).visibleOutputTokens).toBe(3n);
  });

  it("ends a stream after what was already sent, with the partial usage", async () => {
    const failure = new RouterError("stream-interrupted", "the provider broke off");
    const router = scriptedRouter(fails(failure, { kind: "text-delta", choice: 0, text: "Hel" }));
    const client = createClient(RouterService, transport(await useRpcListeners({ router })));
    const texts: string[] = [];
    const error = await errorOf(
      (async () => {
        for await (const { event } of client.streamComplete({ spec: wireSpec() })) {
          texts.push(event.case ?? "");
        }
      })(),
    );
    expect(texts).toEqual(["started", "content"]);
    expect(error.code).toBe(Code.Unavailable);
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("STREAM_INTERRUPTED");
    expect(error.metadata.get("grpc-retry-pushback-ms")).toBe("-1");
    expect(error.metadata.get("atlas-usage-bin")).not.toBeNull();
  });

  it("says nothing of a defect and logs it once", async () => {
    const router = scriptedRouter(() => Promise.reject(new Error("secret inside")));
    const listeners = await useRpcListeners({ router });
    const client = createClient(RouterService, transport(listeners));
    const error = await errorOf(client.complete({ spec: wireSpec() }));
    expect(error.code).toBe(Code.Internal);
    expect(error.rawMessage).toBe("internal error");
    expect(JSON.stringify(error.findDetails(ErrorInfoSchema))).not.toContain("secret");
    expect(listeners.log.filter(({ level }) => level === "error")).toHaveLength(1);
  });

  // Two clients, because what the first did not upload fills its connection's memory.
  it.each(["complete", "streamComplete"] as const)("refuses 9 MiB to %s", async (method) => {
    const client = createClient(RouterService, transport(await useRpcListeners()));
    const text = "x".repeat(9 * 1_048_576);
    const spec = wireSpec({
      messages: [{ role: 3, parts: [{ part: { case: "text", value: text } }] }],
    });
    const calls = {
      complete: () => client.complete({ spec }),
      streamComplete: () => drainStream(client.streamComplete({ spec })),
    };
    const error = await errorOf(calls[method]());
    expect(error.code).toBe(Code.ResourceExhausted);
    expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("MESSAGE_TOO_LARGE");
  });

  it("refuses an answer that is larger than the server sends", async () => {
    const router = scriptedRouter(answers("x".repeat(9 * 1_048_576)));
    const client = createClient(RouterService, transport(await useRpcListeners({ router })));
    const error = await errorOf(client.complete({ spec: wireSpec() }));
    expect(error.code).toBe(Code.ResourceExhausted);
  });
});

/** request_id (field 4) with a byte that no UTF-8 text has. */
const INVALID_UTF8 = framed(Buffer.from([0x22, 0x01, 0xff]));
const NOT_PROTOBUF = framed(Buffer.from([0xff, 0xff, 0xff]));

describe.each(["grpc", "http"] as const)("raw bytes on the %s port", (which) => {
  it("answers invalid UTF-8 with INVALID_ARGUMENT", async () => {
    const { [which]: listener } = await useRpcListeners();
    const headers = await rawGrpc(listener.port, PATH, INVALID_UTF8);
    expect(headers["grpc-status"]).toBe("3");
    expect(reasonIn(headers)).toBe("INVALID_REQUEST");
  });

  it("answers what is no message with INVALID_ARGUMENT", async () => {
    const { [which]: listener } = await useRpcListeners();
    const headers = await rawGrpc(listener.port, PATH, NOT_PROTOBUF);
    expect(headers["grpc-status"]).toBe("3");
    expect(reasonIn(headers)).toBe("INVALID_REQUEST");
  });

  it("answers a stream's broken request in the same way", async () => {
    const { [which]: listener } = await useRpcListeners();
    const path = "/atlas.v1.RouterService/StreamComplete";
    const headers = await rawGrpc(listener.port, path, INVALID_UTF8);
    expect(headers["grpc-status"]).toBe("3");
    expect(reasonIn(headers)).toBe("INVALID_REQUEST");
  });

  it("answers an unreadable deadline with INVALID_ARGUMENT", async () => {
    const { [which]: listener } = await useRpcListeners();
    const headers = await rawGrpc(listener.port, PATH, framed(Buffer.alloc(0)), {
      "grpc-timeout": "soon",
    });
    expect(headers["grpc-status"]).toBe("3");
    expect(reasonIn(headers)).toBe("INVALID_REQUEST");
  });

  it("answers an unknown compression with UNIMPLEMENTED", async () => {
    const { [which]: listener } = await useRpcListeners();
    const compressed = framed(Buffer.from([1, 2, 3]));
    compressed[0] = 1;
    const headers = await rawGrpc(listener.port, PATH, compressed, { "grpc-encoding": "snappy" });
    expect(headers["grpc-status"]).toBe("12");
    expect(reasonIn(headers)).toBe("UNSUPPORTED_ENCODING");
  });

  it("answers a wrong content type with 415", async () => {
    const { [which]: listener } = await useRpcListeners();
    const headers = await rawGrpc(listener.port, PATH, Buffer.from("{}"), {
      "content-type": "text/plain",
    });
    expect(headers[":status"]).toBe(415);
  });
});

describe("the gRPC port", () => {
  it("answers an unknown method with UNIMPLEMENTED and a reason", async () => {
    const { grpc: listener } = await useRpcListeners();
    const headers = await rawGrpc(
      listener.port,
      "/atlas.v1.RouterService/No",
      framed(Buffer.alloc(0)),
    );
    expect(headers["grpc-status"]).toBe("12");
    expect(reasonIn(headers)).toBe("UNKNOWN_METHOD");
  });

  it("sends messages that no header could carry as they are", async () => {
    const router = scriptedRouter(
      fails(new RouterError("internal", "half \ud83d, line\nbreak, 100 %, ü")),
    );
    const { grpc: listener } = await useRpcListeners({ router });
    const client = new grpc.Client(`127.0.0.1:${listener.port}`, grpc.credentials.createInsecure());
    const { details } = await new Promise<grpc.ServiceError>((resolve, reject) => {
      client.makeUnaryRequest(
        PATH,
        (bytes: Buffer) => bytes,
        (bytes: Buffer) => bytes,
        Buffer.from(
          toBinary(CompleteRequestSchema, create(CompleteRequestSchema, { spec: wireSpec() })),
        ),
        (error) => (error === null ? reject(new Error("expected a failure")) : resolve(error)),
      );
    });
    client.close();
    expect(details).toBe("half \ufffd, line\nbreak, 100 %, ü");
  });
});

describe("Connect over HTTP/1.1", () => {
  function post(port: number, contentType: string, body: string | Buffer, headers = {}) {
    return new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
      const request = http.request(
        {
          port,
          host: "127.0.0.1",
          path: PATH,
          method: "POST",
          headers: { "content-type": contentType, ...headers },
        },
        (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => {
            text += chunk;
          });
          response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
        },
      );
      request.on("error", reject);
      request.end(body);
    });
  }

  it("answers broken JSON with 400 and a reason", async () => {
    const { http: listener } = await useRpcListeners();
    const { status, body } = await post(listener.port, "application/json", "{nonsense");
    expect(status).toBe(400);
    expect(JSON.parse(body)).toMatchObject({ code: "invalid_argument" });
    expect(body).toContain("google.rpc.ErrorInfo");
  });

  it("answers a wrong content type with 415", async () => {
    const { http: listener } = await useRpcListeners();
    const { status } = await post(listener.port, "text/html", "{}");
    expect(status).toBe(415);
  });

  it("answers an unreadable timeout with 400 and a reason", async () => {
    const { http: listener } = await useRpcListeners();
    const { status, body } = await post(listener.port, "application/json", "{}", {
      "connect-timeout-ms": "never",
    });
    expect(status).toBe(400);
    expect(body).toContain("google.rpc.ErrorInfo");
  });
});
