import type http2 from "node:http2";
import { createCanceller } from "../domain/cancel.ts";
import type { RouterError } from "../domain/router-error.ts";
import type { MessageDecoder } from "../wire/message-decoder.ts";
import type { MessageEncoder } from "../wire/message-encoder.ts";
import type { BindingPorts } from "./binding-ports.ts";
import type { ActiveCall } from "./call-tracker.ts";
import { departureOf } from "./deadline.ts";
import type { Decompress } from "./decompression.ts";
import { createRequestBody, emptyBody, type RequestBody } from "./grpc-frame.ts";
import { binaryHeader } from "./grpc-status.ts";
import { refuse } from "./grpc-stream.ts";
import type { OpenRpc } from "./open-rpc.ts";
import type { CallContext, RpcMethod } from "./rpc-service.ts";
import type { StreamSweep } from "./stream-sweep.ts";

export type GrpcPorts = BindingPorts & {
  readonly decompress: Decompress;
  /** Watches streams until their requests are complete. */
  readonly requests: StreamSweep;
  /** Watches streams until their callers have taken the whole answer. */
  readonly answers: StreamSweep;
};

/** A method of ours, ready to be served. */
export type GrpcMethod = {
  /** As `RpcEnd.method` has it. */
  readonly name: string;
  readonly method: RpcMethod;
  readonly decoder: MessageDecoder;
  /** Leaves room for the prefix of a frame. */
  readonly encoder: MessageEncoder;
  readonly ports: GrpcPorts;
};

/** A call of one of our methods, and what its handler knows of it: one object for both. */
export type GrpcCall = Omit<CallContext, "timeoutMs" | "receivedAtMs" | "rpc"> &
  ActiveCall & {
    readonly stream: http2.ServerHttp2Stream;
    readonly served: GrpcMethod;
    readonly rpc: OpenRpc;
    /** How its message is compressed, if it is. */
    readonly encoding: string | undefined;
    readonly body: RequestBody;
    /** The caller's timeout as it was asked for, in milliseconds; absent without one. */
    askedMs: number | undefined;
    /** As `CallContext` has it, from when the request is there. */
    timeoutMs: number | undefined;
    /** As `CallContext` has it, from when the request is there. */
    receivedAtMs: number;
    /** Absent while the handler has set none. */
    trailers: http2.OutgoingHttpHeaders | undefined;
  };

export function createGrpcCall(
  stream: http2.ServerHttp2Stream,
  { served, rpc, encoding }: Pick<GrpcCall, "served" | "rpc" | "encoding">,
): GrpcCall {
  const { method } = served;
  const { signal, abort } = createCanceller();
  return {
    stream,
    served,
    rpc,
    encoding,
    endless: method.kind === "server_streaming" && method.endless,
    signal,
    abort,
    trace: rpc.trace,
    body: createRequestBody(),
    askedMs: undefined,
    timeoutMs: undefined,
    receivedAtMs: rpc.receivedAtMs,
    trailers: undefined,
    end,
    setTrailer,
    isBehind,
  };
}

/** Ends a call whose handler has not begun. */
export function refuseCall(call: GrpcCall, error: unknown): void {
  const { stream, served, body } = call;
  emptyBody(body);
  served.ports.tracker.remove(call);
  refuse(stream, error, served.ports);
}

/** Why its caller is no longer there, if it is not. */
export function departureFrom({ rpc, askedMs, served }: GrpcCall): RouterError {
  return departureOf(rpc, askedMs, served.ports.nowMs());
}

function end(this: ActiveCall, reason: RouterError): void {
  const call = this as GrpcCall;
  if (call.rpc.isWorking) {
    call.abort(reason);
  } else {
    refuseCall(call, reason);
  }
}

function setTrailer(this: CallContext, name: string, value: string | Uint8Array): void {
  const call = this as GrpcCall;
  call.trailers ??= {};
  call.trailers[name] = typeof value === "string" ? value : binaryHeader(value);
}

function isBehind(this: CallContext): boolean {
  return (this as GrpcCall).stream.writableLength > 0;
}
