import type { LiveView } from "../domain/score.ts";

/**
 * Where figures are read that somebody else keeps. Each is asked at most once a collection, must be quick,
 * and may be left out, which leaves out its metrics.
 */
export type MetricSources = {
  /** Read for every endpoint, metric by metric. */
  readonly live?: LiveView;
  readonly fleet?: () => FleetFigures;
  /** RPCs that run, on all listeners. */
  readonly openCalls?: () => number;
  /** Its figures may begin anew with each collection. */
  readonly eventLoop?: () => EventLoopFigures;
  readonly process?: () => ProcessFigures;
  /** Since the process began. */
  readonly spans?: () => SpanFigures;
  /** Calls and RPCs worth a trace that got none, since the process began. */
  readonly leftOutCalls?: () => number;
};

/**
 * How a process stands with its fleet, in plain numbers. Yes is 1 and no is 0; what has no unit in its
 * name is a count, and counts of events only grow, from the begin of the process.
 */
export type FleetFigures = {
  /** Absent where health stays within the process. */
  readonly bus:
    | {
        readonly connected: number;
        /** Connections after the first one. */
        readonly reconnects: number;
      }
    | undefined;
  readonly scores: ScoreFigures;
  readonly outbox: {
    /** Sums that wait, of endpoint and slice each. */
    readonly deltas: number;
    readonly signals: number;
    readonly unacknowledged: number;
    /** Of deltas that wait: an estimate, from above. */
    readonly bytes: number;
  };
  readonly reports: ReportFigures;
  /** Absent where no scorer runs. */
  readonly scorer: ScorerFigures | undefined;
  /** Absent where no prober runs. */
  readonly prober: ProberFigures | undefined;
  /** Spans `atlas.scores.apply`. Absent where none are made. */
  readonly apply:
    | {
        /** Waited too long, or for a stream that is gone. */
        readonly givenUp: number;
        /** Not waited for, because too many were. */
        readonly refused: number;
      }
    | undefined;
};

/** Of the scores that are planned with. */
export type ScoreFigures = {
  readonly revision: number;
  /** Absent before any scores. */
  readonly ageMs: number | undefined;
  /** Our clock less the bus's; absent before it is known. */
  readonly clockSkewMs: number | undefined;
  /** Position in the stream as of which they are; absent before any scores. */
  readonly asOfSequence: number | undefined;
  readonly stale: number;
  /** All tables are those that the version tells of. */
  readonly verified: number;
  /** Times that everything was read again because something was missing. */
  readonly repairs: number;
  /** Times that the watch was found dead. */
  readonly rebuilds: number;
  /** Entries that were not newer than what was known. */
  readonly refused: number;
  readonly unknownAlgorithm: number;
  readonly undecodable: number;
};

/** Of this process's own reports. */
export type ReportFigures = {
  readonly published: number;
  /** Tries that the bus did not confirm; such reports are sent again. */
  readonly unconfirmed: number;
  /** The bus will never take them. */
  readonly rejected: number;
  /** Tried and given up, because nobody would count them any more. */
  readonly lapsed: number;
  readonly droppedDeltas: number;
  readonly droppedSignals: number;
  readonly droppedObservations: number;
};

export type ScorerFigures = {
  readonly leader: number;
  readonly caughtUp: number;
  /** Reports stored and not folded yet. */
  readonly lag: number;
  /** Part of the window of which reports were lost. */
  readonly missingMs: number;
  /** Reports that the stream no longer had, as far as its numbers tell. */
  readonly lostReports: number;
  /** Reports that came from the stream since the start, those that were read again among them. */
  readonly reports: {
    readonly folded: number;
    /** Of use to people alone. */
    readonly ignored: number;
    readonly late: number;
    readonly duplicate: number;
    readonly unknownLayout: number;
    readonly invalid: number;
    readonly tooManyEndpoints: number;
    readonly undecodable: number;
    readonly wrongToken: number;
  };
  /** Dead letters of which no copy was kept. */
  readonly lettersDropped: number;
  /** Versions written. */
  readonly publications: number;
  readonly tablesWritten: number;
  /** Writes that met another's. */
  readonly conflicts: number;
  /** Tables too large to be written. */
  readonly oversized: number;
  /** Models that the catalogue lacks, beyond those that have tables. */
  readonly unlisted: number;
  /** Spans beyond the limit. */
  readonly spansDropped: number;
};

export type ProberFigures = {
  readonly leader: number;
  readonly passed: number;
  readonly failed: number;
  /** Answers that say nothing about health. */
  readonly silent: number;
  /** Left out because nobody knows what they would cost. */
  readonly unpriced: number;
  /** Left out because the allowance was used up. */
  readonly unaffordable: number;
};

export type EventLoopFigures = {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
};

export type ProcessFigures = {
  readonly uptimeMs: number;
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
};

export type SpanFigures = {
  readonly exported: number;
  readonly dropped: number;
  readonly failed: number;
};

/** What the sources say in one collection: the same to whoever asks, `undefined` when there is no such source. */
export type Figures = {
  readonly live: LiveView | undefined;
  readonly fleet: () => FleetFigures | undefined;
  readonly openCalls: () => number | undefined;
  readonly eventLoop: () => EventLoopFigures | undefined;
  readonly process: () => ProcessFigures | undefined;
  readonly spans: () => SpanFigures | undefined;
  readonly leftOutCalls: () => number | undefined;
};

/** For one collection. Asks each source when its figures are first wanted: a collection may never be shown. */
export function figuresOf(sources: MetricSources): Figures {
  return {
    live: sources.live,
    fleet: once(sources.fleet),
    openCalls: once(sources.openCalls),
    eventLoop: once(sources.eventLoop),
    process: once(sources.process),
    spans: once(sources.spans),
    leftOutCalls: once(sources.leftOutCalls),
  };
}

/** What throws does so once, and is not there after that. */
function once<T>(read: (() => T) | undefined): () => T | undefined {
  let isAsked = false;
  let figures: T | undefined;
  return () => {
    if (!isAsked) {
      isAsked = true;
      figures = read?.();
    }
    return figures;
  };
}
