import type { Dispatcher, Pool } from "undici";
import type { Failure, Outcome } from "../domain/outcome.ts";
import type { NowMs, UpstreamCall } from "../domain/ports.ts";
import { classifyError } from "./classify-error.ts";
import { classifyResponse } from "./classify-response.ts";
import type { DecodeContext, DialectAdapter, StreamDecoder } from "./dialect-adapter.ts";
import { headerText, type ResponseHeaders } from "./retry-after.ts";
import { createSseParser, type SseParser } from "./sse.ts";
import type { Target } from "./target.ts";

/** One request and what came back. Resolves once, after the last event. */
export type ExchangeInput = {
  readonly call: UpstreamCall;
  readonly adapter: DialectAdapter;
  readonly target: Target;
  readonly pool: Pool;
  readonly headers: readonly string[];
  readonly body: Buffer;
  readonly maxResponseBytes: number;
  readonly maxEventBytes: number;
  readonly nowMs: NowMs;
};

/** Larger error bodies are pages, of which only the status counts. */
const MAX_ERROR_BYTES = 64 * 1024;
/** The status is known; waiting longer for the words behind it delays the fallback. */
const ERROR_BODY_TIMEOUT_MS = 2_000;
/** A server that leaves the response open after its end mark loses the connection. */
const LINGER_MS = 1_000;

type Reading =
  | { readonly kind: "headers" }
  | { readonly kind: "stream"; readonly parser: SseParser; readonly decoder: StreamDecoder }
  | { readonly kind: "whole"; readonly chunks: Buffer[] }
  | { readonly kind: "error"; readonly chunks: Buffer[]; readonly headers: ResponseHeaders };

/** A request under way is its own handler: closures of one call would be as many as it has events. */
type Exchange = Dispatcher.DispatchHandler & {
  readonly input: ExchangeInput;
  readonly resolve: (outcome: Outcome) => void;
  readonly onAbort: () => void;
  controller: Dispatcher.DispatchController | undefined;
  reading: Reading;
  /** Bytes in the chunks of `reading`. */
  bytes: number;
  status: number | undefined;
  requestId: string | undefined;
  sent: boolean;
  done: boolean;
  ended: boolean;
  timer: NodeJS.Timeout | undefined;
};

const HEADERS: Reading = { kind: "headers" };

export function runExchange(input: ExchangeInput): Promise<Outcome> {
  return new Promise((resolve) => {
    const exchange: Exchange = {
      input,
      resolve,
      onAbort: () => finish(exchange, canceled()),
      controller: undefined,
      reading: HEADERS,
      bytes: 0,
      status: undefined,
      requestId: undefined,
      sent: false,
      done: false,
      ended: false,
      timer: undefined,
      onRequestStart,
      onResponseStart,
      onResponseData,
      onResponseEnd,
      onResponseError,
    };
    input.call.signal.addEventListener("abort", exchange.onAbort);
    input.pool.dispatch(
      // undici declares the list as mutable and only reads it.
      {
        path: input.target.path,
        method: "POST",
        headers: input.headers as string[],
        body: input.body,
      },
      exchange,
    );
  });
}

export function canceled(): Failure {
  return { kind: "canceled", message: "The call was given up.", sent: false };
}

function onRequestStart(this: Exchange, controller: Dispatcher.DispatchController): void {
  if (this.done) {
    // Throwing keeps the connection, which has not been written to; aborting would destroy it.
    throw new Error("The call was given up while it waited for a connection.");
  }
  this.controller = controller;
  this.sent = true;
}

function onResponseStart(
  this: Exchange,
  _controller: Dispatcher.DispatchController,
  status: number,
  headers: ResponseHeaders,
): void {
  // 100 and 103 come before the response.
  if (status >= 200 && !this.done) {
    begin(this, status, headers);
  }
}

function onResponseData(
  this: Exchange,
  _controller: Dispatcher.DispatchController,
  chunk: Buffer,
): void {
  if (!this.done) {
    this.input.call.onActivity?.();
    read(this, chunk);
  }
}

function onResponseEnd(this: Exchange): void {
  this.ended = true;
  clearTimeout(this.timer);
  if (!this.done) {
    finish(this, outcomeAtEnd(this));
  }
}

function onResponseError(
  this: Exchange,
  _controller: Dispatcher.DispatchController,
  error: Error,
): void {
  this.ended = true;
  clearTimeout(this.timer);
  if (!this.done) {
    finish(this, outcomeAtError(this, error));
  }
}

function begin(exchange: Exchange, status: number, headers: ResponseHeaders): void {
  const { call, target } = exchange.input;
  exchange.status = status;
  exchange.requestId = target.redaction.name(requestIdOf(headers));
  call.emit({
    kind: "response-start",
    httpStatus: status,
    upstreamRequestId: exchange.requestId,
    upstreamModel: undefined,
  });
  if (status >= 300) {
    exchange.reading = { kind: "error", chunks: [], headers };
    exchange.timer = setTimeout(finishRefused, ERROR_BODY_TIMEOUT_MS, exchange);
  } else if (isStream(headers, call.stream)) {
    exchange.reading = streamReading(exchange);
  } else {
    exchange.reading = { kind: "whole", chunks: [] };
  }
}

function requestIdOf(headers: ResponseHeaders): string {
  return (
    headerText(headers["x-request-id"]) ||
    headerText(headers["request-id"]) ||
    headerText(headers["apim-request-id"])
  );
}

/** Some servers stream although nobody asked, and some answer whole although they were asked to stream. */
function isStream(headers: ResponseHeaders, asked: boolean): boolean {
  const type = headerText(headers["content-type"]).toLowerCase();
  if (type.includes("event-stream")) {
    return true;
  }
  return asked && !type.includes("json") && !type.includes("html");
}

function streamReading(exchange: Exchange): Reading {
  const decoder = exchange.input.adapter.createStreamDecoder(contextOf(exchange));
  const parser = createSseParser({
    maxEventBytes: exchange.input.maxEventBytes,
    onEvent(name, data) {
      if (exchange.done) {
        return;
      }
      const outcome = decoder.take(name, data);
      if (outcome !== undefined) {
        finish(exchange, outcome);
      }
    },
  });
  return { kind: "stream", parser, decoder };
}

function contextOf({ input: { call, target } }: Exchange): DecodeContext {
  return {
    emit: call.emit,
    mayBeEmpty: call.spec.sampling.stop.length > 0,
    redaction: target.redaction,
  };
}

function read(exchange: Exchange, chunk: Buffer): void {
  const { reading } = exchange;
  switch (reading.kind) {
    case "stream":
      if (!reading.parser.push(chunk)) {
        finish(exchange, tooLarge("An event of the answer is too large."));
      }
      break;
    case "whole":
      keep(exchange, reading.chunks, chunk);
      if (exchange.bytes > exchange.input.maxResponseBytes) {
        finish(exchange, tooLarge("The answer is too large."));
      }
      break;
    case "error":
      keep(exchange, reading.chunks, chunk);
      if (exchange.bytes > MAX_ERROR_BYTES) {
        finishRefused(exchange);
      }
      break;
    case "headers":
      break;
    default:
      reading satisfies never;
  }
}

function keep(exchange: Exchange, chunks: Buffer[], chunk: Buffer): void {
  exchange.bytes += chunk.length;
  chunks.push(chunk);
}

function tooLarge(message: string): Failure {
  return { kind: "malformed-response", message };
}

function finishRefused(exchange: Exchange): void {
  if (!exchange.done) {
    finish(exchange, refusalOf(exchange));
  }
}

function refusalOf({ reading, status, input }: Exchange): Failure {
  const isError = reading.kind === "error";
  return classifyResponse(
    {
      status: status ?? 0,
      headers: isError ? reading.headers : {},
      body: isError ? Buffer.concat(reading.chunks).toString() : "",
    },
    input.nowMs(),
  );
}

function outcomeAtEnd(exchange: Exchange): Outcome {
  const { reading } = exchange;
  switch (reading.kind) {
    case "error":
      return refusalOf(exchange);
    case "whole":
      return decodeWhole(exchange, reading.chunks);
    case "stream":
      reading.parser.end();
      return reading.decoder.end();
    case "headers":
      return { kind: "network", message: "The endpoint ended the connection without an answer." };
    default:
      return reading satisfies never;
  }
}

/** The status of a refusal, or a stream that was complete already, stands although the rest is lost. */
function outcomeAtError(exchange: Exchange, error: Error): Outcome {
  const { reading } = exchange;
  if (reading.kind === "error") {
    return refusalOf(exchange);
  }
  const ending = reading.kind === "stream" ? reading.decoder.end() : undefined;
  return ending?.kind === "success" ? ending : classifyError(error, exchange);
}

function decodeWhole(exchange: Exchange, chunks: readonly Buffer[]): Outcome {
  let body: unknown;
  try {
    body = JSON.parse(textOf(chunks));
  } catch {
    // The parser's error quotes the answer, so it is no cause to keep.
    return { kind: "malformed-response", message: "The endpoint's answer is not JSON." };
  }
  return exchange.input.adapter.decodeResponse(body, contextOf(exchange));
}

/** One chunk, the usual case, is not copied. */
function textOf(chunks: readonly Buffer[]): string {
  const first = chunks[0];
  return first !== undefined && chunks.length === 1
    ? first.toString()
    : Buffer.concat(chunks).toString();
}

/** The one way out: from here on the connection's events mean nothing. */
function finish(exchange: Exchange, outcome: Outcome): void {
  // The flush at the end of a stream may have finished it already.
  if (exchange.done) {
    return;
  }
  exchange.done = true;
  exchange.input.call.signal.removeEventListener("abort", exchange.onAbort);
  clearTimeout(exchange.timer);
  if (!exchange.ended) {
    release(exchange, outcome);
  }
  exchange.resolve(outcome.kind === "success" ? outcome : complete(exchange, outcome));
}

/** After the end mark the response ends by itself and the connection serves the next call. */
function release(exchange: Exchange, outcome: Outcome): void {
  if (outcome.kind === "success") {
    exchange.timer = setTimeout(abort, LINGER_MS, exchange);
  } else {
    abort(exchange);
  }
}

function abort({ controller }: Exchange): void {
  controller?.abort(new Error("The call is over."));
}

function complete(exchange: Exchange, failure: Failure): Failure {
  return {
    ...failure,
    message: exchange.input.target.redaction.message(failure.message),
    httpStatus: exchange.status,
    upstreamRequestId: exchange.requestId,
    sent: exchange.sent,
  };
}
