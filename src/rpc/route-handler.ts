import type { RouteRequest, RouteResponse } from "../../gen/atlas/v1/router_service_pb.ts";
import { RouterError } from "../domain/router-error.ts";
import { deadlineOf } from "./deadline.ts";
import type { DecodedRequest } from "./decode-request.ts";
import {
  encodeCandidate,
  encodeDecision,
  encodeNoDecision,
  encodePolicy,
} from "./encode-decision.ts";
import type { HandlerPorts } from "./handler-ports.ts";
import type { CallContext } from "./rpc-service.ts";

/** Nothing eligible is an answer of Route, not a failure: the reasons are what was asked for. */
export function createRouteHandler(
  ports: HandlerPorts,
  decode: (request: RouteRequest) => DecodedRequest,
): (request: RouteRequest, context: CallContext) => Promise<RouteResponse> {
  return async (request, context) => {
    const decoded = decode(request);
    const decisionId = decoded.requestId === "" ? ports.newId() : decoded.requestId;
    try {
      const { plan, candidates, effectivePolicy } = ports.router.route({
        decisionId,
        spec: decoded.spec,
        policy: decoded.policy,
        deadlineMs: deadlineOf(context, ports.limits),
      });
      return {
        $typeName: "atlas.v1.RouteResponse",
        decision: encodeDecision(plan.decision),
        candidates: candidates.map((candidate) => encodeCandidate(candidate, plan.decision)),
        effectivePolicy: encodePolicy(effectivePolicy),
      };
    } catch (error) {
      return refusalOf(error, decisionId, { ...ports, decoded });
    }
  };
}

/** A decision without an endpoint; errors that know no candidates stay errors. */
function refusalOf(
  error: unknown,
  decisionId: string,
  { catalog, scores, nowMs, decoded }: HandlerPorts & { readonly decoded: DecodedRequest },
): RouteResponse {
  if (!(error instanceof RouterError) || error.details.candidates === undefined) {
    throw error;
  }
  const { revision: catalogRevision, priceVersion } = catalog();
  return {
    $typeName: "atlas.v1.RouteResponse",
    decision: encodeNoDecision({
      decisionId,
      policy: decoded.policy,
      explanation: error.message,
      catalogRevision,
      scoreRevision: scores().revision,
      nowMs: nowMs(),
    }),
    candidates: error.details.candidates.map((candidate) =>
      encodeCandidate(candidate, { catalogRevision, priceVersion }),
    ),
    effectivePolicy: encodePolicy(decoded.policy),
  };
}
