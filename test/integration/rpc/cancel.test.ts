import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { fastestOf } from "../../support/fastest-of.ts";
import { type RpcListeners, useRpcListeners } from "../../support/rpc-listeners.ts";
import { hangs, scriptedRouter } from "../../support/scripted-router.ts";
import { until } from "../../support/until.ts";
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

/** Cancels the call as soon as the router has it and gives the time until the router knew. */
async function cancelLagMs(
  { router }: RpcListeners,
  start: (signal: AbortSignal) => Promise<unknown>,
): Promise<number> {
  const controller = new AbortController();
  const before = router.calls.length;
  const ended = start(controller.signal).catch(() => undefined);
  const call = await until(() => router.calls[before]);
  const canceledAtMs = performance.now();
  const aborted = new Promise<number>((resolve) => {
    call.signal.addEventListener("abort", () => resolve(performance.now() - canceledAtMs));
  });
  controller.abort();
  await ended;
  return aborted;
}

async function read(stream: AsyncIterable<unknown>): Promise<void> {
  for await (const _ of stream) {
    // Only its end matters.
  }
}

describe.each(ways)("a cancel over $name", ({ transport }) => {
  it("of a unary call reaches the router within 50 ms", async () => {
    const listeners = await useRpcListeners({ router: scriptedRouter(hangs()) });
    const client = createClient(RouterService, transport(listeners));
    const lagMs = () =>
      cancelLagMs(listeners, (signal) => client.complete({ spec: wireSpec() }, { signal }));
    expect(await fastestOf(5, lagMs)).toBeLessThan(50);
  });

  it("of a stream reaches the router within 50 ms", async () => {
    const listeners = await useRpcListeners({ router: scriptedRouter(hangs()) });
    const client = createClient(RouterService, transport(listeners));
    const lagMs = () =>
      cancelLagMs(listeners, (signal) =>
        read(client.streamComplete({ spec: wireSpec() }, { signal })),
      );
    expect(await fastestOf(5, lagMs)).toBeLessThan(50);
  });

  it("leaves no call behind", async () => {
    const listeners = await useRpcListeners({ router: scriptedRouter(hangs()) });
    const client = createClient(RouterService, transport(listeners));
    await cancelLagMs(listeners, (signal) => client.complete({ spec: wireSpec() }, { signal }));
    const active = () => listeners.grpc.activeCalls() + listeners.http.activeCalls();
    await until(() => active() === 0);
    expect(active()).toBe(0);
  });

  it("is not seen by a call that has ended", async () => {
    const listeners = await useRpcListeners();
    const client = createClient(RouterService, transport(listeners));
    await client.complete({ spec: wireSpec() });
    await client.complete({ spec: wireSpec() });
    expect(listeners.router.calls[0]?.signal.reason).not.toBeInstanceOf(DOMException);
  });
});

describe("a storm of cancels", () => {
  it.each([
    { name: "gRPC port", port: ({ grpc }: RpcListeners) => grpc.port },
    { name: "HTTP port", port: ({ http }: RpcListeners) => http.port },
  ])("of 1,200 streams over 4 connections passes on the $name", async ({ port }) => {
    const listeners = await useRpcListeners({ router: scriptedRouter(hangs()) });
    const clients = Array.from({ length: 4 }, () =>
      createClient(RouterService, createGrpcTransport(base(port(listeners)))),
    );
    for (let round = 0; round < 12; round += 1) {
      await Promise.all(
        Array.from({ length: 100 }, async (_, index) => {
          const controller = new AbortController();
          const client = clients[index % 4] ?? clients[0];
          const stream = client
            ?.streamComplete({ spec: wireSpec() }, { signal: controller.signal })
            [Symbol.asyncIterator]();
          await stream?.next();
          controller.abort();
          await stream?.next().catch(() => undefined);
        }),
      );
    }
    expect(listeners.router.calls).toHaveLength(1_200);
    const active = () => listeners.grpc.activeCalls() + listeners.http.activeCalls();
    await until(() => active() === 0);
    await expect(clients[0]?.route({ spec: wireSpec() })).resolves.toBeDefined();
  });
});
