import type { Endpoint } from "./catalog.ts";

/** Verdict on one endpoint for one operation. Unknown and stale never pass. */
export type GateState = "native" | "green" | "red" | "unknown" | "stale";

/** Reads verdicts; the planner's only view of eval gates. */
export type GateView = (operation: string, endpoint: Endpoint) => GateState;

export function passesGate(state: GateState): boolean {
  return state === "native" || state === "green";
}

/** Without eval runs the released precision is the only one that is known to be good. */
export const nativeOnlyGates: GateView = (_operation, { native }) =>
  native ? "native" : "unknown";
