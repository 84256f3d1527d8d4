import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { ErrorInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { collect, errorOf } from "../../support/rpc-errors.ts";
import { type RpcListeners, useRpcListeners } from "../../support/rpc-listeners.ts";
import { answers, hangs, scriptedRouter } from "../../support/scripted-router.ts";
import { wireSpec } from "../../support/wire-spec.ts";

type Way = { readonly name: string; readonly transport: (listeners: RpcListeners) => Transport };

const base = (port: number) => ({ baseUrl: `http://127.0.0.1:${port}` });
const ways: readonly Way[] = [
  { name: "gRPC, gRPC port", transport: ({ grpc: { port } }) => createGrpcTransport(base(port)) },
  { name: "gRPC, HTTP port", transport: ({ http: { port } }) => createGrpcTransport(base(port)) },
  {
    name: "Connect, HTTP/1.1",
    transport: ({ http: { port } }) =>
      createConnectTransport({ ...base(port), httpVersion: "1.1" }),
  },
];

const HOUR_MS = 3_600_000;

describe.each(ways)("a deadline over $name", ({ transport }) => {
  it.each([
    { name: "ten days", grpc: "864000S", connect: "864000000" },
    { name: "597 hours, more than 32 bits of milliseconds", grpc: "597H", connect: "2149200000" },
    { name: "ten days in nine digits", grpc: "864000000m", connect: "864000000" },
    { name: "the longest there is", grpc: "99999999H", connect: "9999999999" },
  ])("of $name is cut to an hour and the call answered", async ({ grpc, connect }) => {
    const { promise, resolve: release } = Promise.withResolvers<void>();
    const router = scriptedRouter(async (call) => {
      await promise;
      return answers("late")(call);
    });
    const listeners = await useRpcListeners({ router });
    const client = createClient(RouterService, transport(listeners));
    const headers = { "grpc-timeout": grpc, "connect-timeout-ms": connect };
    const answer = client.complete({ spec: wireSpec() }, { headers });
    // Time passes, so that a timer which has overflowed fires.
    for (let trip = 0; trip < 5; trip += 1) {
      await client.route({ spec: wireSpec() });
    }
    release();
    await expect(answer).resolves.toBeDefined();
    const [call] = router.calls;
    expect((call?.deadlineMs ?? 0) - (call?.receivedAtMs ?? 0)).toBe(HOUR_MS);
  });

  it("of nothing is 300 s", async () => {
    const listeners = await useRpcListeners();
    await createClient(RouterService, transport(listeners)).complete({ spec: wireSpec() });
    const [call] = listeners.router.calls;
    expect((call?.deadlineMs ?? 0) - (call?.receivedAtMs ?? 0)).toBe(300_000);
  });

  it("of 1 ms ends a call that hangs with DEADLINE_EXCEEDED", async () => {
    const listeners = await useRpcListeners({ router: scriptedRouter(hangs()) });
    const client = createClient(RouterService, transport(listeners));
    const headers = { "grpc-timeout": "1m", "connect-timeout-ms": "1" };
    const error = await client.complete({ spec: wireSpec() }, { headers }).then(
      () => undefined,
      (reason: unknown) => ConnectError.from(reason),
    );
    expect(error?.code).toBe(Code.DeadlineExceeded);
    expect(error?.details).not.toHaveLength(0);
  });

  it("that passes aborts the router's signal, also when the router never lets go", async () => {
    const listeners = await useRpcListeners({
      router: scriptedRouter(() => new Promise(() => undefined)),
    });
    const client = createClient(RouterService, transport(listeners));
    const headers = { "grpc-timeout": "200m", "connect-timeout-ms": "200" };
    const error = await client.complete({ spec: wireSpec() }, { headers }).then(
      () => undefined,
      (reason: unknown) => ConnectError.from(reason),
    );
    expect(error?.code).toBe(Code.DeadlineExceeded);
    expect(error?.findDetails(ErrorInfoSchema)[0]?.metadata["phase"]).toBe("waiting");
    expect(listeners.router.calls[0]?.signal.aborted).toBe(true);
  });

  it("that has passed on arrival is told without asking the router", async () => {
    const listeners = await useRpcListeners();
    const client = createClient(RouterService, transport(listeners));
    const headers = { "grpc-timeout": "0m", "connect-timeout-ms": "0" };
    const error = await errorOf(client.complete({ spec: wireSpec() }, { headers }));
    expect(error.code).toBe(Code.DeadlineExceeded);
    expect(error.findDetails(ErrorInfoSchema)[0]?.metadata["phase"]).toBe("queued");
    const stream = client.streamComplete({ spec: wireSpec() }, { headers });
    expect((await errorOf(collect(stream))).code).toBe(Code.DeadlineExceeded);
    expect(listeners.router.calls).toHaveLength(0);
  });
});
