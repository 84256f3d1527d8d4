/**
 * Errors of the HTTP port that are answered without a handler, in the protocol of the request.
 *
 * A client reads an error only where its protocol puts it: behind a bare HTTP status, a gRPC client
 * sees UNKNOWN, and a Connect client guesses a code from the number.
 */
import type { ConnectError } from "@connectrpc/connect";
import {
  codeToHttpStatus,
  endStreamFlag,
  endStreamToJson,
  errorToJson,
} from "@connectrpc/connect/protocol-connect";
import { connectErrorOf } from "./connect-status.ts";
import { binaryHeader, encodeStatusDetails, STATUS_DETAILS } from "./grpc-status.ts";
import type { HttpRequest, HttpResponse } from "./http-call.ts";
import { statusOf, WireError } from "./status.ts";

export type ProtocolErrorOptions = {
  readonly errorDomain: string;
  /** Where the protocol has no status of its own. Default: the one Connect has for the code. */
  readonly httpStatus?: number;
};

/** `{code, message, details}`, as Connect writes the errors of unary calls. */
export function connectErrorBody(error: unknown, errorDomain: string): Buffer {
  return Buffer.from(JSON.stringify(errorToJson(connectErrorFrom(error, errorDomain), undefined)));
}

/** Answers with the error and takes what is left of the request. Nothing may have been sent yet. */
export function answerError(
  request: HttpRequest,
  response: HttpResponse,
  error: unknown,
  { errorDomain, httpStatus }: ProtocolErrorOptions,
): void {
  const contentType = request.headers["content-type"] ?? "";
  request.resume();
  if (GRPC.test(contentType)) {
    answerGrpc(response, contentType, statusOf(error, errorDomain));
    return;
  }
  const failure = connectErrorFrom(error, errorDomain);
  if (CONNECT_STREAM.test(contentType)) {
    const end = JSON.stringify(endStreamToJson(failure.metadata, failure, undefined));
    answerBody(response, 200, { contentType, body: lastEnvelope(Buffer.from(end)) });
    return;
  }
  const body = connectErrorBody(error, errorDomain);
  const status = httpStatus ?? codeToHttpStatus(failure.code);
  answerBody(response, status, { contentType: "application/json", body });
}

/** Whether a request to a path that nothing has is meant as a call: by its path and its content type. */
export function isCall({ url, headers }: Pick<HttpRequest, "url" | "headers">): boolean {
  const [path = ""] = (url ?? "").split("?", 1);
  return METHOD_PATH.test(path) && CALL.test(headers["content-type"] ?? "");
}

/** Whether the protocol is gRPC itself, and not one of Connect's or gRPC-Web. */
export function isGrpc({ headers }: Pick<HttpRequest, "headers">): boolean {
  return PLAIN_GRPC.test(headers["content-type"] ?? "");
}

/** A path that neither a method nor a page has. Only a call is answered with more than 404. */
export function answerUnknownPath(
  request: HttpRequest,
  response: HttpResponse,
  errorDomain: string,
): void {
  if (isCall(request)) {
    const error = new WireError("unknown-method", "The server has no such method.");
    answerError(request, response, error, { errorDomain });
    return;
  }
  const error = new WireError("unknown-method", "There is nothing here.");
  const body = connectErrorBody(error, errorDomain);
  request.resume();
  answerBody(response, 404, { contentType: "application/json", body });
}

/** `/package.Service/Method` */
const METHOD_PATH = /^\/(?:[A-Za-z_]\w*\.)+[A-Za-z_]\w*\/[A-Za-z_]\w*$/;
const GRPC = /^application\/grpc(?:-web)?(?:-text)?(?:[+;]|$)/i;
const PLAIN_GRPC = /^application\/grpc(?:[+;]|$)/i;
const CONNECT_STREAM = /^application\/connect\+(?:json|proto)(?:;|$)/i;
const CALL =
  /^application\/(?:grpc(?:-web)?(?:-text)?(?:[+;]|$)|(?:connect\+)?(?:json|proto)(?: *;|$))/i;

function connectErrorFrom(error: unknown, errorDomain: string): ConnectError {
  return connectErrorOf(statusOf(error, errorDomain), new Headers());
}

/** Headers and nothing else, which gRPC and gRPC-Web call "Trailers-Only". */
function answerGrpc(
  response: HttpResponse,
  contentType: string,
  status: ReturnType<typeof statusOf>,
): void {
  response.statusCode = 200;
  response.setHeader("content-type", contentType);
  response.setHeader("grpc-status", String(status.code));
  response.setHeader("grpc-message", encodeURI(status.message));
  response.setHeader(STATUS_DETAILS, binaryHeader(encodeStatusDetails(status)));
  response.end();
}

function lastEnvelope(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(endStreamFlag);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function answerBody(
  response: HttpResponse,
  status: number,
  { contentType, body }: { readonly contentType: string; readonly body: Buffer },
): void {
  response.statusCode = status;
  response.setHeader("content-type", contentType);
  response.setHeader("content-length", body.length);
  response.setHeader("cache-control", "no-store");
  response.end(body);
}
