import { collectionSeconds, messageSeconds } from "./buckets.ts";
import type { LabelKey } from "./labels.ts";
import type { MetricDefinition } from "./metric-definition.ts";

const MESSAGING = "https://opentelemetry.io/docs/specs/semconv/messaging/messaging-metrics/";
const PROCESS = "https://opentelemetry.io/docs/specs/semconv/system/process-metrics/";
const NODEJS = "https://opentelemetry.io/docs/specs/semconv/runtime/nodejs-metrics/";
const V8 = "https://opentelemetry.io/docs/specs/semconv/runtime/v8js-metrics/";

const message: readonly LabelKey[] = ["messagingSystem", "messagingOperation", "destination"];
const endpoint: readonly LabelKey[] = ["model", "endpoint"];

/** One of our own, without labels. */
function own<Type extends "counter" | "gauge">(
  name: string,
  type: Type,
  unit: string,
  meaning: string,
) {
  return { name, type, unit, labels: [], meaning } as const;
}

/** What this replica thinks of its endpoints, and how old the scores are that it plans with. */
export const endpointMetrics = {
  breaker: {
    name: "atlas.endpoint.breaker",
    type: "gauge",
    unit: "{state}",
    labels: endpoint,
    meaning: "Breaker of the endpoint in this replica: 0 closed, 1 half-open, 2 open.",
  },
  limit: {
    name: "atlas.endpoint.limit",
    type: "gauge",
    unit: "{attempt}",
    labels: endpoint,
    meaning: "Attempts at a time that the endpoint takes, as learnt.",
  },
  inFlight: {
    name: "atlas.endpoint.in_flight",
    type: "gauge",
    unit: "{attempt}",
    labels: endpoint,
    meaning: "Attempts that run at the endpoint.",
  },
  blocked: {
    name: "atlas.endpoint.blocked",
    type: "gauge",
    unit: "{endpoint}",
    labels: [...endpoint, "block"],
    meaning: "1 while the endpoint takes no call, with the reason; left out while it does.",
  },
  catalogRevision: own(
    "atlas.catalog.revision",
    "gauge",
    "{revision}",
    "Grows with every change of the catalogue.",
  ),
  scoreRevision: own(
    "atlas.scores.revision",
    "gauge",
    "{revision}",
    "Grows with every snapshot of scores that is planned with.",
  ),
  scorePosition: own(
    "atlas.scores.position",
    "gauge",
    "{report}",
    "Position in the stream of reports as of which the scores are; left out before any.",
  ),
  scoreAge: own(
    "atlas.scores.age",
    "gauge",
    "s",
    "Since the newest report in the scores; left out before any.",
  ),
  scoresStale: own(
    "atlas.scores.stale",
    "gauge",
    "{replica}",
    "1 while the scores are older than 15 s or there are none, else 0.",
  ),
  scoresVerified: own(
    "atlas.scores.verified",
    "gauge",
    "{replica}",
    "1 while the scores are exactly those that the scorer published, else 0.",
  ),
  scoreRepairs: own(
    "atlas.scores.repairs",
    "counter",
    "{repair}",
    "Times that all scores were read again, because they were not those that the scorer published.",
  ),
  scoreRebuilds: own(
    "atlas.scores.rebuilds",
    "counter",
    "{watch}",
    "Watches of the scores that were found dead and made anew.",
  ),
  ignoredEntries: {
    name: "atlas.scores.ignored_entries",
    type: "counter",
    unit: "{entry}",
    labels: ["ignoredEntry"],
    meaning: "Entries of the published scores that were not taken.",
  },
} as const satisfies Record<string, MetricDefinition>;

/** Health over NATS. Where health stays within the process, what tells of NATS alone is left out. */
export const fleetMetrics = {
  busConnected: own(
    "atlas.bus.connected",
    "gauge",
    "{connection}",
    "1 while NATS is connected, else 0; left out where health stays within the process.",
  ),
  busReconnects: own(
    "atlas.bus.reconnects",
    "counter",
    "{connection}",
    "Connections to NATS after the first one; left out where health stays within the process.",
  ),
  clockSkew: own(
    "atlas.bus.clock_skew",
    "gauge",
    "s",
    "The clock of this process less that of NATS; left out before it is known, and where health stays within the process.",
  ),
  outboxDeltas: own("atlas.outbox.deltas", "gauge", "{delta}", "Sums that wait to be told."),
  outboxSignals: own(
    "atlas.outbox.signals",
    "gauge",
    "{signal}",
    "Urgent signals that wait to be told.",
  ),
  outboxUnacknowledged: own(
    "atlas.outbox.unacknowledged",
    "gauge",
    "{report}",
    "Reports that were tried and not confirmed yet.",
  ),
  outboxSize: own("atlas.outbox.size", "gauge", "By", "Memory of what waits, from above."),
  droppedDeltas: own(
    "atlas.outbox.dropped_deltas",
    "counter",
    "{delta}",
    "Sums that were given up: nobody would count them any more.",
  ),
  droppedObservations: own(
    "atlas.outbox.dropped_observations",
    "counter",
    "{observation}",
    "Attempts that were not told of: too many endpoints had something to tell.",
  ),
  droppedSignals: own(
    "atlas.outbox.dropped_signals",
    "counter",
    "{signal}",
    "Urgent signals that were given up: they lapsed before they could be told, or there were too many.",
  ),
  outboxLapsed: own(
    "atlas.outbox.lapsed",
    "counter",
    "{report}",
    "Reports that nobody would count any more when they could have been told.",
  ),
  reportsUnconfirmed: own(
    "atlas.reports.unconfirmed",
    "counter",
    "{report}",
    "Reports that the bus did not confirm; each is sent again.",
  ),
  reportsRejected: own(
    "atlas.reports.rejected",
    "counter",
    "{report}",
    "Reports that the bus will never take: a defect of either side.",
  ),
  sentMessages: {
    name: "messaging.client.sent.messages",
    type: "counter",
    unit: "{message}",
    labels: message,
    meaning: "Health reports that NATS confirmed.",
    convention: MESSAGING,
  },
  consumedMessages: {
    name: "messaging.client.consumed.messages",
    type: "counter",
    unit: "{message}",
    labels: message,
    meaning: "Health reports that the scorer took from the stream.",
    convention: MESSAGING,
  },
  publishDuration: {
    name: "messaging.client.operation.duration",
    type: "histogram",
    unit: "s",
    buckets: messageSeconds,
    labels: [...message, "busFailure"],
    meaning: "From handing a health report to NATS to its answer.",
    convention: MESSAGING,
  },
  scorerReports: {
    name: "atlas.scorer.reports",
    type: "counter",
    unit: "{report}",
    labels: ["verdict"],
    meaning: "Reports by what the scorer made of them; each has one verdict.",
  },
  deadLettersDropped: own(
    "atlas.scorer.dead_letters_dropped",
    "counter",
    "{report}",
    "Unreadable reports of which no copy could be kept as a dead letter.",
  ),
  scorerLag: own("atlas.scorer.lag", "gauge", "{report}", "Reports stored and not folded yet."),
  scorerMissing: own(
    "atlas.scorer.replay_missing",
    "gauge",
    "s",
    "Part of the window, from its beginning, of which reports were lost before the scorer could fold them.",
  ),
  scorerLost: own(
    "atlas.scorer.reports_lost",
    "counter",
    "{report}",
    "Reports of the window that the stream no longer had, as far as its numbers tell.",
  ),
  scorerLeader: own(
    "atlas.scorer.leader",
    "gauge",
    "{scorer}",
    "1 while this scorer publishes the scores, else 0.",
  ),
  scorerCaughtUp: own(
    "atlas.scorer.caught_up",
    "gauge",
    "{scorer}",
    "1 once everything has been folded that was stored at the start, else 0.",
  ),
  publications: own(
    "atlas.scorer.publications",
    "counter",
    "{version}",
    "Versions of the scores that this scorer published.",
  ),
  tablesWritten: own(
    "atlas.scorer.tables_written",
    "counter",
    "{table}",
    "Tables of scores that this scorer wrote: one for each model that changed.",
  ),
  tablesOversized: own(
    "atlas.scorer.oversized_tables",
    "counter",
    "{table}",
    "Tables of scores that were too large to be written.",
  ),
  modelsUnlisted: own(
    "atlas.scorer.unlisted_models",
    "gauge",
    "{model}",
    "Models of reports that have no scores: the catalogue lacks them, and 1,000 others are kept already.",
  ),
  writeConflicts: own(
    "atlas.scorer.write_conflicts",
    "counter",
    "{write}",
    "Writes of scores that met those of another scorer.",
  ),
  proberLeader: own(
    "atlas.prober.leader",
    "gauge",
    "{prober}",
    "1 while this prober probes for all, else 0.",
  ),
  probes: {
    name: "atlas.probes",
    type: "counter",
    unit: "{probe}",
    labels: ["probeResult"],
    meaning: "Probes of endpoints without traffic, and those that were left out.",
  },
} as const satisfies Record<string, MetricDefinition>;

/** The process itself, and what it tells of itself. */
export const processMetrics = {
  loopDelayP50: {
    ...own("nodejs.eventloop.delay.p50", "gauge", "s", "Median delay of the event loop."),
    convention: NODEJS,
  },
  loopDelayP99: {
    ...own("nodejs.eventloop.delay.p99", "gauge", "s", "99th percentile of the delay."),
    convention: NODEJS,
  },
  loopDelayMax: {
    ...own("nodejs.eventloop.delay.max", "gauge", "s", "Longest delay."),
    convention: NODEJS,
  },
  cpuTime: {
    name: "process.cpu.time",
    type: "counter",
    unit: "s",
    labels: ["cpuMode"],
    meaning: "Processor time used.",
    convention: PROCESS,
  },
  memory: {
    ...own("process.memory.usage", "gauge", "By", "Resident memory."),
    convention: PROCESS,
  },
  heapUsed: {
    ...own("v8js.memory.heap.used", "gauge", "By", "Heap in use."),
    convention: V8,
  },
  uptime: {
    ...own("process.uptime", "gauge", "s", "Since the process began."),
    convention: PROCESS,
  },
  gcDuration: {
    name: "v8js.gc.duration",
    type: "histogram",
    unit: "s",
    buckets: collectionSeconds,
    labels: ["gcType"],
    meaning: "Garbage collections.",
    convention: V8,
  },
  spans: {
    name: "atlas.spans",
    type: "counter",
    unit: "{span}",
    labels: ["spanResult"],
    meaning:
      "Spans that were exported, dropped because the queue was full, or refused by the collector.",
  },
  leftOutCalls: own(
    "atlas.traces.left_out",
    "counter",
    "{call}",
    "Calls and RPCs worth a trace that got none, because there were too many in that second.",
  ),
  leftOutSpans: {
    name: "atlas.spans.left_out",
    type: "counter",
    unit: "{span}",
    labels: ["leftOutSpan"],
    meaning: "Spans of health reports that were not made: there were too many, or no end was seen.",
  },
  overflows: own(
    "atlas.metrics.overflows",
    "counter",
    "{series}",
    "Times that a series found no place: counts go to the one for all of them, readings are left out.",
  ),
  callbackFailures: own(
    "atlas.metrics.failed_readings",
    "counter",
    "{reading}",
    "Readings that threw: their metrics were left out of one collection.",
  ),
} as const satisfies Record<string, MetricDefinition>;
