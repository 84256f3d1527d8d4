import { createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { describe, expect, it } from "vitest";
import type { StreamCompleteResponse } from "../../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { type RpcListeners, useRpcListeners } from "../../support/rpc-listeners.ts";
import { wireSpec } from "../../support/wire-spec.ts";

type Way = {
  readonly name: string;
  readonly transport: (listeners: RpcListeners) => Transport;
};

const http = ({ http: { port } }: RpcListeners) => ({ baseUrl: `http://127.0.0.1:${port}` });
const grpc = ({ grpc: { port } }: RpcListeners) => ({ baseUrl: `http://127.0.0.1:${port}` });

const ways: readonly Way[] = [
  {
    name: "gRPC on the gRPC port",
    transport: (listeners) => createGrpcTransport(grpc(listeners)),
  },
  {
    name: "gRPC on the HTTP port",
    transport: (listeners) => createGrpcTransport(http(listeners)),
  },
  {
    name: "Connect over HTTP/1.1",
    transport: (listeners) => createConnectTransport({ ...http(listeners), httpVersion: "1.1" }),
  },
  {
    name: "Connect over HTTP/2",
    transport: (listeners) =>
      createConnectTransport({ ...http(listeners), httpVersion: "2", useBinaryFormat: true }),
  },
  {
    name: "Connect GET",
    transport: (listeners) =>
      createConnectTransport({ ...http(listeners), httpVersion: "1.1", useHttpGet: true }),
  },
  {
    name: "gRPC-Web over HTTP/1.1",
    transport: (listeners) => createGrpcWebTransport({ ...http(listeners), httpVersion: "1.1" }),
  },
  {
    name: "gRPC-Web over HTTP/2",
    transport: (listeners) => createGrpcWebTransport({ ...http(listeners), httpVersion: "2" }),
  },
];

const spec = wireSpec();

async function collect(stream: AsyncIterable<StreamCompleteResponse>) {
  const events: StreamCompleteResponse[] = [];
  for await (const event of stream) {
    events.push(event);
  }
  return events;
}

describe.each(ways)("$name", ({ transport }) => {
  it("plans a call", async () => {
    const client = createClient(RouterService, transport(await useRpcListeners()));
    const { decision } = await client.route({ spec });
    expect(decision?.endpoint).toBe("acme/eu/one");
  });

  it("answers a call whole", async () => {
    const client = createClient(RouterService, transport(await useRpcListeners()));
    const { choices } = await client.complete({ spec });
    expect(choices[0]?.message?.parts[0]?.part).toEqual({ case: "text", value: "Hello, world!" });
  });

  it("streams a call from started to finished without gaps", async () => {
    const client = createClient(RouterService, transport(await useRpcListeners()));
    const events = await collect(client.streamComplete({ spec }));
    expect(events.map(({ event }) => event.case)).toEqual([
      "started",
      "content",
      "choiceFinished",
      "finished",
    ]);
    expect(events.map(({ sequence }) => sequence)).toEqual([0n, 1n, 2n, 3n]);
  });
});
