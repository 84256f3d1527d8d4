import type { IncomingMessage, ServerResponse } from "node:http";
import http2, { type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { createContextKey, encodeBinaryHeader } from "@connectrpc/connect";
import type { NowMs } from "../domain/ports.ts";
import type { RouterError } from "../domain/router-error.ts";
import type { ActiveCall } from "./call-tracker.ts";
import { departureOf, parseConnectTimeout, parseGrpcTimeout } from "./deadline.ts";
import { noteError, type OpenRpc, type RpcTeller, timeoutLeftMs } from "./open-rpc.ts";
import type { CallContext } from "./rpc-service.ts";

export type HttpRequest = IncomingMessage | Http2ServerRequest;
export type HttpResponse = ServerResponse | Http2ServerResponse;

/** One call of :8080 before and beside its handler. */
export type HttpCall = {
  readonly rpc: OpenRpc;
  /** The answer is over, whether it arrived or not; a call without a connection waits for none. */
  isAnswered: boolean;
  /** Absent without a deadline. */
  timeoutMs: number | undefined;
  readonly controller: AbortController;
  /** Set by the handler; they leave with the answer or with the error. */
  readonly trailers: Headers;
  /** A handler has taken the call. Until then an error is one of the transport. */
  begun: boolean;
  /** What the handler throws at once. */
  preset: Error | undefined;
  /** The call until its handler begins: its request is on its way. */
  readonly arrival: ActiveCall;
  /** What of a stream's messages still waits; set with the stream. */
  isBehind: () => boolean;
  /** Ends the connection's stream without a word, for a caller who would not read it. */
  readonly cutOff: () => void;
};

export const httpCallKey = createContextKey<HttpCall | undefined>(undefined);

export function createHttpCall(rpc: OpenRpc, cutOff: () => void): HttpCall {
  const call: HttpCall = {
    rpc,
    isAnswered: true,
    timeoutMs: undefined,
    cutOff,
    controller: new AbortController(),
    trailers: new Headers(),
    begun: false,
    preset: undefined,
    arrival: {
      end(reason) {
        call.preset ??= reason;
      },
      endless: false,
    },
    isBehind: () => false,
  };
  return call;
}

export function contextOf(call: HttpCall): CallContext {
  const { controller, trailers, rpc, timeoutMs } = call;
  return {
    signal: controller.signal,
    abort: (reason) => controller.abort(reason),
    timeoutMs: timeoutLeftMs(rpc, timeoutMs),
    receivedAtMs: rpc.receivedAtMs,
    trace: rpc.trace,
    rpc,
    setTrailer(name, value) {
      trailers.set(name, typeof value === "string" ? value : encodeBinaryHeader(value));
    },
    isBehind: () => call.isBehind(),
  };
}

/** The handler has ended: what it came to has been noted. */
export function endWork({ rpc, isAnswered }: HttpCall, rpcs: RpcTeller): void {
  rpc.isWorking = false;
  if (isAnswered) {
    rpcs.tell(rpc);
  }
}

/** The answer has left, or can leave no more. */
export function endAnswer(
  call: HttpCall,
  response: HttpResponse,
  { rpcs, nowMs }: { readonly rpcs: RpcTeller; readonly nowMs: NowMs },
): void {
  const { rpc } = call;
  call.isAnswered = true;
  if (!response.writableEnded) {
    noteError(rpc, callerGone(call, nowMs));
  }
  if (!rpc.isWorking) {
    rpcs.tell(rpc);
  }
}

export function activeCallOf({ controller }: HttpCall, endless: boolean): ActiveCall {
  return { end: (reason) => controller.abort(reason), endless };
}

/**
 * Takes the timeout out of the headers, because connect-es would keep the deadline too: it refuses
 * long ones and its timer overflows on those above 24.8 days. Throws when it cannot be read.
 */
export function takeTimeout({ headers }: HttpRequest): number | undefined {
  const connect = headers["connect-timeout-ms"];
  const grpc = headers["grpc-timeout"];
  delete headers["connect-timeout-ms"];
  delete headers["grpc-timeout"];
  if (connect !== undefined) {
    return parseConnectTimeout(String(connect));
  }
  return grpc === undefined ? undefined : parseGrpcTimeout(String(grpc));
}

/** Ends a call whose caller does not read, or does not finish its request. */
export function reset(request: HttpRequest, response: HttpResponse): void {
  if ("stream" in response) {
    response.stream?.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
  } else {
    request.socket.destroy();
  }
}

/** Why a call ends whose caller has left at this moment. */
export function callerGone({ rpc, timeoutMs }: HttpCall, nowMs: NowMs): RouterError {
  return departureOf(rpc, timeoutMs, nowMs());
}
