import { toBinary } from "@bufbuild/protobuf";
import { UsageSchema } from "../../gen/atlas/v1/types_pb.ts";
import type { CallResult, CompletionCall } from "../domain/call.ts";
import { RouterError } from "../domain/router-error.ts";
import { inputTokensOf, outputTokensOf } from "../domain/usage.ts";
import { createAnswerFold } from "./answer-fold.ts";
import { deadlineOf } from "./deadline.ts";
import type { DecodedRequest } from "./decode-request.ts";
import { encodeUsage } from "./encode-decision.ts";
import type { HandlerPorts } from "./handler-ports.ts";
import type { CallContext } from "./rpc-service.ts";
import { runCall } from "./run-call.ts";

/** Serialized `atlas.v1.Usage` of what had been counted when a call failed. */
const USAGE_TRAILER = "atlas-usage-bin";

/** Builds calls from decoded requests and runs them under their deadline. */
export type CallRunner = {
  callOf(
    decoded: DecodedRequest,
    context: CallContext,
    own: Pick<CompletionCall, "streaming" | "heartbeatIntervalMs" | "emit">,
  ): CompletionCall;
  /** Settles as the router does, under the call's deadline. */
  run(call: CompletionCall, context: CallContext): Promise<CallResult>;
};

export function createCallRunner(ports: HandlerPorts): CallRunner {
  const { router, nowMs, schedule, newId, limits } = ports;
  return {
    callOf(decoded, context, { streaming, heartbeatIntervalMs, emit }) {
      const recorded = ports.recordsAnswers?.() === true ? recording(emit) : undefined;
      return {
        id: decoded.requestId === "" ? newId() : decoded.requestId,
        spec: decoded.spec,
        policy: decoded.policy,
        caller: decoded.caller,
        trace: context.trace,
        streaming,
        receivedAtMs: context.receivedAtMs,
        deadlineMs: deadlineOf(context, limits),
        heartbeatIntervalMs,
        signal: context.signal,
        emit: recorded?.emit ?? emit,
        answer: recorded?.answer,
      };
    },
    run(call, context) {
      const options = { deadlineMs: call.deadlineMs, nowMs: nowMs(), schedule };
      return runCall(context, options, () => {
        context.rpc.callId = call.id;
        return router.complete(call);
      });
    },
  };
}

/** The error of a call names it, wherever it came from. */
export function withCallId(error: unknown, { id }: CompletionCall): unknown {
  return error instanceof RouterError ? withMetadata(error, { callId: id }) : error;
}

/** Throws the call's error, after telling the caller what was tried and counted. */
export function throwFailure({ error, attempts, usage }: CallResult, context: CallContext): void {
  if (error === undefined) {
    return;
  }
  if (inputTokensOf(usage) + outputTokensOf(usage) > 0) {
    context.setTrailer(USAGE_TRAILER, toBinary(UsageSchema, encodeUsage(usage)));
  }
  const tried = attempts.map(({ endpoint, outcome }) => `${endpoint.id}:${outcome.kind}`);
  throw withMetadata(error, { attempts: tried.join(",") });
}

function recording(emit: CompletionCall["emit"]): Pick<CompletionCall, "emit" | "answer"> {
  const fold = createAnswerFold();
  return {
    emit(event) {
      fold.take(event);
      emit(event);
    },
    answer: fold.choices,
  };
}

/** What the error says itself comes first. */
function withMetadata(
  { code, message, details, cause }: RouterError,
  metadata: Readonly<Record<string, string>>,
): RouterError {
  return new RouterError(code, message, {
    ...details,
    metadata: { ...metadata, ...details.metadata },
    cause,
  });
}
