import { callMetrics, generationMetrics } from "./call-metrics.ts";
import type { GenAiNames, MetricDefinition } from "./metric-definition.ts";
import { endpointMetrics, fleetMetrics, processMetrics } from "./state-metrics.ts";

/** Every metric there is. The documents are made from it, and the dashboard and alerts checked against it. */
export const metricTable = {
  ...generationMetrics,
  ...callMetrics,
  ...endpointMetrics,
  ...fleetMetrics,
  ...processMetrics,
} as const satisfies Record<string, MetricDefinition>;

export type MetricKey = keyof typeof metricTable;

/** Those that exist with `names`, in the order of the table. */
export function metricsWith(
  names: GenAiNames,
): readonly (readonly [MetricKey, MetricDefinition])[] {
  const rows = Object.entries(metricTable) as [MetricKey, MetricDefinition][];
  return rows.filter(([, definition]) => (definition.names ?? names) === names);
}
