import { fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CompleteRequestSchema,
  type CompleteResponse,
  CompleteResponseSchema,
} from "../../gen/atlas/v1/completion_pb.ts";
import { RouterService } from "../../gen/atlas/v1/router_service_pb.ts";
import { RouterError } from "../domain/router-error.ts";
import { createAnswerFold } from "./answer-fold.ts";
import { createCallRunner } from "./call-runner.ts";
import { deadlineOf } from "./deadline.ts";
import { createRequestDecoder, type DecodedRequest } from "./decode-request.ts";
import { encodeResponse } from "./encode-response.ts";
import type { HandlerPorts } from "./handler-ports.ts";
import { createIdempotency } from "./idempotency.ts";
import { createRouteHandler } from "./route-handler.ts";
import { type CallContext, defineService, type RpcService } from "./rpc-service.ts";
import { runCall } from "./run-call.ts";
import { createStreamSession } from "./stream-session.ts";

export function createRouterService(ports: HandlerPorts): RpcService {
  const { nowMs, schedule, limits } = ports;
  const decoder = createRequestDecoder();
  const runner = createCallRunner(ports);
  const idempotency = createIdempotency(nowMs, limits.idempotency);

  async function answer(decoded: DecodedRequest, context: CallContext): Promise<CompleteResponse> {
    const folded = createAnswerFold();
    const call = runner.callOf(decoded, context, {
      streaming: false,
      heartbeatIntervalMs: 0,
      emit: folded.take,
    });
    const result = await runner.run(call, context);
    return encodeResponse({
      id: call.id,
      receivedAtMs: call.receivedAtMs,
      choices: folded.choices(),
      result,
      includeReasoning: includesReasoning(decoded),
    });
  }

  return defineService(RouterService, {
    route: createRouteHandler(ports, decoder.plan),

    async complete(request, context) {
      const decoded = decoder.call(request);
      const { requestId } = decoded;
      if (requestId === "") {
        // Without `await` the promise in the promise would take three turns instead of one.
        return await answer(decoded, context);
      }
      const asked = toBinary(CompleteRequestSchema, request);
      const work = async () => toBinary(CompleteResponseSchema, await answer(decoded, context));
      // A repeat waits for the first call, and for that it needs a deadline of its own.
      const options = { deadlineMs: deadlineOf(context, limits), nowMs: nowMs(), schedule };
      const once = () => idempotency.once(requestId, asked, work);
      try {
        const bytes = await runCall(context, options, once);
        context.rpc.callId = requestId;
        return fromBinary(CompleteResponseSchema, bytes);
      } catch (error) {
        // A repeat fails with the call that it waited for, unless it is not that call's repeat.
        context.rpc.callId = isDuplicate(error) ? undefined : requestId;
        throw error;
      }
    },

    async streamComplete(request, context, write) {
      const decoded = decoder.stream(request);
      const { settings, requestId } = decoded;
      const release = requestId === "" ? undefined : idempotency.hold(requestId);
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
        session.end(await runner.run(call, context));
      } finally {
        session.end(undefined);
        release?.();
      }
    },
  });
}

function isDuplicate(error: unknown): boolean {
  return error instanceof RouterError && error.code === "duplicate-request";
}

function includesReasoning({ spec }: DecodedRequest): boolean {
  return spec.reasoning?.includeInResponse === true;
}
