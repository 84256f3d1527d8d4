import { randomBytes } from "node:crypto";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { InsightService } from "../../../gen/atlas/v1/insight_service_pb.ts";
import { RouterService } from "../../../gen/atlas/v1/router_service_pb.ts";
import { Tier } from "../../../gen/atlas/v1/types_pb.ts";
import { specOf } from "../../support/router-client.ts";
import { type AtlasProcess, providersOf, type TestModel } from "./use-atlas.ts";

/** The two listeners, each as most callers use it. */
export const ways = {
  gRPC: ({ grpcUrl }: AtlasProcess) => createGrpcTransport({ baseUrl: grpcUrl }),
  Connect: ({ httpUrl }: AtlasProcess) =>
    createConnectTransport({ baseUrl: httpUrl, httpVersion: "1.1" }),
} as const;

export type Way = keyof typeof ways;

export type TracedCall = {
  readonly model: TestModel;
  readonly streaming?: boolean;
  /** Kept by the router. */
  readonly timeoutMs?: number;
  /** The caller goes away with the first content. */
  readonly leaves?: boolean;
  readonly text?: string;
  /** Of the caller's span; default: sampled, with a `tracestate` and baggage. */
  readonly headers?: (traceId: string, spanId: string) => Readonly<Record<string, string>>;
};

/** What the caller knows of a call that has ended. */
export type MadeCall = {
  /** As the caller chose it. */
  readonly traceId: string;
  readonly spanId: string;
  /** Empty when there is no answer. */
  readonly id: string;
  /** Name of the gRPC code. */
  readonly status: string;
};

export const sampled = (traceId: string, spanId: string) => ({
  traceparent: `00-${traceId}-${spanId}-01`,
  tracestate: "vendor=1",
  baggage: "user=canary-baggage",
});

export const unsampled = (traceId: string, spanId: string) => ({
  traceparent: `00-${traceId}-${spanId}-00`,
});

/** Calls the providers of a model in their order. */
export async function callTraced(
  transport: Transport,
  { model, streaming = false, timeoutMs, leaves, text, headers = sampled }: TracedCall,
): Promise<MadeCall> {
  const client = createClient(RouterService, transport);
  const traceId = randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  const leave = new AbortController();
  const request = {
    spec: specOf(`test/${model.name}`, text),
    routing: { tier: Tier.STANDARD, providerOrder: [...providersOf(model)] },
    caller: { application: "tests" },
  };
  const options = {
    headers: { ...headers(traceId, spanId), ...deadlineOf(timeoutMs) },
    signal: leave.signal,
  };
  let id = "";
  let status = "OK";
  try {
    if (streaming) {
      for await (const { event } of client.streamComplete(request, options)) {
        id = event.case === "started" ? event.value.id : id;
        if (leaves && event.case === "content") {
          leave.abort();
        }
      }
    } else {
      ({ id } = await client.complete(request, options));
    }
  } catch (error) {
    status = nameOf(ConnectError.from(error).code);
  }
  return { traceId, spanId, id, status };
}

/** Told to the router alone: a client that kept it too would leave before the router can say so. */
function deadlineOf(timeoutMs: number | undefined): Readonly<Record<string, string>> {
  return timeoutMs === undefined
    ? {}
    : { "grpc-timeout": `${timeoutMs}m`, "connect-timeout-ms": String(timeoutMs) };
}

/** Id of the trace that a call belongs to, as the router remembers it. */
export async function traceIdOf(atlas: AtlasProcess, id: string): Promise<string> {
  const insight = createClient(InsightService, ways.gRPC(atlas));
  const { call } = await insight.getCall({ id });
  return call?.traceId ?? "";
}

/** `DeadlineExceeded` as `DEADLINE_EXCEEDED`; gRPC spells one of them its own way. */
function nameOf(code: Code): string {
  const words = Code[code].replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
  return words === "CANCELED" ? "CANCELLED" : words;
}
