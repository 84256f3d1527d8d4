import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type CompleteRequest,
  CompleteRequestSchema,
  type CompleteResponse,
  CompleteResponseSchema,
  type StreamCompleteResponse,
} from "../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../gen/atlas/v1/router_service_pb.ts";
import type { CallResult } from "../domain/call.ts";
import { RouterError } from "../domain/router-error.ts";
import type { TraceContext } from "../domain/trace.ts";
import { createAnswerFold } from "./answer-fold.ts";
import { type CallRunner, createCallRunner, throwFailure, withCallId } from "./call-runner.ts";
import { deadlineOf } from "./deadline.ts";
import {
  createRequestDecoder,
  type DecodedRequest,
  type StreamSettings,
} from "./decode-request.ts";
import { encodeResponse } from "./encode-response.ts";
import type { HandlerPorts } from "./handler-ports.ts";
import { createIdempotency, type Idempotency } from "./idempotency.ts";
import { createRouteHandler } from "./route-handler.ts";
import { type CallContext, defineService, type RpcService, type Write } from "./rpc-service.ts";
import { runCall } from "./run-call.ts";
import { createStreamSession } from "./stream-session.ts";

export function createRouterService(ports: HandlerPorts): RpcService {
  const decoder = createRequestDecoder();
  const runner = createCallRunner(ports);
  const idempotency = createIdempotency(ports.nowMs, ports.limits.idempotency);
  const stream = createStreamRunner({ ports, runner });

  async function answer(decoded: DecodedRequest, context: CallContext): Promise<CompleteResponse> {
    const folded = createAnswerFold();
    const call = runner.callOf(decoded, context, {
      streaming: false,
      heartbeatIntervalMs: 0,
      emit: folded.take,
    });
    let result: CallResult;
    try {
      result = await runner.run(call, context);
      throwFailure(result, context);
    } catch (error) {
      throw withCallId(error, call);
    }
    return encodeResponse({
      id: call.id,
      receivedAtMs: call.receivedAtMs,
      choices: folded.choices(),
      result,
      includeReasoning: includesReasoning(decoded),
    });
  }

  const answerOnce = createAnswerOnce({ ports, idempotency, answer });

  return defineService(RouterService, {
    route: createRouteHandler(ports, decoder.plan),

    complete(request, context) {
      const decoded = decoder.call(request);
      return decoded.requestId === ""
        ? answer(decoded, context)
        : answerOnce(request, decoded, context);
    },

    async streamComplete(request, context, write) {
      const decoded = decoder.stream(request);
      const { requestId } = decoded;
      const release = requestId === "" ? undefined : idempotency.hold(requestId);
      try {
        await stream(decoded, context, write);
      } finally {
        release?.();
      }
    },
  });
}

type OncePorts = {
  readonly ports: HandlerPorts;
  readonly idempotency: Idempotency;
  readonly answer: (decoded: DecodedRequest, context: CallContext) => Promise<CompleteResponse>;
};

/** Answers a call that has a request id. The RPC of a repeat is told what it repeats. */
function createAnswerOnce({ ports, idempotency, answer }: OncePorts) {
  const { nowMs, schedule, limits } = ports;
  return async (
    request: CompleteRequest,
    decoded: DecodedRequest,
    context: CallContext,
  ): Promise<CompleteResponse> => {
    const { requestId } = decoded;
    const { rpc, trace, signal } = context;
    const asked = {
      requestId,
      bytes: toBinary(CompleteRequestSchema, request),
      trace,
      signal,
      repeats(first: TraceContext) {
        rpc.repeats = first;
      },
    };
    const work = async () => {
      // It may have waited for another call that left, and is the call itself now.
      rpc.repeats = undefined;
      return toBinary(CompleteResponseSchema, await answer(decoded, context));
    };
    // A repeat waits for the first call, and for that it needs a deadline of its own.
    const options = { deadlineMs: deadlineOf(context, limits), nowMs: nowMs(), schedule };
    try {
      const bytes = await runCall(context, options, () => {
        // A repeat succeeds and fails with the call that it waits for.
        rpc.callId = requestId;
        return idempotency.once(asked, work);
      });
      return fromBinary(CompleteResponseSchema, bytes);
    } catch (error) {
      if (isDuplicate(error)) {
        // It is not that call's repeat.
        rpc.callId = undefined;
      }
      throw error;
    }
  };
}

type StreamPorts = { readonly ports: HandlerPorts; readonly runner: CallRunner };

function createStreamRunner({ ports, runner }: StreamPorts) {
  const { schedule, limits } = ports;
  return async (
    decoded: DecodedRequest & { readonly settings: StreamSettings },
    context: CallContext,
    write: Write<StreamCompleteResponse>,
  ): Promise<void> => {
    const { settings } = decoded;
    const call = runner.callOf(decoded, context, {
      streaming: true,
      heartbeatIntervalMs: settings.heartbeatMs ?? limits.heartbeatMs,
      emit: (event) => session.take(event),
    });
    const session = createStreamSession({
      id: call.id,
      receivedAtMs: call.receivedAtMs,
      ...settings,
      includeReasoning: includesReasoning(decoded),
      schedule,
      write,
    });
    try {
      const result = await runner.run(call, context);
      throwFailure(result, context);
      session.end(result);
    } catch (error) {
      throw withCallId(error, call);
    } finally {
      session.end(undefined);
    }
  };
}

function isDuplicate(error: unknown): boolean {
  return error instanceof RouterError && error.code === "duplicate-request";
}

function includesReasoning({ spec }: DecodedRequest): boolean {
  return spec.reasoning?.includeInResponse === true;
}
