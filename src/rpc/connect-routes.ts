import { isMessage, type Message } from "@bufbuild/protobuf";
import {
  type ConnectError,
  type ConnectRouter,
  createConnectRouter,
  type HandlerContext,
} from "@connectrpc/connect";
import type { UniversalHandler } from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { StreamCompleteResponseSchema } from "../../gen/atlas/v1/completion_pb.ts";
import { RouterError } from "../domain/router-error.ts";
import { assertSendable, type SizeLimit } from "./answer-size.ts";
import type { BindingPorts } from "./binding-ports.ts";
import type { ActiveCall, CallTracker } from "./call-tracker.ts";
import { connectErrorOf } from "./connect-status.ts";
import {
  activeCallOf,
  callerGone,
  contextOf,
  createHttpCall,
  endWork,
  type HttpCall,
  httpCallKey,
} from "./http-call.ts";
import type { ListenerLimits } from "./listener-options.ts";
import { NO_CONNECTION, noteError, noteSuccess, type RpcTeller } from "./open-rpc.ts";
import { createPushIterable } from "./push-iterable.ts";
import { methodName, methodPath, type RpcMethod, type RpcService } from "./rpc-service.ts";
import { isDefect, statusOf } from "./status.ts";
import { createWriteGuard } from "./write-guard.ts";

type UnaryMethod = Extract<RpcMethod, { kind: "unary" }>;
type StreamMethod = Extract<RpcMethod, { kind: "server_streaming" }>;

/**
 * A caller's invalid UTF-8 is refused, as in protobuf: read loosely, it would reach a model as U+FFFD.
 * connect-es takes the decoder of JSON among these options, though its types do not say so.
 */
const strictJson = {
  ignoreUnknownFields: true,
  textDecoder: new TextDecoder("utf-8", { fatal: true }),
};

/** Handlers by path, for all protocols of connect-es. */
export function connectHandlersOf(
  services: readonly RpcService[],
  ports: BindingPorts,
): ReadonlyMap<string, UniversalHandler> {
  const router = createConnectRouter({
    readMaxBytes: ports.limits.maxMessageBytes,
    writeMaxBytes: ports.limits.maxMessageBytes,
    compressMinBytes: 1_024,
    acceptCompression: [compressionGzip, compressionBrotli],
    jsonOptions: strictJson,
  });
  addConnectRoutes(router, services, ports);
  return new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
}

/** Without an `HttpCall` among the context values, a call takes what connect-es knows of it. */
export function addConnectRoutes(
  router: ConnectRouter,
  services: readonly RpcService[],
  ports: BindingPorts,
): void {
  for (const method of services.flatMap(({ methods }) => methods)) {
    if (method.kind === "unary") {
      router.rpc(method.desc, (message, context) => runUnary(method, message, context, ports));
    } else {
      router.rpc(method.desc, (message, context) => runStream(method, message, context, ports));
    }
  }
}

async function runUnary(
  method: UnaryMethod,
  message: Message,
  context: HandlerContext,
  ports: BindingPorts,
): Promise<Message> {
  const call = callOf(context, method, ports);
  const active = begin(call, false, ports.tracker);
  try {
    throwPreset(call);
    const answer = await method.run(message, contextOf(call));
    assertSendable(method.desc.output, answer, sizeLimitOf(context, ports.limits));
    copyTrailers(call, context);
    noteSuccess(call.rpc);
    return answer;
  } catch (error) {
    throw translate(error, method, call, ports);
  } finally {
    ports.tracker.remove(active);
    endWork(call, ports.rpcs);
  }
}

function runStream(
  method: StreamMethod,
  message: Message,
  context: HandlerContext,
  ports: BindingPorts,
): AsyncIterable<Message> {
  const { limits, nowMs, schedule, tracker } = ports;
  const call = callOf(context, method, ports);
  const active = begin(call, method.endless, tracker);
  const guard = createWriteGuard({
    maxBytes: limits.maxBufferedBytes,
    stallMs: limits.writeStallMs,
    nowMs,
    schedule,
    onTooSlow() {
      const error = new RouterError("caller-too-slow", "The caller reads too slowly.");
      noteError(call.rpc, error);
      active.end(error);
      call.cutOff();
    },
  });
  call.isBehind = guard.isWaiting;
  const answers = createPushIterable<Message>({
    onTaken: guard.flushed,
    onReturn: () => active.end(callerGone(call, nowMs)),
  });
  const sizeLimit = sizeLimitOf(context, limits);
  let unsendable: unknown;
  const write = (answer: Message) => {
    if (unsendable !== undefined) {
      return;
    }
    try {
      assertSendable(method.desc.output, answer, sizeLimit);
    } catch (error) {
      // Whoever writes is in the middle of a provider's event or of a timer, and can do nothing.
      unsendable = error;
      active.end(new RouterError("canceled", "A message could not be sent."));
      return;
    }
    guard.written(sizeOf(answer));
    answers.push(answer);
  };
  const work = async () => {
    throwPreset(call);
    await method.run(message, contextOf(call), write);
    if (unsendable !== undefined) {
      throw unsendable;
    }
  };
  work()
    .then(
      () => {
        copyTrailers(call, context);
        noteSuccess(call.rpc);
        answers.end();
      },
      (error: unknown) => answers.fail(translate(unsendable ?? error, method, call, ports)),
    )
    .finally(() => {
      tracker.remove(active);
      endWork(call, ports.rpcs);
    });
  call.controller.signal.addEventListener("abort", guard.close, { once: true });
  return answers.iterable;
}

/** From here on the handler is what a drain waits for. */
function begin(call: HttpCall, endless: boolean, tracker: CallTracker): ActiveCall {
  const active = activeCallOf(call, endless);
  tracker.add(active);
  tracker.remove(call.arrival);
  return active;
}

function callOf(
  context: HandlerContext,
  { desc }: RpcMethod,
  { rpcs, nowMs }: BindingPorts,
): HttpCall {
  const { values, signal } = context;
  const call = values.get(httpCallKey) ?? withoutConnection(context, methodName(desc), rpcs);
  call.begun = true;
  call.rpc.isWorking = true;
  call.timeoutMs ??= context.timeoutMs();
  const { controller } = call;
  const onAbort = () => controller.abort(callerGone(call, nowMs));
  if (signal.aborted) {
    onAbort();
  } else {
    signal.addEventListener("abort", onAbort, { once: true });
  }
  return call;
}

function withoutConnection(
  { requestHeader }: HandlerContext,
  method: string,
  rpcs: RpcTeller,
): HttpCall {
  const headers = Object.fromEntries(requestHeader);
  const rpc = rpcs.open({ system: "connectrpc", method, connection: NO_CONNECTION, headers });
  return createHttpCall(rpc, () => undefined);
}

/** connect-es has read off headers or query what the answer will be written in. */
function sizeLimitOf(
  { responseHeader }: HandlerContext,
  { maxMessageBytes }: ListenerLimits,
): SizeLimit {
  const type = responseHeader.get("content-type") ?? "";
  return { maxBytes: maxMessageBytes, json: type.includes("json") };
}

function copyTrailers({ trailers }: HttpCall, { responseTrailer }: HandlerContext): void {
  for (const [name, value] of trailers) {
    responseTrailer.set(name, value);
  }
}

function throwPreset({ preset }: HttpCall): void {
  if (preset !== undefined) {
    throw preset;
  }
}

function translate(
  error: unknown,
  { desc }: RpcMethod,
  { trailers, rpc }: HttpCall,
  { errorDomain, log }: BindingPorts,
): ConnectError {
  if (isDefect(error)) {
    const trace = rpc.trace.traceId;
    log("error", "a call failed by a defect", { method: methodPath(desc), trace, error });
  }
  noteError(rpc, error);
  return connectErrorOf(statusOf(error, errorDomain), trailers);
}

/**
 * About how many bytes a message takes in its buffer. Exact where streams are made of text; anything
 * else is counted by a typical size, because connect-es serializes out of sight.
 */
function sizeOf(message: Message): number {
  if (isMessage(message, StreamCompleteResponseSchema) && message.event.case === "content") {
    const { value } = message.event.value.delta;
    return MESSAGE_OVERHEAD + (value?.length ?? 0);
  }
  return TYPICAL_BYTES;
}

const MESSAGE_OVERHEAD = 64;
const TYPICAL_BYTES = 1_024;
