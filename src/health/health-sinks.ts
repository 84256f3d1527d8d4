import type { EndpointId } from "../domain/endpoint.ts";
import type { Observation, ObservationSink } from "../domain/ports.ts";
import type { LiveState, LiveView } from "../domain/score.ts";
import { originOf } from "./report-origins.ts";
import type { SpanContext } from "./span-context.ts";
import type { UrgentSignal } from "./urgent-signals.ts";

export type HealthSinkPorts = {
  readonly live: LiveView;
  /** `origin` is the attempt that showed it, if its span is kept. */
  readonly signal: (
    endpoint: EndpointId,
    signal: UrgentSignal,
    origin: SpanContext | undefined,
  ) => void;
};

/** A provider that refuses every call is told of once a second. */
const RATE_LIMIT_INTERVAL_MS = 1_000;

type Told = { breaker: LiveState["breaker"]; rateLimitedAtMs: number };

/**
 * Tells at once what the others should not wait a second for: that a provider asked for less traffic,
 * and that the breaker of this replica changed.
 *
 * Belongs behind the scoreboard in the list of sinks: the state of the breaker is read after the
 * attempt counted. A breaker that lets a probe through is told of when the probe has ended, and only
 * if it did not open again.
 */
export function createHealthSink({ live, signal }: HealthSinkPorts): ObservationSink {
  /** Of endpoints that were refused within the second, or whose breaker is not closed. */
  const troubled = new Map<EndpointId, Told>();

  function remember(endpoint: EndpointId): Told {
    const told: Told = { breaker: "closed", rateLimitedAtMs: Number.NEGATIVE_INFINITY };
    troubled.set(endpoint, told);
    return told;
  }

  function tellBreaker(by: Observation, told: Told, state: LiveState["breaker"]): void {
    if (told.breaker !== state) {
      told.breaker = state;
      signal(by.attempt.endpoint.id, { kind: "breaker", state }, originOf(by));
    }
  }

  return (observation) => {
    const { attempt, endedAtMs } = observation;
    const { endpoint, outcome } = attempt;
    const known = troubled.get(endpoint.id);
    const breaker = live.of(endpoint.id)?.breaker ?? "closed";
    if (known === undefined && breaker === "closed" && outcome.kind !== "rate-limited") {
      return;
    }
    const told = known ?? remember(endpoint.id);
    const isQuiet = endedAtMs - told.rateLimitedAtMs >= RATE_LIMIT_INTERVAL_MS;
    if (outcome.kind === "rate-limited" && isQuiet) {
      told.rateLimitedAtMs = endedAtMs;
      signal(endpoint.id, rateLimitSignal(outcome.retryAfterMs), originOf(observation));
    } else if (breaker === "closed" && isQuiet) {
      troubled.delete(endpoint.id);
    }
    tellBreaker(observation, told, breaker);
  };
}

function rateLimitSignal(retryAfterMs: number | undefined): UrgentSignal {
  return {
    kind: "rate-limit",
    requestsRemaining: undefined,
    tokensRemaining: undefined,
    retryAfterMs,
  };
}
