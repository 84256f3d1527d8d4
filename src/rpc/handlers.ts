import { createCatalogService } from "./catalog-handlers.ts";
import type { HandlerLimits, HandlerPorts } from "./handler-ports.ts";
import { defaultIdempotencyLimits } from "./idempotency.ts";
import { createRouterService } from "./router-handlers.ts";
import type { RpcService } from "./rpc-service.ts";

export const defaultHandlerLimits: HandlerLimits = {
  /** Long enough for a reasoning model's whole answer. */
  defaultTimeoutMs: 300_000,
  maxTimeoutMs: 3_600_000,
  idempotency: defaultIdempotencyLimits,
  /** Half of the shortest idle timeout that balancers are known for. */
  heartbeatMs: 5_000,
};

/** The services of the call path. Both listeners serve the same ones. */
export function createHandlers(ports: HandlerPorts): readonly RpcService[] {
  return [createRouterService(ports), createCatalogService(ports)];
}
