/** The methods of ours on the gRPC port: from the message of a call to the end of its answer. */
import http2 from "node:http2";
import type { Message } from "@bufbuild/protobuf";
import { RouterError } from "../domain/router-error.ts";
import { createMessageDecoder } from "../wire/message-decoder.ts";
import { createMessageEncoder } from "../wire/message-encoder.ts";
import { endAnswer, writeFrame } from "./grpc-answer.ts";
import { departureFrom, type GrpcCall, type GrpcMethod, type GrpcPorts } from "./grpc-call.ts";
import { fillPrefix, PREFIX_BYTES } from "./grpc-frame.ts";
import { trailersOf } from "./grpc-status.ts";
import { isGone } from "./grpc-stream.ts";
import { noteError, noteSuccess } from "./open-rpc.ts";
import { methodName, methodPath, type RpcMethod } from "./rpc-service.ts";
import { isDefect, statusOf, WireError } from "./status.ts";
import { createWriteGuard, type WriteGuard } from "./write-guard.ts";

const SUCCESS = { "grpc-status": 0 };

export function createGrpcMethod(method: RpcMethod, ports: GrpcPorts): GrpcMethod {
  return {
    name: methodName(method.desc),
    method,
    ports,
    decoder: createMessageDecoder(method.desc.input),
    encoder: createMessageEncoder(method.desc.output, { room: PREFIX_BYTES }),
  };
}

/** Runs the handler of a call whose request is there. Never throws. */
export function runGrpc(call: GrpcCall, message: Message): void {
  const { method } = call.served;
  if (method.kind === "unary") {
    started(() => method.run(message, call)).then(
      (answer) => answerUnary(call, answer),
      (error: unknown) => failCall(call, error),
    );
  } else {
    const stream = createAnswerStream(call);
    started(() => method.run(message, call, stream.write)).then(stream.succeed, stream.fail);
    call.stream.once("close", stream.close);
  }
}

/** A handler that throws where it should reject does not escape either. */
function started<Result>(run: () => Promise<Result>): Promise<Result> {
  try {
    return run();
  } catch (error) {
    return Promise.reject(error);
  }
}

function answerUnary(call: GrpcCall, answer: Message): void {
  let frame: Buffer;
  try {
    frame = frameOf(call, answer);
  } catch (error) {
    failCall(call, error);
    return;
  }
  succeed(call, frame);
}

/** Messages of one call in the order of their writing, then its status. */
function createAnswerStream(call: GrpcCall) {
  const { limits, nowMs, schedule } = call.served.ports;
  let isOpen = true;
  let unsendable: unknown;
  const guard: WriteGuard = createWriteGuard({
    maxBytes: limits.maxBufferedBytes,
    stallMs: limits.writeStallMs,
    nowMs,
    schedule,
    onTooSlow() {
      isOpen = false;
      call.abort(new RouterError("caller-too-slow", "The caller reads too slowly."));
      // The status would wait behind what the caller does not read.
      call.stream.close(http2.constants.NGHTTP2_ENHANCE_YOUR_CALM);
    },
  });
  const fail = (error: unknown) => {
    isOpen = false;
    failCall(call, unsendable ?? error);
  };
  return {
    fail,
    close: guard.close,
    write(answer: Message) {
      if (!isOpen || isGone(call.stream)) {
        return;
      }
      try {
        const frame = frameOf(call, answer);
        guard.written(frame.length);
        writeFrame(call.stream, frame, guard.flushed);
      } catch (error) {
        // Whoever writes is in the middle of a provider's event or of a timer, and can do nothing.
        isOpen = false;
        unsendable = error;
        call.abort(new RouterError("canceled", "A message could not be sent."));
      }
    },
    succeed() {
      if (unsendable === undefined) {
        isOpen = false;
        succeed(call, undefined);
      } else {
        fail(unsendable);
      }
    },
  };
}

/** Throws a `WireError` when the message is larger than callers take. */
function frameOf({ served }: GrpcCall, message: Message): Buffer {
  const { maxMessageBytes } = served.ports.limits;
  const frame = served.encoder(message);
  const bytes = frame.length - PREFIX_BYTES;
  if (bytes > maxMessageBytes) {
    throw new WireError("message-too-large", "The answer is larger than the server sends.", {
      bytes: String(bytes),
      maxBytes: String(maxMessageBytes),
    });
  }
  return fillPrefix(frame);
}

function succeed(call: GrpcCall, last: Buffer | undefined): void {
  const { rpc, trailers, served } = call;
  const { tracker, rpcs, answers } = served.ports;
  tracker.remove(call);
  if (isGone(call.stream)) {
    // An answer to a caller who has left meanwhile has not arrived.
    noteError(rpc, departureFrom(call));
  } else {
    noteSuccess(rpc);
    if (last !== undefined) {
      answers.watch(call.stream);
    }
    endAnswer(call.stream, trailers === undefined ? SUCCESS : { ...trailers, ...SUCCESS }, last);
  }
  rpcs.tell(rpc);
}

function failCall(call: GrpcCall, error: unknown): void {
  const { rpc, stream, trailers, served } = call;
  const { errorDomain, log, rpcs, tracker } = served.ports;
  tracker.remove(call);
  if (isDefect(error)) {
    const method = methodPath(served.method.desc);
    log("error", "a call failed by a defect", { method, trace: rpc.trace.traceId, error });
  }
  noteError(rpc, error);
  if (!isGone(call.stream)) {
    endAnswer(stream, { ...trailers, ...trailersOf(statusOf(error, errorDomain)) });
  }
  rpcs.tell(rpc);
}
