import type { EndpointId } from "../domain/endpoint.ts";
import type {
  LoadSignal,
  OutsideClaim,
  ProbeSignal,
  RateLimitSignal,
  StateSignal,
} from "../domain/health.ts";
import { WireError } from "./status.ts";

/** What a source outside of the fleet can tell. */
export type OutsideSignal = StateSignal | RateLimitSignal | LoadSignal | ProbeSignal;

/** What the processes of a fleet know together, as far as the handlers are concerned. */
export type SharedHealth = {
  /** Version of the algorithm behind the scores. */
  readonly algorithmVersion: number;
  /** Calls `listener` with every new snapshot until the returned function is called. */
  readonly onScores: (listener: () => void) => () => void;
  /** The newest claim from outside that has not lapsed. */
  readonly outside: (endpoint: EndpointId) => OutsideClaim | undefined;
  /** Queues the signal for the whole fleet. `source` is who told it, for people. */
  readonly publish: (endpoint: EndpointId, signal: OutsideSignal, source: string) => void;
};

/** Of a router that hears nothing from outside and has nobody to pass it on to. */
export const noSharedHealth: SharedHealth = {
  algorithmVersion: 1,
  onScores: () => () => undefined,
  outside: () => undefined,
  publish() {
    throw new WireError("unknown-method", "This router takes no health reports.");
  },
};
