import { createRouterTransport, type Transport } from "@connectrpc/connect";
import { EMPTY_SCORES } from "../../src/domain/score.ts";
import { createCallTracker } from "../../src/rpc/call-tracker.ts";
import { addConnectRoutes } from "../../src/rpc/connect-routes.ts";
import type { HandlerPorts } from "../../src/rpc/handler-ports.ts";
import { createHandlers, defaultHandlerLimits } from "../../src/rpc/handlers.ts";
import { defaultListenerLimits } from "../../src/rpc/listener-options.ts";
import { createRpcTeller } from "../../src/rpc/open-rpc.ts";
import { exampleCatalog, exampleModel } from "./example-catalog.ts";
import { exampleEndpoint, exampleTrace } from "./examples.ts";
import { createManualClock, type ManualClock } from "./manual-clock.ts";
import { type ScriptedRouter, scriptedRouter } from "./scripted-router.ts";

export type RpcInMemory = {
  readonly transport: Transport;
  readonly clock: ManualClock;
  readonly router: ScriptedRouter;
};

/** The handlers behind a transport without sockets, on a clock that is moved by hand. */
export function createRpcInMemory(
  router: ScriptedRouter = scriptedRouter(),
  changes: Partial<HandlerPorts> = {},
): RpcInMemory {
  const clock = createManualClock();
  const { nowMs, schedule } = clock;
  const catalog = exampleCatalog([exampleModel("acme/one")], [exampleEndpoint("acme/eu/one")]);
  const services = createHandlers({
    router,
    catalog: () => catalog,
    scores: () => EMPTY_SCORES,
    live: { of: () => undefined },
    nowMs,
    schedule,
    newId: () => "00000000-0000-4000-8000-00000000000a",
    limits: defaultHandlerLimits,
    ...changes,
  });
  const transport = createRouterTransport((routes) =>
    addConnectRoutes(routes, services, {
      errorDomain: "atlas.internal",
      limits: defaultListenerLimits,
      nowMs,
      schedule,
      rpcs: createRpcTeller({
        beginTrace: () => exampleTrace(),
        onRpcEnd: () => undefined,
        nowMs,
        log: () => undefined,
      }),
      log: () => undefined,
      tracker: createCallTracker(schedule),
    }),
  );
  return { transport, clock, router };
}
