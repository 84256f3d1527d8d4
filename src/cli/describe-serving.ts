import type { Listeners } from "./listeners.ts";
import type { Serving } from "./serving-state.ts";

/** What a person reads after starting the router. */
export function describeServing(serving: Serving, { grpc, http }: Listeners): string {
  const { catalog, endpoints, fleet } = serving;
  const real = endpoints.filter(({ enabled, simulated }) => enabled && !simulated).length;
  const simulated = endpoints.filter((endpoint) => endpoint.simulated).length;
  const lines = [
    `Atlas Router serves ${catalog.models.length} models at ${endpoints.length} endpoints: ` +
      `${real} real, ${simulated} simulated.`,
    `  gRPC                      ${grpc}`,
    `  Connect, gRPC-Web, gRPC   ${http}`,
    ...(fleet === undefined ? [] : [`  simulated fleet           ${fleet.controlUrl}/endpoints`]),
    "",
    'Try: npx atlas complete openai/gpt-4o-mini "hello" --stream',
  ];
  return `${lines.join("\n")}\n`;
}
