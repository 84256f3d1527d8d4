/**
 * What grpc-js answers by itself on the gRPC port: health, reflection, and calls of methods that the
 * server does not have.
 *
 * Its errors carry no details, and nobody would know of its RPCs. Both are mended where its headers leave.
 */
import type http2 from "node:http2";
import { STATUS_DETAILS, trailersOf } from "./grpc-status.ts";
import { type GrpcStream, rpcOf } from "./grpc-stream.ts";
import { noteError, noteGone, noteStatus, type RpcTeller } from "./open-rpc.ts";
import { grpcCodes, messageTooLarge, statusOf, undecodable, WireError } from "./status.ts";

type SentHeaders = http2.OutgoingHttpHeaders | readonly string[];

export type ForeignWatchOptions = {
  readonly rpcs: RpcTeller;
  readonly errorDomain: string;
  /** The headers of an answer leave. */
  readonly onAnswer: (stream: http2.ServerHttp2Stream) => void;
};

/** Makes what watches a stream, before grpc-js gets it. */
export function createForeignWatch(options: ForeignWatchOptions): (stream: GrpcStream) => void {
  const { rpcs, errorDomain, onAnswer } = options;
  /** Of the class of all streams, which is not public. */
  let plainRespond: http2.ServerHttp2Stream["respond"] | undefined;
  let plainSendTrailers: http2.ServerHttp2Stream["sendTrailers"] | undefined;

  function onClose(this: GrpcStream): void {
    const rpc = this[rpcOf];
    if (rpc !== undefined && !rpc.isTold) {
      noteGone(rpc);
      rpcs.tell(rpc);
    }
  }

  /** The last headers of its answer have been sent. */
  function answered(stream: GrpcStream, headers: SentHeaders | undefined): void {
    const rpc = stream[rpcOf];
    if (rpc === undefined) {
      return;
    }
    const status = headers === undefined || isRaw(headers) ? undefined : headers["grpc-status"];
    if (status === undefined) {
      // It was no call of gRPC, as with another content type: there is nothing to tell.
      rpc.isTold = true;
      return;
    }
    noteStatus(rpc, Number(status));
    rpcs.tell(rpc);
  }

  const respond: http2.ServerHttp2Stream["respond"] = function typedRespond(
    this: GrpcStream,
    headers,
    sent,
  ) {
    onAnswer(this);
    plainRespond ??= inherited(this, "respond");
    const rpc = this[rpcOf];
    if (headers !== undefined && !isRaw(headers)) {
      const error = addDetails(headers, errorDomain);
      if (error !== undefined && rpc !== undefined) {
        noteError(rpc, error);
      }
    }
    plainRespond.call(this, headers, sent);
    if (sent?.endStream === true) {
      answered(this, headers);
    }
  };

  const sendTrailers: http2.ServerHttp2Stream["sendTrailers"] = function tellingTrailers(
    this: GrpcStream,
    headers,
  ) {
    plainSendTrailers ??= inherited(this, "sendTrailers");
    plainSendTrailers.call(this, headers);
    answered(this, headers);
  };

  return (stream) => {
    stream.respond = respond;
    stream.sendTrailers = sendTrailers;
    stream.on("close", onClose);
  };
}

/** What a stream has from its class, behind a property of its own. */
function inherited<Name extends "respond" | "sendTrailers">(
  stream: http2.ServerHttp2Stream,
  name: Name,
): http2.ServerHttp2Stream[Name] {
  return Reflect.get(Reflect.getPrototypeOf(stream) ?? stream, name);
}

function isRaw(headers: SentHeaders): headers is readonly string[] {
  return Array.isArray(headers);
}

/** Adds `google.rpc.Status` to an error that grpc-js made itself. */
function addDetails(headers: http2.OutgoingHttpHeaders, errorDomain: string): Error | undefined {
  const code = Number(headers["grpc-status"] ?? grpcCodes.ok);
  if (code === grpcCodes.ok || headers[STATUS_DETAILS] !== undefined) {
    return undefined;
  }
  const error = libraryError(code, String(headers["grpc-message"]));
  if (error !== undefined) {
    Object.assign(headers, trailersOf(statusOf(error, errorDomain)));
  }
  return error;
}

/** In the router's words; `undefined` for statuses of other services, such as health. */
function libraryError(code: number, message: string): Error | undefined {
  switch (code) {
    case grpcCodes["resource-exhausted"]:
      return messageTooLarge();
    case grpcCodes.unimplemented:
      return unimplementedError(message);
    case grpcCodes.internal:
      return undecodable("The request cannot be decompressed.");
    default:
      return undefined;
  }
}

/** grpc-js says UNIMPLEMENTED of several things; the message is the only word on which. */
function unimplementedError(message: string): Error {
  // Words of the caller, such as the path, come last in each message, and some are percent-encoded.
  const begins = message.replaceAll("%20", " ");
  if (begins.startsWith("Received message compressed with unsupported encoding")) {
    return new WireError("unsupported-encoding", "The server takes gzip, deflate and identity.");
  }
  if (begins.startsWith("Received no request message")) {
    return undecodable("The request has no message.");
  }
  if (begins.startsWith("Received a second request message")) {
    return undecodable("The request has more than one message.");
  }
  return new WireError("unknown-method", "The server has no such method.");
}
