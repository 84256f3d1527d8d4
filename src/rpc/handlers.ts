import { createCatalogService } from "./catalog-handlers.ts";
import type { HandlerLimits, HandlerPorts } from "./handler-ports.ts";
import { defaultIdempotencyLimits } from "./idempotency.ts";
import { createInsightService } from "./insight-handlers.ts";
import { createRouterService } from "./router-handlers.ts";
import type { RpcService } from "./rpc-service.ts";
import { createScoringService } from "./scoring-handlers.ts";
import { noSharedHealth } from "./shared-health.ts";

export const defaultHandlerLimits: HandlerLimits = {
  /** Long enough for a reasoning model's whole answer. */
  defaultTimeoutMs: 300_000,
  maxTimeoutMs: 3_600_000,
  idempotency: defaultIdempotencyLimits,
  /** Half of the shortest idle timeout that balancers are known for. */
  heartbeatMs: 5_000,
};

/** Both listeners serve the same services. */
export function createHandlers(ports: HandlerPorts): readonly RpcService[] {
  const complete = { ...ports, health: ports.health ?? noSharedHealth };
  return [
    createRouterService(ports),
    createCatalogService(complete),
    createScoringService(complete),
    ...(ports.insight === undefined
      ? []
      : [createInsightService({ ...ports, insight: ports.insight })]),
  ];
}
