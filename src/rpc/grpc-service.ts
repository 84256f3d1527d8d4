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
import { createGrpcCallScope, type Decoded, type GrpcCallScope } from "./grpc-call.ts";
import { type GrpcSessionHooks, STREAM_HEADER } from "./grpc-session-hooks.ts";
import { type GrpcFailure, grpcFailureOf } from "./grpc-status.ts";
import type { ListenerLimits } from "./listener-options.ts";
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
      return;
    }
    const { scope, message } = begun;
    runUnary(method, message, scope)
      .then((answer) => encode(encoder, answer, ports.limits))
      .then(
        (bytes) => {
          end(scope, ports);
          callback(null, bytes, scope.trailers());
        },
        (error: unknown) => {
          end(scope, ports);
          callback(failureOf(error, method, ports, scope));
        },
      );
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
      return;
    }
    const { scope, message } = begun;
    let open = true;
    const guard = createWriteGuard({
      maxBytes: limits.maxBufferedBytes,
      stallMs: limits.writeStallMs,
      nowMs: ports.nowMs,
      schedule: ports.schedule,
      onTooSlow() {
        open = false;
        scope.context.abort(new RouterError("caller-too-slow", "The caller reads too slowly."));
        // The status would wait behind what the caller does not read.
        hooks().reset(String(call.metadata.get(STREAM_HEADER)[0]));
      },
    });
    const write = (answer: Message) => {
      if (open && !call.cancelled) {
        const bytes = encode(encoder, answer, limits);
        guard.written(bytes.length);
        call.write(bytes, guard.flushed);
      }
    };
    const finish = () => {
      open = false;
      end(scope, ports);
    };
    runStream(method, message, scope, write).then(
      () => {
        finish();
        call.end(scope.trailers());
      },
      (error: unknown) => {
        finish();
        call.emit("error", failureOf(error, method, ports, scope));
      },
    );
    call.once("close", guard.close);
  };
}

type Begun =
  | { readonly scope: GrpcCallScope; readonly message: Message }
  | { readonly failure: GrpcFailure };

function begin(
  call: Parameters<typeof createGrpcCallScope>[0],
  method: RpcMethod,
  ports: GrpcServicePorts,
): Begun {
  const { request } = call;
  const endless = method.kind === "server_streaming" && method.endless;
  try {
    if ("error" in request) {
      throw request.error;
    }
    const scope = createGrpcCallScope(call, request.receivedAtMs, endless);
    ports.tracker.add(scope.active);
    return { scope, message: request.message };
  } catch (error) {
    return { failure: failureOf(error, method, ports, undefined) };
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
  scope: GrpcCallScope | undefined,
): GrpcFailure {
  if (isDefect(error)) {
    log("error", "a call failed by a defect", { method: methodPath(desc), error });
  }
  return grpcFailureOf(statusOf(error, errorDomain), scope?.trailers());
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
