import http2 from "node:http2";
import { endAnswer } from "./grpc-answer.ts";
import { trailersOf } from "./grpc-status.ts";
import { noteError, type OpenRpc, type RpcTeller } from "./open-rpc.ts";
import { sentTooSlowly, statusOf } from "./status.ts";
import type { StreamSweep } from "./stream-sweep.ts";

/** A stream of the gRPC port and the RPC that it is: a map beside them would have to be kept in step. */
export type GrpcStream = http2.ServerHttp2Stream & { [rpcOf]?: OpenRpc };

export const rpcOf = Symbol("rpc");

/** Nobody reads what is sent any more. */
export function isGone({ destroyed, closed }: http2.ServerHttp2Stream): boolean {
  return destroyed || closed;
}

/** Listens to the errors of a stream: it closes after each, and that is heard. */
export function ignoreError(): void {
  // Without a listener an error would end the process.
}

export type Refusing = {
  readonly rpcs: RpcTeller;
  readonly errorDomain: string;
  /** Watches streams until their requests are complete. */
  readonly requests: Pick<StreamSweep, "hurry">;
};

/**
 * Ends a call that no handler has begun, and tells its end. What still comes of its request goes nowhere:
 * most of it is on its way already, and whoever goes on is given up some moments later.
 */
export function refuse(
  stream: GrpcStream,
  error: unknown,
  { rpcs, errorDomain, requests }: Refusing,
): void {
  const rpc = stream[rpcOf];
  if (rpc !== undefined) {
    noteError(rpc, error);
  }
  if (!stream.headersSent && !isGone(stream)) {
    endAnswer(stream, trailersOf(statusOf(error, errorDomain)));
  }
  if (rpc !== undefined) {
    rpcs.tell(rpc);
  }
  requests.hurry(stream);
}

/** Ends a call whose request does not end. */
export function giveUp(stream: GrpcStream, refusing: Refusing): void {
  refuse(stream, sentTooSlowly(), refusing);
  // What a server sends when it has said all and wants no more (RFC 9113, section 8.1).
  stream.close(http2.constants.NGHTTP2_NO_ERROR);
}
