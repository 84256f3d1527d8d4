import type { Bus, BusStatus } from "../domain/bus.ts";
import { REPORT_AGE_MS } from "../domain/bus-rules.ts";
import type { Log, NowMs, Schedule } from "../domain/ports.ts";
import { createMemoryKeyValue } from "./memory-key-value.ts";
import { createMemoryLeaseTable } from "./memory-lease-table.ts";
import { createMemoryReportLog } from "./memory-report-log.ts";

export type MemoryBusOptions = {
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly log: Log;
  /** Older reports are forgotten. Default: 40 min. */
  readonly maxAgeMs?: number;
  /** What the reports kept may take up, their overhead included. Default: 64 MiB. */
  readonly maxBytes?: number;
};

/** Ten thousand reports are about 4 MiB: a process alone replays at most its own last minutes. */
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024;

/**
 * The bus of one process: the contract of `domain/bus.ts` without a server, gone with the process.
 *
 * Nothing is handed out before `publish`, `put`, `follow` or `watch` have returned.
 */
export function createMemoryBus(options: MemoryBusOptions): Bus {
  const { nowMs, schedule, log } = options;
  const reports = createMemoryReportLog({
    nowMs,
    schedule,
    log,
    maxAgeMs: options.maxAgeMs ?? REPORT_AGE_MS,
    maxBytes: options.maxBytes ?? DEFAULT_MAX_BYTES,
  });
  const scores = createMemoryKeyValue(log);
  const leases = createMemoryLeaseTable(nowMs);
  const listeners = new Set<(status: BusStatus) => void>();
  let status: BusStatus = "connected";

  return {
    reports,
    scores,
    leases,
    deadLetters: {
      async put({ reason, report: { token, sequence } }) {
        log("warn", "dead letter", { reason, token, sequence });
      },
    },
    status: () => status,
    onStatus(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      if (status === "closed") {
        return;
      }
      status = "closed";
      reports.close();
      scores.close();
      leases.close();
      for (const listener of listeners) {
        listener(status);
      }
      listeners.clear();
    },
  };
}
