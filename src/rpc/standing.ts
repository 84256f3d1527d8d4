import { EndpointHealth_State } from "../../gen/atlas/v1/catalog_service_pb.ts";
import type { Endpoint } from "../domain/catalog.ts";
import type { OutsideClaim } from "../domain/health.ts";
import type { Block, EndpointScore, LiveState } from "../domain/score.ts";

/** How good an endpoint is, and for people why it is not. */
export type Standing = { readonly state: EndpointHealth_State; readonly reason: string };

export type StandingInput = {
  readonly block: Block | undefined;
  readonly live: LiveState | undefined;
  readonly score: EndpointScore | undefined;
  readonly outside: OutsideClaim | undefined;
};

const HEALTHY: Standing = { state: EndpointHealth_State.HEALTHY, reason: "" };

/** The worst of what the operator, this replica, the window of all replicas and outsiders say. */
export function standingOf({ enabled }: Endpoint, input: StandingInput): Standing {
  if (!enabled) {
    return { state: EndpointHealth_State.DISABLED, reason: "switched off by the operator" };
  }
  const shared = sharedStanding(input.score, input.outside);
  const own = ownStanding(input);
  return own === undefined || shared.state > own.state ? shared : own;
}

/** What all replicas know alike. */
export function sharedStanding(
  score: EndpointScore | undefined,
  outside: OutsideClaim | undefined,
): Standing {
  const claimed = outside === undefined ? undefined : claimedState[outside.state];
  if (outside !== undefined && claimed !== undefined) {
    const reason = outside.reason === "" ? "" : `: ${outside.reason}`;
    return { state: claimed, reason: `reported ${outside.state}${reason}` };
  }
  if (score?.degraded === true) {
    return { state: EndpointHealth_State.DEGRADED, reason: degradedReason(score) };
  }
  return score === undefined && outside === undefined
    ? { state: EndpointHealth_State.UNSPECIFIED, reason: "no call was made yet" }
    : HEALTHY;
}

function degradedReason({ recent, firstTokenMs }: EndpointScore): string {
  const [latest = 0, usual = 0] = [recent.firstTokenMs, firstTokenMs.p50];
  return recent.isSlow === true
    ? `its latest first tokens took about ${Math.round(latest)} ms, ${Math.round(usual)} ms is usual`
    : "the last 30 s went badly";
}

/** That it is up is no news beside what calls say. */
const claimedState = {
  up: undefined,
  degraded: EndpointHealth_State.DEGRADED,
  down: EndpointHealth_State.UNHEALTHY,
  draining: EndpointHealth_State.UNHEALTHY,
} as const satisfies Record<OutsideClaim["state"], EndpointHealth_State | undefined>;

/** What this replica alone knows; absent while it has not called the endpoint. */
function ownStanding({ block, live }: StandingInput): Standing | undefined {
  if (block !== undefined && block.reason !== "at-concurrency-limit") {
    return blocked[block.reason];
  }
  if (live?.breaker === "half-open") {
    return { state: EndpointHealth_State.DEGRADED, reason: "recovering: one call at a time" };
  }
  return live === undefined ? undefined : HEALTHY;
}

/** A full endpoint is not an ill one, so the concurrency limit has no entry. */
const blocked = {
  "breaker-open": { state: EndpointHealth_State.UNHEALTHY, reason: "circuit breaker open" },
  "rate-limited": { state: EndpointHealth_State.DEGRADED, reason: "rate limited by the provider" },
  credentials: {
    state: EndpointHealth_State.DISABLED,
    reason: "the provider refuses the credentials of its account",
  },
  "quota-exhausted": {
    state: EndpointHealth_State.DISABLED,
    reason: "its account with the provider is out of credit",
  },
  misconfigured: {
    state: EndpointHealth_State.DISABLED,
    reason: "the provider does not know the model",
  },
} as const satisfies Record<Exclude<Block["reason"], "at-concurrency-limit">, Standing>;
