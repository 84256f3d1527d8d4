/**
 * Carries calls between node:http and connect-es.
 *
 * Written instead of `connectNodeAdapter` because that one throws on a request without a host, writes
 * to the console, waits for ever for the rest of a request, and keeps deadlines itself.
 *
 * Errors that connect-es makes before a handler runs carry no details: such a call is run once more
 * with an empty request, only to have the typed error told in the caller's protocol.
 */
import { createContextValues } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import {
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import type { Log, NowMs, Schedule } from "../domain/ports.ts";
import {
  createHttpCall,
  type HttpCall,
  type HttpRequest,
  type HttpResponse,
  httpCallKey,
  reset,
  takeTimeout,
} from "./http-call.ts";
import { grpcCodes, undecodable, WireError } from "./status.ts";

export type ConnectAdapterPorts = {
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly log: Log;
  /** From the first to the last byte of a request. */
  readonly requestTimeoutMs: number;
};

/** Answers one call; never throws and never rejects. */
export async function serveConnect(
  handler: UniversalHandler,
  request: HttpRequest,
  response: HttpResponse,
  ports: ConnectAdapterPorts,
): Promise<void> {
  const call = createHttpCall(request, ports.nowMs(), () => reset(request, response));
  watchRequest(request, response, ports);
  try {
    const asked = readRequest(request, response, call);
    const answered = await handler(asked);
    const typed = call.begun ? answered : await typedAnswer(handler, asked, answered, call);
    request.resume();
    await universalResponseToNodeResponse(typed, response);
  } catch (error) {
    ports.log("debug", "a response could not be written", { error });
    reset(request, response);
  }
}

/** A caller that stops in the middle of its request gets no answer. */
function watchRequest(
  request: HttpRequest,
  response: HttpResponse,
  { schedule, requestTimeoutMs }: ConnectAdapterPorts,
): void {
  const callOff = schedule(requestTimeoutMs, () => reset(request, response));
  request.once("end", callOff);
  response.once("close", callOff);
}

function readRequest(
  request: HttpRequest,
  response: HttpResponse,
  call: HttpCall,
): UniversalServerRequest {
  // Only TLS makes a difference to the URL, and only its path is used.
  request.headers.host ??= "localhost";
  const contextValues = createContextValues().set(httpCallKey, call);
  try {
    call.timeoutMs = takeTimeout(request);
  } catch (error) {
    call.preset = error as Error;
  }
  return universalRequestFromNodeRequest(request, response, undefined, contextValues);
}

async function typedAnswer(
  handler: UniversalHandler,
  asked: UniversalServerRequest,
  answered: UniversalServerResponse,
  call: HttpCall,
): Promise<UniversalServerResponse> {
  if (NOT_A_CALL.has(answered.status)) {
    return answered;
  }
  call.preset ??= errorOf(await codeOf(answered));
  const contentType = asked.header.get("content-type") ?? "";
  const header = new Headers(asked.header);
  for (const name of BODY_HEADERS) {
    header.delete(name);
  }
  return handler({
    ...asked,
    url: asked.method === "GET" ? emptyGet(asked.url) : asked.url,
    header,
    body: asked.method === "GET" ? oneChunk(new Uint8Array(0)) : oneChunk(emptyBody(contentType)),
  });
}

/** Wrong method, media type or HTTP version: the answer is one of HTTP. */
const NOT_A_CALL: ReadonlySet<number> = new Set([404, 405, 415, 505]);

const BODY_HEADERS = [
  "content-length",
  "content-encoding",
  "connect-content-encoding",
  "grpc-encoding",
];

/** Reads the code off an error answer in any of the protocols. */
async function codeOf({ trailer, body }: UniversalServerResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("latin1");
  const inBody = /"code":"([a-z_]+)"|grpc-status: ?(\d+)/i.exec(text);
  return inBody?.[1] ?? inBody?.[2] ?? trailer?.get("grpc-status") ?? "";
}

function errorOf(code: string): Error {
  switch (code) {
    case "resource_exhausted":
    case String(grpcCodes["resource-exhausted"]):
      return new WireError("message-too-large", "The request is larger than the server takes.");
    case "unimplemented":
    case String(grpcCodes.unimplemented):
      return new WireError("unsupported-encoding", "The server takes gzip, br and identity.");
    default:
      return undecodable("The request is not a message of its type.");
  }
}

/** An empty message, in an envelope unless the call is a unary one of Connect. */
function emptyBody(contentType: string): Uint8Array {
  const message = contentType.includes("json") ? Buffer.from("{}") : Buffer.alloc(0);
  const hasEnvelope = /^application\/(grpc|connect\+)/i.test(contentType);
  return hasEnvelope
    ? Buffer.concat([Buffer.from([0, 0, 0, 0, message.length]), message])
    : message;
}

function emptyGet(url: string): string {
  const empty = new URL(url);
  empty.search = "?encoding=json&message=%7B%7D";
  return empty.toString();
}

async function* oneChunk(chunk: Uint8Array): AsyncIterable<Uint8Array> {
  yield chunk;
}
