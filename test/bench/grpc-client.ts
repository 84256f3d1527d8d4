/**
 * A gRPC client of plain HTTP/2 that sends a prepared body, so that the load side costs little and does
 * not share a library with what it measures.
 */
import { type ClientHttp2Session, connect, type IncomingHttpHeaders } from "node:http2";

export type GrpcResult = {
  /** `status.UNKNOWN` (2) when the server sent none. */
  readonly grpcStatus: number;
  readonly grpcMessage: string;
  readonly httpStatus: number;
  readonly dataBytes: number;
  /** Monotonic milliseconds of the first data; absent when none came. */
  readonly firstDataAtMs: number | undefined;
};

export type GrpcCall = {
  readonly path: string;
  readonly body: Buffer;
  readonly onData?: (chunk: Buffer) => void;
};

export const UNARY_PATH = "/atlas.v1.RouterService/Complete";
export const STREAM_PATH = "/atlas.v1.RouterService/StreamComplete";

const WINDOW_BYTES = 2 ** 24;
const GRPC_UNKNOWN = 2;

export function connectGrpc(address: string): ClientHttp2Session {
  const session = connect(`http://${address}`, { settings: { initialWindowSize: WINDOW_BYTES } });
  session.on("connect", () => session.setLocalWindowSize(WINDOW_BYTES));
  // A broken connection ends its calls, which tell of it.
  session.on("error", () => undefined);
  return session;
}

/** Never rejects: a broken connection is `status.UNAVAILABLE` (14). */
export function callGrpc(session: ClientHttp2Session, call: GrpcCall): Promise<GrpcResult> {
  const { promise, resolve } = Promise.withResolvers<GrpcResult>();
  const stream = session.request({
    ":method": "POST",
    ":path": call.path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  let dataBytes = 0;
  let firstDataAtMs: number | undefined;
  let failure: Error | undefined;
  stream.on("response", (received) => {
    headers = received;
  });
  stream.on("trailers", (received) => {
    trailers = received;
  });
  stream.on("data", (chunk: Buffer) => {
    firstDataAtMs ??= performance.now();
    dataBytes += chunk.length;
    call.onData?.(chunk);
  });
  stream.on("error", (error) => {
    failure = error;
  });
  stream.on("close", () => {
    // An answer without messages has its status in the headers.
    const ending = { ...headers, ...trailers };
    resolve({
      grpcStatus: failure === undefined ? Number(ending["grpc-status"] ?? GRPC_UNKNOWN) : 14,
      grpcMessage: failure?.message ?? decodeURIComponent(String(ending["grpc-message"] ?? "")),
      httpStatus: Number(headers[":status"] ?? 0),
      dataBytes,
      firstDataAtMs,
    });
  });
  stream.end(call.body);
  return promise;
}

/** Cuts messages out of data that arrives in pieces. */
export function createMessageReader(onMessage: (message: Buffer) => void) {
  let pending: Buffer = Buffer.alloc(0);
  return (chunk: Buffer): void => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    while (pending.length >= 5 && pending.length >= 5 + pending.readUInt32BE(1)) {
      const end = 5 + pending.readUInt32BE(1);
      onMessage(pending.subarray(5, end));
      pending = pending.subarray(end);
    }
  };
}
