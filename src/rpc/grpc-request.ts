/** The streams of the gRPC port that call a method of ours, from their headers to their request. */
import type http2 from "node:http2";
import type { Message } from "@bufbuild/protobuf";
import { parseGrpcTimeout } from "./deadline.ts";
import {
  createGrpcCall,
  departureFrom,
  type GrpcCall,
  type GrpcMethod,
  refuseCall,
} from "./grpc-call.ts";
import { emptyBody, type FramedMessage, messageOf, takePiece } from "./grpc-frame.ts";
import { runGrpc } from "./grpc-method.ts";
import { type GrpcStream, ignoreError, isGone } from "./grpc-stream.ts";
import { noteError, type OpenRpc, timeoutLeftMs } from "./open-rpc.ts";
import { undecodable } from "./status.ts";

type CallingStream = GrpcStream & { [callOf]?: GrpcCall };

const callOf = Symbol("call");

export type GrpcRequest = {
  readonly headers: http2.IncomingHttpHeaders;
  readonly served: GrpcMethod;
  readonly rpc: OpenRpc;
};

/** Takes over a stream whose headers are there, and tells the end of its RPC. */
export function receiveGrpc(stream: CallingStream, { headers, served, rpc }: GrpcRequest): void {
  const encoding = headers["grpc-encoding"]?.toString();
  const call = createGrpcCall(stream, { served, rpc, encoding });
  stream[callOf] = call;
  stream.on("data", onData);
  stream.on("end", onEnd);
  stream.on("close", onClose);
  stream.on("error", ignoreError);
  served.ports.tracker.add(call);
  const timeout = headers["grpc-timeout"];
  if (timeout !== undefined) {
    try {
      call.askedMs = parseGrpcTimeout(timeout.toString());
    } catch (error) {
      refuseCall(call, error);
    }
  }
}

function onData(this: CallingStream, piece: Buffer): void {
  const call = this[callOf];
  if (call === undefined || call.rpc.isTold) {
    return;
  }
  try {
    takePiece(call.body, piece, call.served.ports.limits.maxMessageBytes);
  } catch (error) {
    refuseCall(call, error);
  }
}

function onEnd(this: CallingStream): void {
  const call = this[callOf];
  call?.served.ports.requests.check(this);
  // A connection that breaks ends its streams, too.
  if (call === undefined || call.rpc.isTold || isGone(this)) {
    return;
  }
  let message: FramedMessage;
  try {
    message = messageOf(call.body);
  } catch (error) {
    refuseCall(call, error);
    return;
  }
  emptyBody(call.body);
  if (message.isCompressed) {
    beginCompressed(call, message.bytes);
  } else {
    begin(call, message.bytes);
  }
}

function beginCompressed(call: GrpcCall, bytes: Buffer): void {
  const { encoding, served } = call;
  const isWanted = () => !call.rpc.isTold;
  served.ports.decompress({ bytes, encoding, isWanted }).then(
    (message) => begin(call, message),
    (error: unknown) => {
      if (isWanted()) {
        refuseCall(call, error);
      }
    },
  );
}

function begin(call: GrpcCall, bytes: Buffer): void {
  const { rpc, served } = call;
  if (rpc.isTold) {
    // Its caller has left while the request was decompressed.
    return;
  }
  const atMs = served.ports.nowMs();
  rpc.receivedAtMs = atMs;
  call.receivedAtMs = atMs;
  call.timeoutMs = timeoutLeftMs(rpc, call.askedMs);
  let message: Message;
  try {
    message = served.decoder(bytes);
  } catch {
    refuseCall(call, undecodable("The request is not a message of its type."));
    return;
  }
  rpc.isWorking = true;
  runGrpc(call, message);
}

/** Of a call under way, whose handler is told; of one before that, this is the end. */
function onClose(this: CallingStream): void {
  const call = this[callOf];
  if (call === undefined) {
    return;
  }
  const { rpc, served } = call;
  const { tracker, answers, rpcs } = served.ports;
  answers.check(this);
  if (rpc.isWorking) {
    if (!rpc.isTold) {
      call.abort(departureFrom(call));
    }
    return;
  }
  emptyBody(call.body);
  tracker.remove(call);
  if (!rpc.isTold) {
    noteError(rpc, departureFrom(call));
    rpcs.tell(rpc);
  }
}
