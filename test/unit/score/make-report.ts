import type { EndpointId } from "../../../src/domain/endpoint.ts";
import type { HealthReport, HealthSignal, OutcomeDelta } from "../../../src/domain/health.ts";

const NONE = { buckets: [], counts: [] };

/** One success without any sample. */
export function makeDelta(changes: Partial<OutcomeDelta> = {}): OutcomeDelta {
  return {
    kind: "outcomes",
    slice: 0,
    layoutVersion: 1,
    successes: 1,
    failures: new Map(),
    firstToken: NONE,
    throughput: NONE,
    duration: NONE,
    ...changes,
  };
}

export type ReportChanges = Partial<Omit<HealthReport, "endpoint" | "signal">> & {
  readonly endpoint?: string;
  readonly signal?: HealthSignal;
};

/** Of producer `a` on endpoint `e` of model `m`. */
export function makeReport(changes: ReportChanges = {}): HealthReport {
  const { endpoint = "e", ...others } = changes;
  return {
    producer: "a",
    boot: 1n,
    sequence: 1,
    model: "m",
    observedAtMs: 0,
    signal: makeDelta(),
    ...others,
    endpoint: endpoint as EndpointId,
  };
}

export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
