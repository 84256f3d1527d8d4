import type { Message } from "@bufbuild/protobuf";
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  MethodDefinition,
  ServiceDefinition,
  UntypedServiceImplementation,
} from "@grpc/grpc-js";
import type { Log, NowMs, Schedule } from "../domain/ports.ts";
import { RouterError } from "../domain/router-error.ts";
import { createMessageDecoder, type MessageDecoder } from "../wire/message-decoder.ts";
import { createMessageEncoder, type MessageEncoder } from "../wire/message-encoder.ts";
import type { CallTracker } from "./call-tracker.ts";
import {
  createGrpcCallScope,
  type Decoded,
  type GrpcCall,
  type GrpcCallScope,
} from "./grpc-call.ts";
import type { GrpcSessionHooks } from "./grpc-session-hooks.ts";
import { type GrpcFailure, grpcFailureOf } from "./grpc-status.ts";
import type { ListenerLimits } from "./listener-options.ts";
import { noteError, noteSuccess, type OpenRpc, type RpcTeller } from "./open-rpc.ts";
import { methodPath, type RpcMethod, type RpcService } from "./rpc-service.ts";
import { isDefect, statusOf, undecodable, WireError } from "./status.ts";
import { createWriteGuard } from "./write-guard.ts";

export type GrpcServicePorts = {
  readonly errorDomain: string;
  readonly limits: ListenerLimits;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly log: Log;
  readonly tracker: CallTracker;
  readonly rpcs: RpcTeller;
  /** Known only once the server listens. */
  readonly hooks: () => GrpcSessionHooks;
};

type UnaryMethod = Extract<RpcMethod, { kind: "unary" }>;
type StreamMethod = Extract<RpcMethod, { kind: "server_streaming" }>;

/** A service in the words of grpc-js. Answers are serialized before it sees them. */
export function grpcServiceOf(
  { methods }: RpcService,
  ports: GrpcServicePorts,
): {
  readonly definition: ServiceDefinition;
  readonly implementation: UntypedServiceImplementation;
} {
  const definition: Record<string, MethodDefinition<Decoded, Buffer>> = {};
  const implementation: UntypedServiceImplementation = {};
  for (const method of methods) {
    const { localName } = method.desc;
    definition[localName] = definitionOf(method, ports.nowMs);
    implementation[localName] =
      method.kind === "unary" ? unaryHandler(method, ports) : streamHandler(method, ports);
  }
  return { definition, implementation };
}

function definitionOf({ desc, kind }: RpcMethod, nowMs: NowMs): MethodDefinition<Decoded, Buffer> {
  const identity = (bytes: Buffer) => bytes;
  const decoder = createMessageDecoder(desc.input);
  return {
    path: methodPath(desc),
    requestStream: false,
    responseStream: kind === "server_streaming",
    requestSerialize: () => {
      throw new Error("a server sends no requests");
    },
    requestDeserialize: (bytes) => decode(decoder, bytes, nowMs()),
    responseSerialize: identity,
    responseDeserialize: identity,
  };
}

function decode(decoder: MessageDecoder, bytes: Buffer, receivedAtMs: number): Decoded {
  try {
    return { message: decoder(bytes), receivedAtMs };
  } catch {
    return { error: undecodable("The request is not a message of its type."), receivedAtMs };
  }
}

function unaryHandler(
  method: UnaryMethod,
  ports: GrpcServicePorts,
): handleUnaryCall<Decoded, Buffer> {
  const encoder = createMessageEncoder(method.desc.output);
  return (call, callback) => {
    const begun = begin(call, method, ports);
    if ("failure" in begun) {
      callback(begun.failure);
      tellEnd(begun.rpc, ports);
      return;
    }
    const { scope, message, rpc } = begun;
    const fail = (error: unknown) => {
      end(scope, ports);
      callback(failureOf(error, method, ports, { rpc, scope }));
      tellEnd(rpc, ports);
    };
    runUnary(method, message, scope).then((answer) => {
      let bytes: Buffer;
      try {
        bytes = encode(encoder, answer, ports.limits);
      } catch (error) {
        fail(error);
        return;
      }
      end(scope, ports);
      noteSuccessIfThere(rpc, call, scope);
      callback(null, bytes, scope.trailers());
      tellEnd(rpc, ports);
    }, fail);
  };
}

/** A handler that throws where it should reject does not escape either. */
function runUnary(
  method: UnaryMethod,
  message: Message,
  { context }: GrpcCallScope,
): Promise<Message> {
  try {
    return method.run(message, context);
  } catch (error) {
    return Promise.reject(error);
  }
}

async function runStream(
  method: StreamMethod,
  message: Message,
  { context }: GrpcCallScope,
  write: (message: Message) => void,
) {
  return method.run(message, context, write);
}

function streamHandler(
  method: StreamMethod,
  ports: GrpcServicePorts,
): handleServerStreamingCall<Decoded, Buffer> {
  const { limits, hooks } = ports;
  const encoder = createMessageEncoder(method.desc.output);
  return (call) => {
    const begun = begin(call, method, ports);
    if ("failure" in begun) {
      call.emit("error", begun.failure);
      tellEnd(begun.rpc, ports);
      return;
    }
    const { scope, message, rpc } = begun;
    let open = true;
    let unsendable: unknown;
    const guard = createWriteGuard({
      maxBytes: limits.maxBufferedBytes,
      stallMs: limits.writeStallMs,
      nowMs: ports.nowMs,
      schedule: ports.schedule,
      onTooSlow() {
        open = false;
        scope.context.abort(new RouterError("caller-too-slow", "The caller reads too slowly."));
        // The status would wait behind what the caller does not read.
        hooks().reset(call.metadata);
      },
    });
    const write = (answer: Message) => {
      if (!open || call.cancelled) {
        return;
      }
      try {
        const bytes = encode(encoder, answer, limits);
        guard.written(bytes.length);
        call.write(bytes, guard.flushed);
      } catch (error) {
        // Whoever writes is in the middle of a provider's event or of a timer, and can do nothing.
        open = false;
        unsendable = error;
        scope.context.abort(new RouterError("canceled", "A message could not be sent."));
      }
    };
    const finish = () => {
      open = false;
      end(scope, ports);
    };
    const fail = (error: unknown) => {
      finish();
      call.emit("error", failureOf(unsendable ?? error, method, ports, { rpc, scope }));
      tellEnd(rpc, ports);
    };
    runStream(method, message, scope, write).then(() => {
      if (unsendable !== undefined) {
        fail(unsendable);
        return;
      }
      finish();
      noteSuccessIfThere(rpc, call, scope);
      call.end(scope.trailers());
      tellEnd(rpc, ports);
    }, fail);
    call.once("close", guard.close);
  };
}

type Begun =
  | { readonly rpc: OpenRpc; readonly scope: GrpcCallScope; readonly message: Message }
  | { readonly rpc: OpenRpc | undefined; readonly failure: GrpcFailure };

function begin(
  call: Parameters<typeof createGrpcCallScope>[0],
  method: RpcMethod,
  ports: GrpcServicePorts,
): Begun {
  const { request } = call;
  const known = ports.hooks().rpcOf(call.metadata);
  if (known === undefined) {
    // Its stream has closed while the request was decompressed, and that was told.
    const gone = new RouterError("canceled", "The caller has gone.");
    return { rpc: undefined, failure: failureOf(gone, method, ports, undefined) };
  }
  const { rpc } = known;
  rpc.isWorking = true;
  rpc.receivedAtMs = request.receivedAtMs;
  const endless = method.kind === "server_streaming" && method.endless;
  try {
    if ("error" in request) {
      throw request.error;
    }
    const scope = createGrpcCallScope(call, known, { endless, nowMs: ports.nowMs });
    ports.tracker.add(scope.active);
    return { rpc, scope, message: request.message };
  } catch (error) {
    return { rpc, failure: failureOf(error, method, ports, { rpc, scope: undefined }) };
  }
}

/** An answer to a caller who has left meanwhile has not arrived. */
function noteSuccessIfThere(rpc: OpenRpc, { cancelled }: GrpcCall, scope: GrpcCallScope): void {
  if (cancelled) {
    noteError(rpc, scope.departure());
  } else {
    noteSuccess(rpc);
  }
}

/** After its answer was handed over; absent when there is nothing left to tell. */
function tellEnd(rpc: OpenRpc | undefined, { rpcs }: GrpcServicePorts): void {
  if (rpc !== undefined) {
    rpcs.tell(rpc);
  }
}

function end(scope: GrpcCallScope, { tracker }: GrpcServicePorts): void {
  scope.ended();
  tracker.remove(scope.active);
}

function failureOf(
  error: unknown,
  { desc }: RpcMethod,
  { errorDomain, log }: GrpcServicePorts,
  failed: { readonly rpc: OpenRpc; readonly scope: GrpcCallScope | undefined } | undefined,
): GrpcFailure {
  if (isDefect(error)) {
    const trace = failed?.rpc.trace.traceId;
    log("error", "a call failed by a defect", { method: methodPath(desc), trace, error });
  }
  if (failed !== undefined) {
    noteError(failed.rpc, error);
  }
  return grpcFailureOf(statusOf(error, errorDomain), failed?.scope?.trailers());
}

/** Throws a `WireError` when the message is larger than callers take. */
function encode(
  encoder: MessageEncoder,
  message: Message,
  { maxMessageBytes }: ListenerLimits,
): Buffer {
  const bytes = encoder(message);
  if (bytes.length > maxMessageBytes) {
    throw new WireError("message-too-large", "The answer is larger than the server sends.", {
      bytes: String(bytes.length),
      maxBytes: String(maxMessageBytes),
    });
  }
  return bytes;
}
