import { gzipSync } from "node:zlib";
import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { errorOf } from "../../support/rpc-errors.ts";
import { useRpcListeners } from "../../support/rpc-listeners.ts";
import { exchange, framed, rawGrpc, rawHttp2, reasonIn } from "../../support/rpc-raw.ts";

const COMPLETE = "/atlas.v1.RouterService/Complete";
const STREAM = "/atlas.v1.RouterService/StreamComplete";
const UNKNOWN = "/atlas.v1.RouterService/No";
const EMPTY = framed(Buffer.alloc(0));

/** The reason of an error in Connect's JSON, which holds the details in base64. */
function reasonInJson(text: string): string | undefined {
  const { details } = JSON.parse(text) as {
    readonly details: readonly { readonly debug: object }[];
  };
  return details
    .map(({ debug }) => ("reason" in debug ? String(debug.reason) : undefined))
    .find((reason) => reason !== undefined);
}

describe("an unknown method on the HTTP port", () => {
  it("is UNIMPLEMENTED with a reason to gRPC over HTTP/2", async () => {
    const { http } = await useRpcListeners();
    const headers = await rawGrpc(http.port, UNKNOWN, EMPTY);
    expect(headers[":status"]).toBe(200);
    expect(headers["grpc-status"]).toBe("12");
    expect(reasonIn(headers)).toBe("UNKNOWN_METHOD");
  });

  it("is UNIMPLEMENTED with a reason to gRPC-Web and Connect", async () => {
    const { http } = await useRpcListeners();
    const options = { baseUrl: `http://127.0.0.1:${http.port}`, httpVersion: "1.1" } as const;
    const renamed = {
      ...RouterService,
      typeName: "atlas.v1.NoService",
      method: RouterService.method,
    };
    const transports = [
      createGrpcWebTransport(options),
      createConnectTransport(options),
      createConnectTransport({ ...options, useBinaryFormat: false }),
    ];
    for (const transport of transports) {
      const elsewhere = { ...RouterService.method.complete, parent: renamed };
      const error = await errorOf(
        transport.unary(elsewhere, undefined, undefined, undefined, {}, undefined),
      );
      expect(error.code).toBe(12);
      expect(error.findDetails(ErrorInfoSchema)[0]?.reason).toBe("UNKNOWN_METHOD");
    }
  });

  it("ends a stream of Connect in its last envelope", async () => {
    const { http } = await useRpcListeners();
    const { headers, body } = await rawHttp2(http.port, {
      path: UNKNOWN,
      headers: { "content-type": "application/connect+json" },
      body: framed(Buffer.from("{}")),
    });
    expect(headers[":status"]).toBe(200);
    expect(headers["content-type"]).toBe("application/connect+json");
    expect(body.charCodeAt(0)).toBe(2);
    expect(JSON.parse(body.slice(5))).toMatchObject({ error: { code: "unimplemented" } });
    expect(body).toContain("UNKNOWN_METHOD");
  });

  it("is 404 with a reason when it is no call", async () => {
    const { http } = await useRpcListeners();
    const response = await fetch(`http://127.0.0.1:${http.port}/nothing`);
    expect(response.status).toBe(404);
    expect(reasonInJson(await response.text())).toBe("UNKNOWN_METHOD");
  });
});

describe("with gRPC", () => {
  it.each([COMPLETE, STREAM])("a call of %s without a message is told so", async (path) => {
    const { grpc, http } = await useRpcListeners();
    for (const { port } of [grpc, http]) {
      const headers = await rawGrpc(port, path, Buffer.alloc(0));
      expect(headers["grpc-status"]).toBe("3");
      expect(reasonIn(headers)).toBe("INVALID_REQUEST");
    }
    const { "grpc-message": message } = await rawGrpc(grpc.port, path, Buffer.alloc(0));
    expect(decodeURI(String(message))).toBe("The request has no message.");
  });

  it("a call with two messages is told so", async () => {
    const { grpc, http } = await useRpcListeners();
    for (const { port } of [grpc, http]) {
      const headers = await rawGrpc(port, COMPLETE, Buffer.concat([EMPTY, EMPTY]));
      expect(reasonIn(headers)).toBe("INVALID_REQUEST");
    }
  });

  it("a method is unknown whatever its name says", async () => {
    const { grpc } = await useRpcListeners();
    const headers = await rawGrpc(grpc.port, "/a.B/encoding", EMPTY);
    expect(reasonIn(headers)).toBe("UNKNOWN_METHOD");
  });
});

describe("what is not of HTTP's kind", () => {
  it.each([
    { name: "a wrong content type", method: "POST", type: "text/plain", status: 415 },
    { name: "a wrong method", method: "PUT", type: "application/json", status: 405 },
    { name: "a GET of a method with effects", method: "GET", type: "", status: 405 },
  ])("$name is $status with a reason", async ({ method, type, status }) => {
    const { http } = await useRpcListeners();
    const { headers, body } = await rawHttp2(http.port, {
      path: COMPLETE,
      method,
      headers: type === "" ? {} : { "content-type": type },
      body: "",
    });
    expect(headers[":status"]).toBe(status);
    expect(headers["content-type"]).toBe("application/json");
    expect(JSON.parse(body)).toMatchObject({ code: "invalid_argument" });
    expect(reasonInJson(body)).toBe("INVALID_REQUEST");
  });

  it("a request that is no HTTP is 400 with a reason", async () => {
    const { http } = await useRpcListeners();
    const seen = await exchange(http.port, "hello\r\n\r\n");
    expect(seen).toContain("400 Bad Request");
    expect(reasonInJson(seen.slice(seen.indexOf("{")))).toBe("INVALID_REQUEST");
  });
});

describe("invalid UTF-8 in JSON", () => {
  const text = (byte: number) =>
    Buffer.concat([Buffer.from('{"requestId":"'), Buffer.from([byte]), Buffer.from('"}')]);
  const invalid = text(0xff);

  it.each([
    { name: "a call", type: "application/json", encoding: {}, body: invalid },
    {
      name: "a compressed call",
      type: "application/json",
      encoding: { "content-encoding": "gzip" },
      body: gzipSync(invalid),
    },
  ])("is refused in $name", async ({ type, encoding, body: sent }) => {
    const { http, router } = await useRpcListeners();
    const { headers, body } = await rawHttp2(http.port, {
      path: COMPLETE,
      headers: { "content-type": type, ...encoding },
      body: sent,
    });
    expect(headers[":status"]).toBe(400);
    expect(reasonInJson(body)).toBe("INVALID_REQUEST");
    expect(body).toContain("not a message of its type");
    expect(router.calls).toHaveLength(0);
  });

  it("is refused in a stream", async () => {
    const { http } = await useRpcListeners();
    const { body } = await rawHttp2(http.port, {
      path: STREAM,
      headers: { "content-type": "application/connect+json" },
      body: framed(invalid),
    });
    expect(body).toContain("invalid_argument");
    expect(body).toContain("not a message of its type");
  });

  const GET = "/atlas.v1.CatalogService/ListModels?encoding=json&connect=v1";

  it.each([
    {
      name: "as it is",
      query: `&message=${encodeURIComponent('{"query":"X"}').replace("X", "%FF")}`,
    },
    {
      name: "in base64",
      query: `&base64=1&message=${Buffer.from('{"query":"\xff"}', "latin1").toString("base64url")}`,
    },
  ])("is refused in the message of a GET, $name", async ({ query }) => {
    const { http } = await useRpcListeners();
    const response = await fetch(`http://127.0.0.1:${http.port}${GET}${query}`);
    expect(response.status).toBe(400);
    expect(reasonInJson(await response.text())).toBe("INVALID_REQUEST");
  });

  it("is no letter of another language", async () => {
    const { http } = await useRpcListeners();
    const message = encodeURIComponent('{"query":"ü漢😀"}');
    const response = await fetch(`http://127.0.0.1:${http.port}${GET}&message=${message}`);
    expect(response.status).toBe(200);
  });
});
