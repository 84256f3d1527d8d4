import { BusUnavailable, type ReportLog } from "../domain/bus.ts";
import type { NowMs } from "../domain/ports.ts";
import type { Metrics, PublishOutcome } from "../metrics/create-metrics.ts";
import type { FleetFigures, MetricSources } from "../metrics/sources.ts";

/** How the fleet stands, for metrics. */
export function fleetSourcesOf({
  figures,
}: {
  readonly figures: () => FleetFigures;
}): MetricSources {
  return { fleet: figures };
}

/** Tells `published` how long the bus took for every report, and what it answered. */
export function timedReports(
  reports: Pick<ReportLog, "publish">,
  nowMs: NowMs,
  published: Metrics["published"],
): Pick<ReportLog, "publish"> {
  return {
    async publish(report) {
      const startedAtMs = nowMs();
      let outcome: PublishOutcome = "confirmed";
      try {
        return await reports.publish(report);
      } catch (error) {
        outcome = error instanceof BusUnavailable ? "unconfirmed" : "rejected";
        throw error;
      } finally {
        published(nowMs() - startedAtMs, outcome);
      }
    },
  };
}
