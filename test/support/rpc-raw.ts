import http2 from "node:http2";
import net from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import { ErrorInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import { StatusSchema } from "../../gen/google/rpc/status_pb.ts";

export type RawRequest = {
  readonly path: string;
  /** Default: POST. */
  readonly method?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
};

export type RawAnswer = {
  /** Trailers included. */
  readonly headers: http2.IncomingHttpHeaders;
  readonly body: string;
};

/** One request over HTTP/2 as no library would send it. */
export function rawHttp2(
  port: number,
  { path, method = "POST", headers, body }: RawRequest,
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const stream = session.request(
      { ":method": method, ":path": path, ...headers },
      { endStream: false },
    );
    let seen: http2.IncomingHttpHeaders = {};
    let text = "";
    const add = (more: http2.IncomingHttpHeaders) => {
      seen = { ...seen, ...more };
    };
    session.on("error", reject);
    stream.on("error", reject);
    stream.on("response", add);
    stream.on("trailers", add);
    stream.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
    });
    stream.on("close", () => {
      session.close();
      resolve({ headers: seen, body: text });
    });
    stream.end(body);
  });
}

/** A gRPC call made of raw bytes: its headers and trailers. */
export async function rawGrpc(
  port: number,
  path: string,
  body: Buffer,
  headers: Readonly<Record<string, string>> = {},
): Promise<http2.IncomingHttpHeaders> {
  const answer = await rawHttp2(port, {
    path,
    headers: { "content-type": "application/grpc", te: "trailers", ...headers },
    body,
  });
  return answer.headers;
}

/** A message in the envelope of gRPC and of Connect's streams. */
export function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** `ErrorInfo.reason` of a failed gRPC call. */
export function reasonIn(headers: http2.IncomingHttpHeaders): string {
  const bytes = Buffer.from(String(headers["grpc-status-details-bin"]), "base64");
  const [detail] = fromBinary(StatusSchema, bytes).details;
  return fromBinary(ErrorInfoSchema, detail?.value ?? new Uint8Array()).reason;
}

/** Sends raw text and resolves with all that comes back until the server closes. */
export function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => socket.write(text));
    let seen = "";
    socket.on("data", (chunk) => {
      seen += chunk.toString("latin1");
    });
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(seen));
  });
}
