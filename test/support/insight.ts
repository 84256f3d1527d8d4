import { createRecentCalls } from "../../src/ledger/recent-calls.ts";
import { createSpendLedger } from "../../src/ledger/spend.ts";
import type { Insight } from "../../src/rpc/handler-ports.ts";

/** What a replica remembers, with the sinks that fill it. Counting began on 2027-01-15 at 8:00 UTC. */
export function createInsight(changes: { readonly recent?: number; readonly hours?: number } = {}) {
  const { recent = 100, hours = 24 } = changes;
  const calls = createRecentCalls({ capacity: recent, slowMs: () => 1_000 });
  const startedAtMs = 1_800_000_000_000;
  const spend = createSpendLedger({ hours, seriesPerHour: 3, startedAtMs });
  const insight: Insight = { calls, spend };
  return {
    insight,
    tell(...call: Parameters<typeof calls.record>): void {
      calls.record(...call);
      spend.record(...call);
    },
  };
}
