import type http2 from "node:http2";
import type { GrpcMethod } from "./grpc-call.ts";
import { createForeignWatch } from "./grpc-foreign.ts";
import { receiveGrpc } from "./grpc-request.ts";
import { type GrpcStream, refuse, rpcOf } from "./grpc-stream.ts";
import { headerBytes } from "./header-bytes.ts";
import { OTHER_METHOD, type RpcTeller } from "./open-rpc.ts";
import type { RequestSweep } from "./request-sweep.ts";
import { headersTooLarge } from "./status.ts";

export type GrpcDispatchOptions = {
  readonly rpcs: RpcTeller;
  readonly sweep: RequestSweep;
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
  const { rpcs, sweep, own, foreign, requestStreaming, maxHeaderBytes, errorDomain } = options;
  const watch = createForeignWatch({ rpcs, errorDomain, onAnswer: sweep.forgetComplete });

  return (stream: GrpcStream, headers, rawHeaders) => {
    const path = headers[":path"] ?? "";
    const served = own.get(path);
    const method = served?.name ?? (foreign.has(path) ? path.slice(1) : OTHER_METHOD);
    const peer = rpcs.peerOfSession(stream.session);
    const rpc = rpcs.open({ system: "grpc", method, peer, headers });
    stream[rpcOf] = rpc;
    if (!requestStreaming.has(path)) {
      sweep.begun(stream);
    }
    if (headerBytes(rawHeaders) > maxHeaderBytes) {
      stream.on("error", ignore);
      refuse(stream, headersTooLarge(), { rpcs, errorDomain });
      return true;
    }
    if (served !== undefined && isGrpc(headers)) {
      receiveGrpc(stream, { headers, served, rpc });
      return true;
    }
    watch(stream);
    // It would end the call by itself, with a time cut to 32 bits.
    delete headers["grpc-timeout"];
    return false;
  };
}

/** Others are told apart by grpc-js, which knows none of our methods. */
function isGrpc({ "content-type": type }: http2.IncomingHttpHeaders): boolean {
  return type?.startsWith("application/grpc") === true;
}

function ignore(): void {
  // It closes after every error; without a listener an error would end the process.
}
