import type { CatalogSnapshot } from "../domain/catalog.ts";
import type { CallSink, NowMs, ObservationSink, RpcSink } from "../domain/ports.ts";
import type { GenAiNames } from "./metric-definition.ts";
import { readSources } from "./read-sources.ts";
import { createAttemptRecorder } from "./record-attempts.ts";
import { createCallRecorder } from "./record-calls.ts";
import { createRpcRecorder } from "./record-rpcs.ts";
import { createRegistry, type Family } from "./registry.ts";
import { observe } from "./series.ts";
import { figuresOf, type MetricSources } from "./sources.ts";

/**
 * Everything that this process counts.
 *
 * The three sinks go last among theirs: whether the trace of what they take is kept, and so can be an
 * exemplar, must be settled by then.
 */
export type Metrics = {
  readonly observe: ObservationSink;
  readonly finished: CallSink;
  readonly rpc: RpcSink;
  /** A report was handed to the bus, which answered like this or, when `unconfirmed`, did not. */
  published(durationMs: number, outcome: PublishOutcome): void;
  collectedGarbage(type: GcType, durationMs: number): void;
  /** Adds sources, or replaces them by name. */
  attach(sources: MetricSources): void;
  /**
   * In the order of the table. Counts are read when a family's series are walked; what a source says is
   * read when it is first wanted, and stands for all families of the collection.
   */
  collect(): readonly Family[];
};

export type PublishOutcome = "confirmed" | "unconfirmed" | "rejected";

export type GcType = "major" | "minor" | "incremental" | "weakcb";

export type MetricsOptions = {
  /** The one that calls are planned with; asked for each call. */
  readonly catalog: () => CatalogSnapshot;
  readonly nowMs: NowMs;
  /** Default: the released ones. */
  readonly names?: GenAiNames;
  /** Name of a provider in the GenAI conventions, by its id. The same answer for the same id. */
  readonly providerName: (providerId: string) => string;
  /** Of the services that are served: `atlas.v1.RouterService/Complete`. */
  readonly rpcMethods: readonly string[];
  /** Most series of one metric, as the registry has it. Default 20,000. */
  readonly maxSeries?: number;
};

export function createMetrics(options: MetricsOptions): Metrics {
  const { catalog, nowMs, providerName, rpcMethods, names = "v1.41" } = options;
  const registry = createRegistry({ ...options, names });
  const publishes = registry.histogram("publishDuration");
  const collections = registry.histogram("gcDuration");
  let sources: MetricSources = {};
  readSources({ registry, catalog, nowMs });
  return {
    observe: createAttemptRecorder({ registry, names, providerName }),
    finished: createCallRecorder({ registry, catalog }),
    rpc: createRpcRecorder(registry, rpcMethods),
    published(durationMs, outcome) {
      const failure = outcome === "confirmed" ? "" : outcome;
      const series = publishes.of("nats", "publish", "atlas.health.v1.*", failure);
      observe(series, durationMs / 1_000);
    },
    collectedGarbage: (type, durationMs) => observe(collections.of(type), durationMs / 1_000),
    attach(more) {
      sources = { ...sources, ...more };
    },
    collect: () => registry.collect(figuresOf(sources)),
  };
}
