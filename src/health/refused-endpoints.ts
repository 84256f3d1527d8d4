import type { EndpointId } from "../domain/endpoint.ts";

/**
 * Endpoints of which the bus takes no reports, until it takes one.
 *
 * Each has one tried in a minute, because somebody may have changed what this process is allowed. The others
 * are held back where they wait.
 */
export type RefusedEndpoints = {
  refuse(endpoint: EndpointId, nowMs: number): void;
  /** One of its reports is under way: the others wait for the next turn. */
  tried(endpoint: EndpointId, nowMs: number): void;
  /** True: it was refused until now. */
  accept(endpoint: EndpointId): boolean;
  has(endpoint: EndpointId): boolean;
  isHeld(endpoint: EndpointId, nowMs: number): boolean;
  /** As `isHeld`; something of a held one is laid aside, to come again at `resumesAtMs`. */
  layAside(endpoint: EndpointId, nowMs: number): boolean;
  /** Infinite: nothing is laid aside. */
  resumesAtMs(): number;
  /** Whatever was laid aside comes again now. */
  resume(): void;
  clear(): void;
};

export const RETRIAL_MS = 60_000;

/** One that is further ahead is of a clock that went back since, and has come. */
function isAhead(turnMs: number, nowMs: number): boolean {
  return turnMs > nowMs && turnMs - nowMs <= RETRIAL_MS;
}

/** Beyond `maxEndpoints` the one that was refused first is forgotten, and tried again. */
export function createRefusedEndpoints(maxEndpoints: number): RefusedEndpoints {
  const untilMs = new Map<EndpointId, number>();
  let resumesAtMs = Number.POSITIVE_INFINITY;

  return {
    refuse(endpoint, nowMs) {
      if (!untilMs.has(endpoint) && untilMs.size >= maxEndpoints) {
        const [oldest = endpoint] = untilMs.keys();
        untilMs.delete(oldest);
      }
      untilMs.set(endpoint, nowMs + RETRIAL_MS);
    },
    tried(endpoint, nowMs) {
      if (untilMs.has(endpoint)) {
        untilMs.set(endpoint, nowMs + RETRIAL_MS);
      }
    },
    accept: (endpoint) => untilMs.delete(endpoint),
    has: (endpoint) => untilMs.has(endpoint),
    isHeld: (endpoint, nowMs) => isAhead(untilMs.get(endpoint) ?? 0, nowMs),
    layAside(endpoint, nowMs) {
      const turnMs = untilMs.get(endpoint) ?? 0;
      const isHeld = isAhead(turnMs, nowMs);
      if (isHeld) {
        resumesAtMs = Math.min(resumesAtMs, turnMs);
      }
      return isHeld;
    },
    resumesAtMs: () => resumesAtMs,
    resume() {
      resumesAtMs = Number.POSITIVE_INFINITY;
    },
    clear: () => untilMs.clear(),
  };
}
