import http2 from "node:http2";
import type { GrpcMethod } from "./grpc-call.ts";
import { createForeignWatch } from "./grpc-foreign.ts";
import { type GrpcRequest, receiveGrpc } from "./grpc-request.ts";
import { type GrpcStream, ignoreError, isGone, refuse, rpcOf } from "./grpc-stream.ts";
import { headerBytes } from "./header-bytes.ts";
import { OTHER_METHOD, type RpcTeller } from "./open-rpc.ts";
import { isGrpc } from "./protocol-error.ts";
import { headersTooLarge } from "./status.ts";
import type { StreamSweep } from "./stream-sweep.ts";

export type GrpcDispatchOptions = {
  readonly rpcs: RpcTeller;
  /** Watches streams until their requests are complete. */
  readonly requests: StreamSweep;
  readonly errorDomain: string;
  readonly maxHeaderBytes: number;
  /** Our own methods, by path. */
  readonly own: ReadonlyMap<string, GrpcMethod>;
  /** Paths of the methods that grpc-js serves. */
  readonly foreign: ReadonlySet<string>;
  /** Paths of the methods whose requests are streams, and may take their time. */
  readonly requestStreaming: ReadonlySet<string>;
};

/** Takes a new stream; false leaves it to grpc-js, and tells the end of its RPC nevertheless. */
export type GrpcDispatch = (
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  rawHeaders: readonly string[],
) => boolean;

export function createGrpcDispatch(options: GrpcDispatchOptions): GrpcDispatch {
  const { rpcs, requests, own, foreign, requestStreaming, maxHeaderBytes, errorDomain } = options;
  const watch = createForeignWatch({ rpcs, errorDomain, onAnswer: requests.check });

  return (stream: GrpcStream, headers, rawHeaders) => {
    const path = headers[":path"] ?? "";
    const served = own.get(path);
    const method = served?.name ?? (foreign.has(path) ? path.slice(1) : OTHER_METHOD);
    const connection = rpcs.connectionOfSession(stream.session);
    const rpc = rpcs.open({ system: "grpc", method, connection, headers });
    stream[rpcOf] = rpc;
    if (!requestStreaming.has(path)) {
      requests.watch(stream);
    }
    if (headerBytes(rawHeaders) > maxHeaderBytes) {
      stream.on("error", ignoreError);
      refuse(stream, headersTooLarge(), { rpcs, errorDomain, requests });
      return true;
    }
    if (served !== undefined) {
      serve(stream, { headers, served, rpc });
      return true;
    }
    watch(stream);
    // It would end the call by itself, with a time cut to 32 bits.
    delete headers["grpc-timeout"];
    return false;
  };
}

function serve(stream: GrpcStream, request: GrpcRequest): void {
  const status = httpRefusalOf(request.headers);
  if (status === undefined) {
    receiveGrpc(stream, request);
    return;
  }
  stream.on("error", ignoreError);
  if (!isGone(stream)) {
    stream.respond({ ":status": status }, { endStream: true });
  }
  // It was no call of gRPC: there is nothing to tell.
  request.rpc.isTold = true;
}

const { HTTP_STATUS_METHOD_NOT_ALLOWED, HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE } = http2.constants;

/** What a request is answered with that is none of gRPC; absent: it is one. */
function httpRefusalOf(headers: http2.IncomingHttpHeaders): number | undefined {
  if (headers[":method"] !== "POST") {
    return HTTP_STATUS_METHOD_NOT_ALLOWED;
  }
  return isGrpc({ headers }) ? undefined : HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE;
}
