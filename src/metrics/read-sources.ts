import type { CatalogSnapshot, Endpoint } from "../domain/catalog.ts";
import type { LiveState } from "../domain/score.ts";
import { breakerValues } from "./labels.ts";
import type { Reading, ReadKey, Registry } from "./registry.ts";
import type { Figures, FleetFigures, ScorerFigures } from "./sources.ts";

export type SourceOptions = {
  readonly registry: Registry;
  readonly catalog: () => CatalogSnapshot;
  readonly nowMs: () => number;
};

/** Has every metric read that is not counted here. */
export function readSources(options: SourceOptions): void {
  readEndpoints(options);
  readScores(options);
  readOutbox(options);
  readScorer(options);
  readProcess(options);
  readSpans(options);
}

const NOTHING: readonly Reading[] = [];
const NATS = "nats";
const SUBJECTS = "atlas.health.v1.*";

function one(value: number | undefined): readonly Reading[] {
  return value === undefined ? NOTHING : [{ labels: [], value }];
}

function each(figures: Readonly<Record<string, number>> | undefined): readonly Reading[] {
  return Object.entries(figures ?? {}).map(([label, value]) => ({ labels: [label], value }));
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000;
}

/** Has metrics without labels read. A metric is left out where its figure is absent. */
function fleetReader({ registry }: SourceOptions) {
  return (key: ReadKey, figure: (fleet: FleetFigures) => number | undefined): void =>
    registry.read(key, ({ fleet }) => {
      const figures = fleet();
      return figures === undefined ? NOTHING : one(figure(figures));
    });
}

function readEndpoints({ registry, catalog, nowMs }: SourceOptions): void {
  function* states({ live }: Figures): Iterable<readonly [Endpoint, LiveState]> {
    const snapshot = catalog();
    for (const model of snapshot.models) {
      for (const endpoint of snapshot.endpointsOf(model.id)) {
        const state = live?.of(endpoint.id);
        if (state !== undefined) {
          yield [endpoint, state];
        }
      }
    }
  }
  const figures = (figure: (state: LiveState) => number) =>
    function* (all: Figures): Iterable<Reading> {
      for (const [{ model, id }, state] of states(all)) {
        yield { labels: [model, id], value: figure(state) };
      }
    };
  registry.read(
    "breaker",
    figures(({ breaker }) => breakerValues[breaker]),
  );
  registry.read(
    "limit",
    figures(({ limit }) => limit),
  );
  registry.read(
    "inFlight",
    figures(({ inflight }) => inflight),
  );
  registry.read("blocked", function* (all) {
    const atMs = nowMs();
    for (const [{ model, id }, state] of states(all)) {
      const block = state.block(atMs);
      if (block !== undefined) {
        yield { labels: [model, id, block.reason], value: 1 };
      }
    }
  });
  registry.read("catalogRevision", () => one(catalog().revision));
}

function readScores(options: SourceOptions): void {
  const read = fleetReader(options);
  read("scoreRevision", ({ scores }) => scores.revision);
  read("scorePosition", ({ scores }) => scores.asOfSequence);
  read("scoreAge", ({ scores }) => seconds(scores.ageMs));
  read("scoresStale", ({ scores }) => scores.stale);
  read("scoresVerified", ({ scores }) => scores.verified);
  read("scoreRepairs", ({ scores }) => scores.repairs);
  read("scoreRebuilds", ({ scores }) => scores.rebuilds);
  options.registry.read("ignoredEntries", ({ fleet }) => {
    const scores = fleet()?.scores;
    return each(
      scores && {
        "not-newer": scores.refused,
        "unknown-algorithm": scores.unknownAlgorithm,
        undecodable: scores.undecodable,
      },
    );
  });
  read("clockSkew", ({ bus, scores }) => bus && seconds(scores.clockSkewMs));
  read("busConnected", ({ bus }) => bus?.connected);
  read("busReconnects", ({ bus }) => bus?.reconnects);
}

function readOutbox(options: SourceOptions): void {
  const read = fleetReader(options);
  read("outboxDeltas", ({ outbox }) => outbox.deltas);
  read("outboxSignals", ({ outbox }) => outbox.signals);
  read("outboxUnacknowledged", ({ outbox }) => outbox.unacknowledged);
  read("outboxSize", ({ outbox }) => outbox.bytes);
  read("droppedDeltas", ({ reports }) => reports.droppedDeltas);
  read("droppedSignals", ({ reports }) => reports.droppedSignals);
  read("droppedObservations", ({ reports }) => reports.droppedObservations);
  read("outboxLapsed", ({ reports }) => reports.lapsed);
  read("reportsUnconfirmed", ({ reports }) => reports.unconfirmed);
  read("reportsRejected", ({ reports }) => reports.rejected);
  options.registry.read("sentMessages", ({ fleet }) => {
    const figures = fleet();
    return messages("publish", figures?.bus && figures.reports.published);
  });
}

function messages(operation: "publish" | "process", value: number | undefined): readonly Reading[] {
  return value === undefined ? NOTHING : [{ labels: [NATS, operation, SUBJECTS], value }];
}

function readScorer(options: SourceOptions): void {
  const read = fleetReader(options);
  const { registry } = options;
  registry.read("scorerReports", ({ fleet }) => each(verdictsOf(fleet()?.scorer)));
  registry.read("consumedMessages", ({ fleet }) => {
    const figures = fleet();
    const verdicts = figures?.bus && verdictsOf(figures.scorer);
    const all = verdicts && Object.values(verdicts).reduce((sum, count) => sum + count, 0);
    return messages("process", all);
  });
  read("deadLettersDropped", ({ scorer }) => scorer?.lettersDropped);
  read("scorerLag", ({ scorer }) => scorer?.lag);
  read("scorerMissing", ({ scorer }) => seconds(scorer?.missingMs));
  read("scorerLost", ({ scorer }) => scorer?.lostReports);
  read("scorerLeader", ({ scorer }) => scorer?.leader);
  read("scorerCaughtUp", ({ scorer }) => scorer?.caughtUp);
  read("publications", ({ scorer }) => scorer?.publications);
  read("tablesWritten", ({ scorer }) => scorer?.tablesWritten);
  read("tablesOversized", ({ scorer }) => scorer?.oversized);
  read("modelsUnlisted", ({ scorer }) => scorer?.unlisted);
  read("writeConflicts", ({ scorer }) => scorer?.conflicts);
  read("proberLeader", ({ prober }) => prober?.leader);
  registry.read("probes", ({ fleet }) => {
    const prober = fleet()?.prober;
    if (prober === undefined) {
      return NOTHING;
    }
    const { passed, failed, silent, unpriced, unaffordable } = prober;
    return each({ passed, failed, silent, unpriced, unaffordable });
  });
}

/** Every report that came from the stream has exactly one. */
function verdictsOf(
  scorer: ScorerFigures | undefined,
): Readonly<Record<string, number>> | undefined {
  if (scorer === undefined) {
    return undefined;
  }
  const { folded, ignored, late, duplicate, invalid, undecodable } = scorer.reports;
  const { unknownLayout, tooManyEndpoints, wrongToken } = scorer.reports;
  return {
    folded,
    ignored,
    late,
    duplicate,
    "unknown-layout": unknownLayout,
    invalid,
    "too-many-endpoints": tooManyEndpoints,
    undecodable,
    "wrong-token": wrongToken,
  };
}

function readProcess({ registry }: SourceOptions): void {
  registry.read("openCalls", ({ openCalls }) => one(openCalls()));
  registry.read("loopDelayP50", ({ eventLoop }) => one(seconds(eventLoop()?.p50Ms)));
  registry.read("loopDelayP99", ({ eventLoop }) => one(seconds(eventLoop()?.p99Ms)));
  registry.read("loopDelayMax", ({ eventLoop }) => one(seconds(eventLoop()?.maxMs)));
  registry.read("cpuTime", ({ process }) => {
    const figures = process();
    return each(
      figures && { user: figures.cpuUserMs / 1_000, system: figures.cpuSystemMs / 1_000 },
    );
  });
  registry.read("memory", ({ process }) => one(process()?.residentBytes));
  registry.read("heapUsed", ({ process }) => one(process()?.heapUsedBytes));
  registry.read("uptime", ({ process }) => one(seconds(process()?.uptimeMs)));
}

function readSpans({ registry }: SourceOptions): void {
  registry.read("spans", ({ spans }) => {
    const figures = spans();
    if (figures === undefined) {
      return NOTHING;
    }
    const { exported, dropped, failed } = figures;
    return each({ exported, dropped, failed });
  });
  registry.read("leftOutCalls", ({ leftOutCalls }) => one(leftOutCalls()));
  registry.read("leftOutSpans", ({ fleet }) => {
    const figures = fleet();
    const { scorer, apply } = figures ?? {};
    return each({
      ...(scorer && { process: scorer.spansDropped }),
      ...(apply && { apply: apply.givenUp + apply.refused }),
    });
  });
}
