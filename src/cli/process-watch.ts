import {
  constants,
  monitorEventLoopDelay,
  type PerformanceEntry,
  PerformanceObserver,
} from "node:perf_hooks";
import { cpuUsage, memoryUsage, uptime } from "node:process";
import type { GcType } from "../metrics/create-metrics.ts";
import type { EventLoopFigures, ProcessFigures } from "../metrics/sources.ts";

/** What this process uses of its machine, watched from the making on. */
export type ProcessWatch = {
  /** Of the last second or more: from one reading that is a second old to the next. */
  eventLoop(): EventLoopFigures;
  process(): ProcessFigures;
  stop(): void;
};

/** Fine enough to see what callers feel, and far too seldom to be felt itself. */
const RESOLUTION_MS = 10;

/** Whoever reads several figures reads those of one moment. */
const READING_MS = 1_000;

const NANOSECONDS_PER_MS = 1e6;

const gcTypes: Readonly<Record<number, GcType>> = {
  [constants.NODE_PERFORMANCE_GC_MAJOR]: "major",
  [constants.NODE_PERFORMANCE_GC_MINOR]: "minor",
  [constants.NODE_PERFORMANCE_GC_INCREMENTAL]: "incremental",
  [constants.NODE_PERFORMANCE_GC_WEAKCB]: "weakcb",
};

export function watchProcess(onGarbage: (type: GcType, durationMs: number) => void): ProcessWatch {
  const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  delays.enable();
  const collections = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      const type = gcTypes[kindOf(entry)];
      if (type !== undefined) {
        onGarbage(type, entry.duration);
      }
    }
  });
  collections.observe({ entryTypes: ["gc"] });
  let figures: EventLoopFigures = { p50Ms: 0, p99Ms: 0, maxMs: 0 };
  let readAtMs = performance.now();
  return {
    eventLoop() {
      if (performance.now() - readAtMs >= READING_MS) {
        figures = {
          p50Ms: lateness(delays.percentile(50)),
          p99Ms: lateness(delays.percentile(99)),
          maxMs: lateness(delays.max),
        };
        delays.reset();
        readAtMs = performance.now();
      }
      return figures;
    },
    process() {
      const { user, system } = cpuUsage();
      const { rss, heapUsed } = memoryUsage();
      return {
        uptimeMs: uptime() * 1_000,
        cpuUserMs: user / 1_000,
        cpuSystemMs: system / 1_000,
        residentBytes: rss,
        heapUsedBytes: heapUsed,
      };
    },
    stop() {
      delays.disable();
      collections.disconnect();
    },
  };
}

/** The monitor tells from one turn to the next, its own pause included. */
function lateness(nanoseconds: number): number {
  return Math.max(0, nanoseconds / NANOSECONDS_PER_MS - RESOLUTION_MS);
}

/** The types of the standard know no `detail`, where Node tells the kind. */
function kindOf(entry: PerformanceEntry & { readonly detail?: unknown }): number {
  const { detail } = entry;
  return typeof detail === "object" && detail !== null && "kind" in detail
    ? Number(detail.kind)
    : Number.NaN;
}
