/**
 * Carries calls between node:http and connect-es.
 *
 * Written instead of `connectNodeAdapter` because that one throws on a request without a host, writes
 * to the console, waits for ever for the rest of a request, and keeps deadlines itself.
 *
 * Errors that connect-es makes before a handler runs carry no details: such a call is run once more
 * with an empty request, only to have the typed error told in the caller's protocol.
 */
import { isUtf8 } from "node:buffer";
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
import type { CallTracker } from "./call-tracker.ts";
import {
  createHttpCall,
  endAnswer,
  type HttpCall,
  type HttpRequest,
  type HttpResponse,
  httpCallKey,
  reset,
  takeTimeout,
} from "./http-call.ts";
import { noteError, type OpenRpc, type RpcTeller } from "./open-rpc.ts";
import { answerError, connectErrorBody } from "./protocol-error.ts";
import { grpcCodes, sentTooSlowly, undecodable, WireError } from "./status.ts";

export type ConnectAdapterPorts = {
  readonly errorDomain: string;
  readonly rpcs: RpcTeller;
  readonly tracker: CallTracker;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly log: Log;
  /** From the first to the last byte of a request. */
  readonly requestTimeoutMs: number;
};

/** One request with its answer, of a method that exists. */
export type HttpExchange = {
  readonly request: HttpRequest;
  readonly response: HttpResponse;
  readonly rpc: OpenRpc;
};

/** Answers one call; never throws and never rejects. */
export async function serveConnect(
  handler: UniversalHandler,
  { request, response, rpc }: HttpExchange,
  ports: ConnectAdapterPorts,
): Promise<void> {
  const call = createHttpCall(rpc, () => reset(request, response));
  call.isAnswered = false;
  watchRequest(call, { request, response, rpc }, ports);
  ports.tracker.add(call.arrival);
  try {
    const asked = readRequest(request, response, call);
    const answered = await handler(asked);
    const typed = call.begun
      ? answered
      : await typedAnswer({ ...ports, handler, asked, call }, answered);
    if (response.writableEnded) {
      return;
    }
    if (rpc.status === "OK" && typed.status !== 200) {
      // An answer to a unary call of Connect that connect-es found too large to send.
      noteError(rpc, tooLarge("The answer is larger than the server sends."));
    }
    request.resume();
    await universalResponseToNodeResponse(typed, response);
  } catch (error) {
    ports.log("debug", "a response could not be written", { error });
    reset(request, response);
  }
}

/** A caller that stops in the middle of its request is told so once, over HTTP/2 by the reset. */
function watchRequest(
  call: HttpCall,
  { request, response, rpc }: HttpExchange,
  { errorDomain, rpcs, tracker, nowMs, schedule, requestTimeoutMs }: ConnectAdapterPorts,
): void {
  const callOff = schedule(requestTimeoutMs, () => {
    const error = sentTooSlowly();
    noteError(rpc, error);
    if ("stream" in response || response.headersSent) {
      reset(request, response);
      return;
    }
    // The rest of the request would be read as the next one. Node closes after the answer.
    response.setHeader("connection", "close");
    answerError(request, response, error, { errorDomain, httpStatus: 408 });
  });
  request.once("end", () => {
    callOff();
    if (!call.begun) {
      rpc.receivedAtMs = nowMs();
    }
  });
  response.once("close", () => {
    callOff();
    tracker.remove(call.arrival);
    endAnswer(call, response, { rpcs, nowMs });
  });
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
    refuseInvalidUtf8(request.url ?? "");
  } catch (error) {
    call.preset = error as Error;
  }
  return universalRequestFromNodeRequest(request, response, undefined, contextValues);
}

type Asked = {
  readonly errorDomain: string;
  readonly handler: UniversalHandler;
  readonly asked: UniversalServerRequest;
  readonly call: HttpCall;
};

/** The parser of URLs reads invalid UTF-8 as U+FFFD, so it is looked for before. */
function refuseInvalidUtf8(url: string): void {
  if (!url.includes("%")) {
    return;
  }
  const bytes = url.replaceAll(/%([\da-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  if (!isUtf8(Buffer.from(bytes, "latin1"))) {
    throw undecodable("The query is not UTF-8.");
  }
}

async function typedAnswer(
  { errorDomain, handler, asked, call }: Asked,
  answered: UniversalServerResponse,
): Promise<UniversalServerResponse> {
  const refusal = notACall.get(answered.status);
  if (refusal !== undefined) {
    const error = undecodable(refusal);
    noteError(call.rpc, error);
    const header = new Headers(answered.header);
    header.set("content-type", "application/json");
    const body = oneChunk(connectErrorBody(error, errorDomain));
    return { status: answered.status, header, body };
  }
  call.preset ??= errorOf(await failureOf(answered));
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
const notACall: ReadonlyMap<number, string> = new Map([
  [405, "The method does not take requests of this HTTP method."],
  [415, "The method does not take requests of this content type."],
  [505, "The method does not take requests of this HTTP version."],
]);

const BODY_HEADERS = [
  "content-length",
  "content-encoding",
  "connect-content-encoding",
  "grpc-encoding",
];

type LibraryFailure = { readonly code: string; readonly message: string };

/** Reads code and message off an error answer in any of the protocols. */
async function failureOf({ trailer, body }: UniversalServerResponse): Promise<LibraryFailure> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString("latin1");
  const inBody = /"code":"([a-z_]+)"|grpc-status: ?(\d+)/i.exec(text);
  return {
    code: inBody?.[1] ?? inBody?.[2] ?? trailer?.get("grpc-status") ?? "",
    message: `${trailer?.get("grpc-message") ?? ""}${text}`.replaceAll("%20", " "),
  };
}

function errorOf({ code, message }: LibraryFailure): Error {
  switch (code) {
    case "resource_exhausted":
    case String(grpcCodes["resource-exhausted"]):
      return tooLarge("The request is larger than the server takes.");
    case "unimplemented":
    case String(grpcCodes.unimplemented):
      return unimplementedError(message);
    default:
      return undecodable("The request is not a message of its type.");
  }
}

function tooLarge(message: string): WireError {
  return new WireError("message-too-large", message);
}

/** connect-es says UNIMPLEMENTED also of a count of messages that the method does not take. */
function unimplementedError(message: string): Error {
  if (message.includes("missing input message")) {
    return undecodable("The request has no message.");
  }
  return message.includes("extra input message")
    ? undecodable("The request has more than one message.")
    : new WireError("unsupported-encoding", "The server takes gzip, br and identity.");
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
