import { describe, expect, test } from "vitest";
import { createRpcRecorder } from "../../../src/metrics/record-rpcs.ts";
import { createRegistry } from "../../../src/metrics/registry.ts";
import { figuresOf } from "../../../src/metrics/sources.ts";
import { exampleCatalog, exampleModel } from "../../support/example-catalog.ts";
import { exampleTrace } from "../../support/examples.ts";
import { rpcEndOf, rpcMethods, startedAtMs } from "../../support/prometheus-load.ts";

function start() {
  const catalog = exampleCatalog([exampleModel("acme/one")]);
  const registry = createRegistry({
    nowMs: () => 0,
    catalog: () => catalog,
    providerName: (id) => id,
    names: "v1.41",
    rpcMethods,
  });
  const shown = () =>
    registry
      .collect(figuresOf({}))
      .filter(({ definition }) => definition.name === "rpc.server.call.duration")
      .flatMap(({ series }) => [...series()]);
  return { rpc: createRpcRecorder(registry, rpcMethods), shown };
}

describe("createRpcRecorder()", () => {
  test("times RPCs by protocol, method and status", () => {
    const { rpc, shown } = start();
    rpc(rpcEndOf());
    rpc(rpcEndOf());
    rpc(rpcEndOf({ system: "connectrpc" }));
    rpc(rpcEndOf({ status: "INVALID_ARGUMENT" }));
    expect(shown()).toMatchObject([
      { labels: ["grpc", "atlas.v1.RouterService/Complete", "OK", ""], sum: 1.002, count: 2 },
      { labels: ["connectrpc", "atlas.v1.RouterService/Complete", "OK", ""], count: 1 },
      { labels: ["grpc", "atlas.v1.RouterService/Complete", "INVALID_ARGUMENT", ""], count: 1 },
    ]);
  });

  test("says which statuses are a fault of the server", () => {
    const { rpc, shown } = start();
    rpc(rpcEndOf({ status: "UNAVAILABLE" }));
    expect(shown()).toMatchObject([{ labels: expect.arrayContaining(["UNAVAILABLE"]) }]);
    expect(shown()[0]?.labels[3]).toBe("UNAVAILABLE");
  });

  test("has one series for methods that no service has, however many are called", () => {
    const { rpc, shown } = start();
    for (let number = 0; number < 1_000; number += 1) {
      rpc(rpcEndOf({ method: `evil.Service/M${number}`, status: "UNIMPLEMENTED" }));
    }
    expect(shown()).toMatchObject([
      { labels: ["grpc", "_OTHER", "UNIMPLEMENTED", "UNIMPLEMENTED"], count: 1_000 },
    ]);
  });

  test("points at the RPC's span when the trace is kept", () => {
    const { rpc, shown } = start();
    const trace = exampleTrace({ keep: true });
    rpc(rpcEndOf({ trace }));
    const mark = {
      traceId: trace.traceId,
      spanId: `${trace.spanPrefix}0`,
      atMs: startedAtMs + 501,
    };
    expect(shown()).toMatchObject([
      { exemplars: expect.arrayContaining([{ mark, value: 0.501 }]) },
    ]);
  });
});
