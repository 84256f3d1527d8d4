import { describe, expect, test } from "vitest";
import { attributeNamesOf } from "../../../src/trace/attribute-table.ts";
import { rpcSpanOf } from "../../../src/trace/rpc-span.ts";
import { exampleTrace } from "../../support/examples.ts";
import { shownSpan } from "../../support/shown-span.ts";
import { exampleRpcEnd, RECEIVED_AT_MS } from "./call-fixture.ts";

const names = attributeNamesOf(undefined);

function spanOf(...facts: Parameters<typeof rpcSpanOf>) {
  return shownSpan(rpcSpanOf(...facts));
}

describe("rpcSpanOf()", () => {
  test("lasts from the request to the answer, under its caller's span", () => {
    const trace = exampleTrace({ parentSpanId: "00f067aa0ba902b7", traceState: "a=1" });
    expect(spanOf(exampleRpcEnd({ trace }), names)).toMatchObject({
      name: "atlas.v1.RouterService/Complete",
      kind: "server",
      spanId: "b7ad6b7169203330",
      parentSpanId: "00f067aa0ba902b7",
      parentIsRemote: true,
      traceState: "a=1",
      startedAtMs: RECEIVED_AT_MS,
      endedAtMs: RECEIVED_AT_MS + 406,
      attributes: {
        "rpc.system.name": "grpc",
        "rpc.method": "atlas.v1.RouterService/Complete",
        "rpc.status_code": "OK",
        "atlas.call.id": "00000000-0000-4000-8000-000000000001",
      },
      error: undefined,
    });
  });

  test("of a repeat tells so, and links to the call that it repeats where that has spans", () => {
    const first = exampleTrace({ traceId: "1".repeat(32), spanPrefix: "2".repeat(15), keep: true });
    const span = spanOf(exampleRpcEnd({ repeats: first }), names);
    expect(span.links).toEqual([{ traceId: "1".repeat(32), spanId: `${"2".repeat(15)}1` }]);
    expect(span.attributes).toMatchObject({
      "atlas.replayed": true,
      "atlas.call.id": "00000000-0000-4000-8000-000000000001",
    });
    const unseen = spanOf(exampleRpcEnd({ repeats: { ...first, keep: false } }), names);
    expect([unseen.links, unseen.attributes["atlas.replayed"]]).toEqual([[], true]);
    const ordinary = spanOf(exampleRpcEnd(), names);
    expect([ordinary.links, ordinary.attributes["atlas.replayed"]]).toEqual([[], undefined]);
  });

  test("is the first of its trace where no caller began one", () => {
    const span = spanOf(exampleRpcEnd(), names);
    expect([span.parentSpanId, span.parentIsRemote]).toEqual([undefined, false]);
  });

  test.each([
    "UNKNOWN",
    "DEADLINE_EXCEEDED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
  ])("%s is an error of the server", (status) => {
    const span = spanOf(exampleRpcEnd({ status, reason: "WHY" }), names);
    expect(span.error).toBe("WHY");
    expect(span.attributes).toMatchObject({ "error.type": status, "atlas.error.reason": "WHY" });
    expect(spanOf(exampleRpcEnd({ status }), names).error).toBe("");
  });

  test.each(["OK", "CANCELLED", "INVALID_ARGUMENT", "NOT_FOUND", "RESOURCE_EXHAUSTED"])(
    "%s is none",
    (status) => {
      const span = spanOf(exampleRpcEnd({ status, reason: "WHY" }), names);
      expect([span.error, span.attributes["error.type"]]).toEqual([undefined, undefined]);
    },
  );

  test("names our end of the connection, where it is known", () => {
    const { attributes } = spanOf(exampleRpcEnd(), names);
    expect(attributes).toMatchObject({ "server.address": "10.0.0.9", "server.port": 50_051 });
    const unknown = spanOf(exampleRpcEnd({ server: undefined }), names).attributes;
    expect([unknown["server.address"], unknown["server.port"]]).toEqual([undefined, undefined]);
  });

  test.each([
    { peer: "10.0.0.7:40000", address: "10.0.0.7", port: 40_000 },
    { peer: "[::1]:50000", address: "::1", port: 50_000 },
    { peer: "::1", address: "::1", port: undefined },
    { peer: "10.0.0.7", address: "10.0.0.7", port: undefined },
    { peer: "", address: undefined, port: undefined },
    { peer: "host.test:1", address: "host.test", port: 1 },
    { peer: "[::1]", address: "[::1]", port: undefined },
    { peer: "[a]:80", address: "a", port: 80 },
    { peer: "[]:80", address: "[]", port: 80 },
    { peer: "[a]b]:80", address: "[a]b]", port: 80 },
    { peer: ":80", address: ":80", port: undefined },
    { peer: "10.0.0.7:", address: "10.0.0.7:", port: undefined },
    { peer: "10.0.0.7:400000", address: "10.0.0.7:400000", port: undefined },
    { peer: "10.0.0.7:http", address: "10.0.0.7:http", port: undefined },
    { peer: "/run/atlas.sock", address: "/run/atlas.sock", port: undefined },
  ])("the peer $peer is told in two attributes", ({ peer, address, port }) => {
    const { attributes } = spanOf(exampleRpcEnd({ peer }), names);
    expect(attributes["network.peer.address"]).toBe(address);
    expect(attributes["network.peer.port"]).toBe(port);
  });
});
