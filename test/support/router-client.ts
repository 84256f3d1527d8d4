import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Client, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { type CompletionSpecSchema, Role } from "../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../gen/atlas/v1/router_service_pb.ts";

export type RouterClient = Client<typeof RouterService>;

/** A gRPC client that shares no code with the listener it talks to. */
export function routerClient(grpcUrl: string): RouterClient {
  return createClient(RouterService, createGrpcTransport({ baseUrl: grpcUrl }));
}

type Spec = MessageInitShape<typeof CompletionSpecSchema>;

/** One user message to a model. */
export function specOf(model: string, text = "hi", more: Spec = {}): Spec {
  return {
    model,
    messages: [{ role: Role.USER, parts: [{ part: { case: "text", value: text } }] }],
    ...more,
  };
}

/** Changes how a simulated endpoint behaves, over the fleet's control API. */
export async function configureEndpoint(
  fleetUrl: string,
  endpoint: string,
  profile: object,
): Promise<void> {
  const response = await fetch(`${fleetUrl}/endpoints/${encodeURIComponent(endpoint)}`, {
    method: "PATCH",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(profile),
  });
  if (!response.ok) {
    throw new Error(`${endpoint}: ${response.status} ${await response.text()}`);
  }
}

/** What the fleet counted at an endpoint. */
export async function endpointStats(fleetUrl: string, endpoint: string) {
  const response = await fetch(`${fleetUrl}/endpoints/${encodeURIComponent(endpoint)}`);
  const { stats } = (await response.json()) as { readonly stats: EndpointStats };
  return stats;
}

type EndpointStats = {
  readonly requests: number;
  readonly completed: number;
  readonly aborted: number;
  readonly abortedAtMs: readonly number[];
  readonly open: number;
};
