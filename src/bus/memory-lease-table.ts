import { BusUnavailable, LEASE_MS, type LeaseTable } from "../domain/bus.ts";
import { keyProblem } from "../domain/bus-rules.ts";
import type { NowMs } from "../domain/ports.ts";

export type MemoryLeaseTable = LeaseTable & { close(): void };

/** Leases between parts of one process. */
export function createMemoryLeaseTable(nowMs: NowMs): MemoryLeaseTable {
  const leases = new Map<string, { readonly owner: string; readonly untilMs: number }>();
  let closed = false;

  function assertUsable(name: string): void {
    const problem = keyProblem(name);
    if (problem !== undefined) {
      throw new RangeError(problem);
    }
    if (closed) {
      throw new BusUnavailable("the bus is closed");
    }
  }

  return {
    async take(name, owner) {
      assertUsable(name);
      const held = leases.get(name);
      if (held !== undefined && held.owner !== owner && held.untilMs > nowMs()) {
        return false;
      }
      leases.set(name, { owner, untilMs: nowMs() + LEASE_MS });
      return true;
    },
    async release(name, owner) {
      assertUsable(name);
      if (leases.get(name)?.owner === owner) {
        leases.delete(name);
      }
    },
    async holder(name) {
      assertUsable(name);
      const held = leases.get(name);
      return held !== undefined && held.untilMs > nowMs() ? held.owner : undefined;
    },
    close() {
      closed = true;
    },
  };
}
