import { readFileSync } from "node:fs";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { type RpcListeners, useRpcListeners } from "../../support/rpc-listeners.ts";
import { wireSpec } from "../../support/wire-spec.ts";

const pem = (name: string) =>
  readFileSync(new URL(`../../fixtures/tls/${name}.pem`, import.meta.url), "utf8");

const server = { cert: pem("server"), key: pem("server-key") };
const caller = { cert: pem("client"), key: pem("client-key") };
const trust = { ca: pem("ca") };

type Way = {
  readonly name: string;
  readonly transport: (listeners: RpcListeners, nodeOptions: object) => Transport;
};

const base = (port: number) => ({ baseUrl: `https://localhost:${port}` });
const ways: readonly Way[] = [
  {
    name: "gRPC, gRPC port",
    transport: ({ grpc: { port } }, nodeOptions) =>
      createGrpcTransport({ ...base(port), nodeOptions }),
  },
  {
    name: "gRPC, HTTP port",
    transport: ({ http: { port } }, nodeOptions) =>
      createGrpcTransport({ ...base(port), nodeOptions }),
  },
  {
    name: "Connect over HTTP/1.1",
    transport: ({ http: { port } }, nodeOptions) =>
      createConnectTransport({ ...base(port), httpVersion: "1.1", nodeOptions }),
  },
];

describe.each(ways)("TLS: $name", ({ transport }) => {
  it("serves callers that trust the server", async () => {
    const listeners = await useRpcListeners({ listener: { host: "localhost", tls: server } });
    const client = createClient(RouterService, transport(listeners, trust));
    await expect(client.complete({ spec: wireSpec() })).resolves.toBeDefined();
  });

  it("serves callers with a known certificate when it asks for one", async () => {
    const tls = { ...server, clientCa: pem("ca") };
    const listeners = await useRpcListeners({ listener: { host: "localhost", tls } });
    const client = createClient(RouterService, transport(listeners, { ...trust, ...caller }));
    await expect(client.complete({ spec: wireSpec() })).resolves.toBeDefined();
  });

  it("turns callers without a certificate away when it asks for one", async () => {
    const tls = { ...server, clientCa: pem("ca") };
    const listeners = await useRpcListeners({ listener: { host: "localhost", tls } });
    const client = createClient(RouterService, transport(listeners, trust));
    await expect(client.complete({ spec: wireSpec() })).rejects.toThrow();
    expect(listeners.router.calls).toHaveLength(0);
  });
});
