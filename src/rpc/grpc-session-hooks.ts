/**
 * What grpc-js decides below its public interface and decides wrongly for this server.
 *
 * - Deadlines: it cuts `grpc-timeout` to 32 bits, so that `597H` fails at once, and ends calls itself
 *   without saying why. The header is taken away and handed to the handlers with their RPC.
 * - Errors it makes itself (unknown method, message too large) carry no details. They are added where
 *   the headers leave.
 * - A stream whose caller does not read cannot be ended: its status waits behind the data. Streams are
 *   kept by a number that travels with the call, so that they can be reset.
 * - Calls that no handler of ours has seen end without anybody's knowing. They are told of here.
 * - Headers of any size are taken.
 * - A request that never ends is waited for as long as its caller likes.
 * - Receive windows stay at 64 KB, which limits a large prompt to one window per round trip.
 *
 * All of it hangs on the listeners of the HTTP/2 servers inside, the one thing that is not public. An
 * upgrade that moves them fails at start, not in production.
 */
import http2 from "node:http2";
import net from "node:net";
import type { Server } from "@grpc/grpc-js";
import type { Log, Schedule } from "../domain/ports.ts";
import { announceGoaway } from "./announce-goaway.ts";
import { encodeStatusDetails, STATUS_DETAILS } from "./grpc-status.ts";
import {
  type CallMetadata,
  createGrpcStreams,
  type GrpcRpc,
  type GrpcStream,
  type GrpcStreams,
  inherited,
  isRaw,
  rpcOfStream,
} from "./grpc-streams.ts";
import { headerBytes } from "./header-bytes.ts";
import type { ListenerLimits } from "./listener-options.ts";
import { noteError, type RpcTeller } from "./open-rpc.ts";
import { createRequestSweep, type RequestSweep } from "./request-sweep.ts";
import {
  grpcCodes,
  headersTooLarge,
  sentTooSlowly,
  statusOf,
  undecodable,
  WireError,
  type WireStatus,
} from "./status.ts";

export type GrpcSessionHooks = {
  /** By the metadata of a call; absent when its stream has closed. */
  rpcOf(metadata: CallMetadata): GrpcRpc | undefined;
  /** Resets a call's stream with ENHANCE_YOUR_CALM, which clients read as RESOURCE_EXHAUSTED. */
  reset(metadata: CallMetadata): void;
  /** Accepts no more connections and asks for no more streams; resolves when none is on its way. */
  stopAccepting(): Promise<void>;
  /** Closes every connection at once: without channelz, grpc-js forgets them on a forced shutdown. */
  destroyAll(): void;
};

export type GrpcSessionHooksOptions = {
  readonly rpcs: RpcTeller;
  /** Paths of the methods whose handlers take their RPC with `rpcOf` and tell its end. */
  readonly own: ReadonlySet<string>;
  /** Paths of all other methods that the server has. */
  readonly foreign: ReadonlySet<string>;
  /** Paths of the methods whose requests are streams, and may take their time. */
  readonly requestStreaming: ReadonlySet<string>;
  readonly limits: ListenerLimits;
  readonly errorDomain: string;
  readonly schedule: Schedule;
  readonly log: Log;
};

const STREAM_WINDOW_BYTES = 1_048_576;
const CONNECTION_WINDOW_BYTES = 4_194_304;

export function hookGrpcSessions(
  server: Server,
  options: GrpcSessionHooksOptions,
): GrpcSessionHooks {
  const { requestStreaming, limits, errorDomain, schedule, log } = options;
  const streams = createGrpcStreams(options);
  const sweep = createRequestSweep({
    timeoutMs: limits.requestTimeoutMs,
    schedule,
    onTooSlow: (stream) => giveUp(stream, errorDomain),
  });
  const shared = { errorDomain, sweep, streams };
  const respond = createTypedRespond({ ...shared, errorFor: libraryError });
  const respondTooLarge = createTypedRespond({ ...shared, errorFor: headersTooLarge });
  const sessions = new Set<http2.ServerHttp2Session>();

  function onStream(
    stream: GrpcStream,
    headers: http2.IncomingHttpHeaders,
    _flags: number,
    rawHeaders: readonly string[],
  ): void {
    const path = headers[":path"] ?? "";
    if (!requestStreaming.has(path)) {
      sweep.begun(stream);
    }
    streams.opened(stream, path, headers);
    if (headerBytes(rawHeaders) > limits.maxHeaderBytes) {
      // No method has this path, so grpc-js ends the call at once, and here it is said why.
      headers[":path"] = "";
      stream.respond = respondTooLarge;
      return;
    }
    stream.respond = respond;
  }

  const http2Servers = http2ServersOf(server);
  for (const http2Server of http2Servers) {
    http2Server.prependListener("stream", onStream);
    http2Server.on("session", (session) => setUpSession(session, sessions, log));
    http2Server.on("sessionError", (error: Error) => {
      log("debug", "gRPC session failed", { error: error.message });
    });
  }
  return {
    rpcOf: streams.of,
    reset: (metadata) => streams.reset(metadata, http2.constants.NGHTTP2_ENHANCE_YOUR_CALM),
    async stopAccepting() {
      for (const http2Server of http2Servers) {
        // The HTTP/2 server's own `close` would also close its sessions at once.
        net.Server.prototype.close.call(http2Server);
      }
      await Promise.all([...sessions].map((session) => announceGoaway(session, schedule)));
    },
    destroyAll() {
      sweep.stop();
      for (const session of sessions) {
        session.destroy();
      }
    },
  };
}

function setUpSession(
  session: http2.ServerHttp2Session,
  sessions: Set<http2.ServerHttp2Session>,
  log: Log,
): void {
  sessions.add(session);
  session.once("close", () => sessions.delete(session));
  session.on("error", (error: Error) =>
    log("debug", "gRPC session failed", { error: error.message }),
  );
  session.settings({ initialWindowSize: STREAM_WINDOW_BYTES });
  session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
}

function http2ServersOf(server: Server): readonly http2.Http2Server[] {
  const inside: unknown = Reflect.get(server, "http2Servers");
  const servers = inside instanceof Map ? [...inside.keys()] : [];
  if (
    servers.length === 0 ||
    !servers.every((found) => typeof found?.prependListener === "function")
  ) {
    throw new Error(
      "@grpc/grpc-js keeps its HTTP/2 servers elsewhere: adapt grpc-session-hooks.ts",
    );
  }
  return servers;
}

/** Tells the caller what its request took too long for, and takes nothing more of it. */
function giveUp(stream: GrpcStream, errorDomain: string): void {
  if (!stream.headersSent) {
    const error = sentTooSlowly();
    const rpc = rpcOfStream(stream);
    if (rpc !== undefined) {
      noteError(rpc, error);
    }
    const headers: http2.OutgoingHttpHeaders = {
      ":status": http2.constants.HTTP_STATUS_OK,
      "content-type": "application/grpc+proto",
    };
    setStatus(headers, statusOf(error, errorDomain));
    stream.respond(headers, { endStream: true });
  }
  // What a server sends when it has said all and wants no more (RFC 9113, section 8.1).
  stream.close(http2.constants.NGHTTP2_NO_ERROR);
}

type ErrorFor = (code: number, message: string) => Error | undefined;

type TypedRespond = {
  readonly errorDomain: string;
  readonly errorFor: ErrorFor;
  readonly sweep: RequestSweep;
  readonly streams: GrpcStreams;
};

/** Adds `google.rpc.Status` to the errors that grpc-js answers without a handler, and tells them. */
function createTypedRespond({
  errorDomain,
  errorFor,
  sweep,
  streams,
}: TypedRespond): http2.ServerHttp2Stream["respond"] {
  /** Of the class of all streams, which is not public. */
  let plain: http2.ServerHttp2Stream["respond"] | undefined;
  return function typedRespond(this: GrpcStream, headers, options) {
    sweep.answered(this);
    plain ??= inherited(this, "respond");
    const rpc = rpcOfStream(this);
    if (headers !== undefined && !isRaw(headers)) {
      const error = addDetails(headers, errorDomain, errorFor);
      if (error !== undefined && rpc !== undefined) {
        noteError(rpc, error);
      }
    }
    plain.call(this, headers, options);
    if (options?.endStream === true) {
      streams.answered(this, headers);
    }
  };
}

function addDetails(
  headers: http2.OutgoingHttpHeaders,
  errorDomain: string,
  errorFor: ErrorFor,
): Error | undefined {
  const code = Number(headers["grpc-status"] ?? grpcCodes.ok);
  if (code === grpcCodes.ok || headers[STATUS_DETAILS] !== undefined) {
    return undefined;
  }
  const error = errorFor(code, String(headers["grpc-message"]));
  if (error !== undefined) {
    setStatus(headers, statusOf(error, errorDomain));
  }
  return error;
}

function setStatus(headers: http2.OutgoingHttpHeaders, status: WireStatus): void {
  headers["grpc-status"] = status.code;
  headers["grpc-message"] = encodeURI(status.message);
  headers[STATUS_DETAILS] = encodeStatusDetails(status).toString("base64");
}

/** In the router's words; `undefined` for statuses of other services, such as health. */
function libraryError(code: number, message: string): Error | undefined {
  switch (code) {
    case grpcCodes["resource-exhausted"]:
      return new WireError("message-too-large", "The request is larger than the server takes.");
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
