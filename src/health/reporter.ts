import {
  BusPassedOver,
  BusRefused,
  BusUnavailable,
  type OutgoingReport,
  type ReportLog,
} from "../domain/bus.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { Log, NowMs, ObservationSink, Random, Schedule } from "../domain/ports.ts";
import type { SpanSink } from "../domain/trace.ts";
import { TURN_MS } from "./delta-backlog.ts";
import { tokenOf } from "./endpoint-token.ts";
import { createOutbox, type Draft, type Outbox, type OutboxStats } from "./outbox.ts";
import { type ConfirmedReport, createPublishTracer, type PublishTracer } from "./publish-tracer.ts";
import { encodeReport } from "./report-codec.ts";
import type { SpanContext } from "./span-context.ts";
import type { Sending } from "./unacknowledged.ts";
import type { UrgentSignal } from "./urgent-signals.ts";

/**
 * Tells the others what this process learns about endpoints.
 *
 * Attempts are summed up and told once a second for every endpoint that has some; signals are told at
 * once. Nothing waits for the bus: while it is away the outbox keeps sums, and everything in it is
 * tried again with growing pauses until the bus confirms. Only reports that nobody would count any more,
 * and those that the bus will never take, are given up.
 */
export type Reporter = {
  /** On the path of every call: O(1), and nothing is allocated but the first time in a second. */
  readonly observe: ObservationSink;
  /** Never throws. `origin` is the attempt that showed it, if its span is kept. */
  signal(endpoint: EndpointId, signal: UrgentSignal, origin?: SpanContext): void;
  stats(): ReporterStats;
  /** Tells what is left, for up to 2 s, and then nothing more. Never rejects. */
  close(): Promise<void>;
};

export type ReporterStats = OutboxStats & {
  /** Confirmed by the bus. */
  readonly published: number;
  /** Not confirmed; each of them is sent again. */
  readonly unconfirmed: number;
  /** The bus will never take them, for want of a right or by a defect of either side. */
  readonly rejected: number;
};

export type ReporterOptions = {
  readonly reports: Pick<ReportLog, "publish">;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  /** Spreads the pauses of replicas that lost the bus together. */
  readonly random: Random;
  /** Unique in the deployment, 1 to 64 characters. */
  readonly producer: string;
  /** Random at start, unsigned 64 bits. */
  readonly boot: bigint;
  /** `undefined`: not known. Must not throw. */
  readonly modelOf: (endpoint: EndpointId) => string | undefined;
  readonly log: Log;
  /**
   * Takes a PRODUCER span of every report that tells of attempts whose spans are kept, when it is stored;
   * such reports carry its W3C context. Absent: nothing is remembered of traces.
   */
  readonly spans?: SpanSink;
  /** `messaging.system.name` in spans. Default `nats`. */
  readonly system?: string;
  /** Told of every report with a span when it is stored. Must not throw. */
  readonly confirmed?: (report: ConfirmedReport) => void;
  /** With something to tell. Default 10,000. */
  readonly maxEndpoints?: number;
};

const FIRST_PAUSE_MS = 250;

/** Part of the 5 s in which all replicas agree again once the bus is back. */
const MAX_PAUSE_MS = 1_000;

const CLOSE_MS = 2_000;
const PROBLEM_LOG_MS = 60_000;

/** In that time, of refused endpoints. */
const MAX_REFUSALS_LOGGED = 10;

const problems = {
  refusal: "the bus refuses a health report",
  span: "whoever takes the spans of health reports failed",
} as const;

type Problem = keyof typeof problems;

type State = {
  readonly options: ReporterOptions;
  readonly outbox: Outbox;
  readonly tracer: PublishTracer | undefined;
  published: number;
  unconfirmed: number;
  rejected: number;
  readonly loggedAtMs: Record<Problem, number>;
  refusals: { readonly sinceMs: number; readonly logged: number };
  /** Failures since the bus last confirmed something, those of one pause counted once. */
  failures: number;
  cancelTurn: (() => void) | undefined;
  /** Present: something is held back until then. */
  cancelResuming: (() => void) | undefined;
  /** Present: nothing is sent until then. */
  cancelPause: (() => void) | undefined;
  /** Present from `close` on. */
  closing: { readonly done: Promise<void>; readonly finish: () => void } | undefined;
  isPumping: boolean;
  isPumpAsked: boolean;
  isClosed: boolean;
};

export function createReporter(options: ReporterOptions): Reporter {
  const { nowMs, maxEndpoints } = options;
  const limits = maxEndpoints === undefined ? {} : { maxEndpoints };
  const tracer = tracerOf(options);
  const idOf = idsOf(options);
  const freeze = (draft: Draft) => {
    const report = freezeReport(options, draft, idOf(draft.sequence));
    return tracer === undefined ? report : tracer.begin(report, draft);
  };
  const state: State = {
    options,
    outbox: createOutbox({ freeze, keepsOrigins: tracer !== undefined, ...limits }, nowMs()),
    tracer,
    published: 0,
    unconfirmed: 0,
    rejected: 0,
    loggedAtMs: { refusal: Number.NEGATIVE_INFINITY, span: Number.NEGATIVE_INFINITY },
    refusals: { sinceMs: Number.NEGATIVE_INFINITY, logged: 0 },
    failures: 0,
    cancelTurn: undefined,
    cancelResuming: undefined,
    cancelPause: undefined,
    closing: undefined,
    isPumping: false,
    isPumpAsked: false,
    isClosed: false,
  };
  return {
    observe(observation) {
      if (!state.isClosed) {
        state.outbox.observe(observation);
        scheduleTurn(state);
      }
    },
    signal(endpoint, signal, origin) {
      if (!state.isClosed) {
        state.outbox.signal(endpoint, signal, nowMs(), origin);
        pump(state);
      }
    },
    stats() {
      const { published, unconfirmed, rejected } = state;
      return { ...state.outbox.stats(), published, unconfirmed, rejected };
    },
    close: () => close(state),
  };
}

/** Of reports by their sequence. */
function idsOf({ producer, boot }: ReporterOptions): (sequence: number) => string {
  const start = `${producer}:${boot}:`;
  return (sequence) => start + sequence;
}

function freezeReport(options: ReporterOptions, draft: Draft, id: string): OutgoingReport {
  const { producer, boot, modelOf } = options;
  const { sequence, endpoint, observedAtMs, signal } = draft;
  const model = modelOf(endpoint) ?? "";
  const bytes = encodeReport({
    producer,
    boot,
    sequence,
    endpoint,
    model,
    observedAtMs,
    signal,
  });
  return { token: draft.token ?? tokenOf(endpoint), id, bytes };
}

function tracerOf(options: ReporterOptions): PublishTracer | undefined {
  const { spans, system = "nats", confirmed, nowMs, random } = options;
  return (
    spans && createPublishTracer({ sink: spans, system, onConfirmed: confirmed, nowMs, random })
  );
}

/** Turns go on for as long as an endpoint has something to tell. */
function scheduleTurn(state: State): void {
  if (state.cancelTurn !== undefined || !state.outbox.wantsTurns()) {
    return;
  }
  const { nowMs, schedule } = state.options;
  // Timers know whole milliseconds: one that is rounded down comes before its turn, and a second time.
  const delayMs = Math.ceil(TURN_MS - (nowMs() % TURN_MS));
  state.cancelTurn = schedule(delayMs, () => {
    state.cancelTurn = undefined;
    state.outbox.turn(nowMs());
    pump(state);
    scheduleTurn(state);
  });
}

function pump(state: State): void {
  const { outbox, options, closing } = state;
  if (state.isClosed || state.isPumping || isPaused(state)) {
    return;
  }
  state.isPumping = true;
  const nowMs = options.nowMs();
  let sending = outbox.next(nowMs);
  while (sending !== undefined) {
    send(state, sending);
    sending = isPaused(state) ? undefined : outbox.next(nowMs);
  }
  state.isPumping = false;
  if (closing !== undefined && outbox.isEmpty()) {
    closing.finish();
  } else {
    scheduleResuming(state, nowMs);
  }
}

function scheduleResuming(state: State, nowMs: number): void {
  const delayMs = state.outbox.resumesAtMs() - nowMs;
  // What is past waits for room, which comes with an answer.
  if (state.cancelResuming === undefined && delayMs > 0 && Number.isFinite(delayMs)) {
    state.cancelResuming = state.options.schedule(Math.ceil(delayMs), () => {
      state.cancelResuming = undefined;
      pump(state);
    });
  }
}

/** Many confirmations come together, and are one reason to look what is next. */
function pumpSoon(state: State): void {
  if (!state.isPumpAsked) {
    state.isPumpAsked = true;
    queueMicrotask(() => {
      state.isPumpAsked = false;
      pump(state);
    });
  }
}

function isPaused({ cancelPause }: State): boolean {
  return cancelPause !== undefined;
}

/** No async function: of those a thousand a second cost more. A bus that throws is one that rejects. */
function send(state: State, sending: Sending): void {
  let stored: Promise<number>;
  try {
    stored = state.options.reports.publish(sending.report);
  } catch (error) {
    takeBack(state, sending, error);
    return;
  }
  stored.then(
    (position) => settle(state, sending, position),
    (error: unknown) => takeBack(state, sending, error),
  );
}

function settle(state: State, sending: Sending, position: number): void {
  state.published += 1;
  state.failures = 0;
  state.outbox.acknowledge(sending);
  try {
    state.tracer?.confirmed(sending.report, position);
  } catch (error) {
    // The report is stored all the same, and nobody waits for this.
    logProblem(state, "span", { id: sending.report.id, error });
  }
  pumpSoon(state);
}

function takeBack(state: State, sending: Sending, error: unknown): void {
  const { outbox, options } = state;
  const nowMs = options.nowMs();
  if (error instanceof BusRefused) {
    outbox.refuse(sending, nowMs);
    countRefused(state, sending, error);
  } else if (error instanceof BusPassedOver) {
    state.unconfirmed += 1;
    // No reason to pause: the bus takes others.
    if (outbox.passOver(sending, nowMs)) {
      countRefused(state, sending, error);
    }
  } else if (error instanceof BusUnavailable) {
    state.unconfirmed += 1;
    outbox.retry(sending);
    pause(state);
  } else {
    state.rejected += 1;
    outbox.giveUp(sending);
    const { id, bytes } = sending.report;
    logProblem(state, "refusal", { id, bytes: bytes.length, rejected: state.rejected, error });
  }
  pumpSoon(state);
}

/** An endpoint has one a minute: each is worth a line, unless there are many. */
function countRefused(state: State, { endpoint, report }: Sending, error: Error): void {
  const { log, nowMs } = state.options;
  state.rejected += 1;
  const atMs = nowMs();
  if (atMs - state.refusals.sinceMs >= PROBLEM_LOG_MS) {
    state.refusals = { sinceMs: atMs, logged: 0 };
  }
  const { sinceMs, logged } = state.refusals;
  if (logged < MAX_REFUSALS_LOGGED) {
    state.refusals = { sinceMs, logged: logged + 1 };
    const { rejected } = state;
    log("error", "the bus refuses the health reports of an endpoint", {
      endpoint,
      token: report.token,
      rejected,
      error,
    });
  }
}

/** Each once a minute: what is wrong with one report is likely wrong with all of them. */
function logProblem(
  { options, loggedAtMs }: State,
  problem: Problem,
  fields: Parameters<Log>[2],
): void {
  const nowMs = options.nowMs();
  if (nowMs - loggedAtMs[problem] >= PROBLEM_LOG_MS) {
    loggedAtMs[problem] = nowMs;
    options.log("error", problems[problem], fields);
  }
}

/** Half of a pause is random. What fails while one lasts was sent before it. */
function pause(state: State): void {
  if (isPaused(state) || state.isClosed) {
    return;
  }
  const { schedule, random, log } = state.options;
  const longestMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** state.failures);
  state.failures += 1;
  const delayMs = longestMs / 2 + (random() * longestMs) / 2;
  log("debug", "health reports wait for the bus", { delayMs });
  state.cancelPause = schedule(delayMs, () => {
    state.cancelPause = undefined;
    pump(state);
  });
}

function close(state: State): Promise<void> {
  if (state.closing !== undefined) {
    return state.closing.done;
  }
  const { nowMs, schedule } = state.options;
  const { promise, resolve } = Promise.withResolvers<void>();
  const cancelDeadline = schedule(CLOSE_MS, finish);

  function finish(): void {
    state.isClosed = true;
    cancelDeadline();
    state.cancelTurn?.();
    state.cancelResuming?.();
    state.cancelPause?.();
    resolve();
  }

  state.closing = { done: promise, finish };
  state.outbox.flush(nowMs());
  // One more try at once: the bus may be back.
  state.cancelPause?.();
  state.cancelPause = undefined;
  state.failures = 0;
  pump(state);
  return promise;
}
