import type { JsMsg } from "@nats-io/jetstream";
import { errors, type MsgHdrs } from "@nats-io/transport-node";
import {
  BusPassedOver,
  BusUnavailable,
  type OutgoingReport,
  type ReportLog,
  type StoredReport,
} from "../domain/bus.ts";
import { reportProblem } from "../domain/bus-rules.ts";
import type { Log, NowMs, Schedule } from "../domain/ports.ts";
import type { AckedMessage } from "./acked-publisher.ts";
import {
  describeError,
  isMissing,
  isRefusal,
  isTooLarge,
  PassedOverError,
  toReportError,
} from "./bus-error.ts";
import type { NatsLink, NatsSession } from "./nats-link.ts";
import { readStream, storedAtMsOf } from "./stream-reader.ts";
import { REPORT_PREFIX, REPORT_STREAM } from "./streams.ts";

export type NatsReportLogOptions = {
  readonly link: NatsLink;
  readonly nowMs: NowMs;
  readonly schedule: Schedule;
  readonly log: Log;
};

/** Leaves a rest of the 10 s of the contract for the last answer. */
const PUBLISH_PATIENCE_MS = 8_000;

/** For one confirmation. */
const ACK_TIMEOUT_MS = 2_000;

/** Once may be a stream that changes its leader. */
const PASSED_OVER = 2;

/** What waits for the server at once; more is refused, so that a sender without bounds is told. */
const MAX_WAITING = 4_096;

/** 512 reports of at most 64 KiB: 32 MiB at worst, 100 KiB as a rule. */
const BATCH = 512;

/** A report until its fate is known. */
type Sending = AckedMessage & {
  readonly reject: (error: Error) => void;
  /** When nobody waits for it any more. */
  readonly untilMs: number;
  deadlineMs: number;
  session: NatsSession | undefined;
  failures: number;
  /** The latest. */
  isUnanswered: boolean;
  /** The latest of them, in a row. */
  passedOver: number;
};

type Publishing = Pick<NatsReportLogOptions, "link" | "nowMs"> & {
  /** Reports whose fate is not known. */
  waiting: number;
};

/** The stream of reports on JetStream. */
export function createNatsReportLog(options: NatsReportLogOptions): ReportLog {
  const { link, nowMs, schedule, log } = options;
  const publishing: Publishing = { link, nowMs, waiting: 0 };
  return {
    publish: (report) => publish(publishing, report),

    follow({ sinceMs, began, lost, take, caughtUp }) {
      return readStream({
        link,
        schedule,
        log,
        stream: REPORT_STREAM,
        batch: BATCH,
        from: sinceMs === undefined ? { kind: "new" } : { kind: "since", sinceMs },
        began,
        lost,
        caughtUp,
        take: (message) => take(toStoredReport(message)),
      });
    },
  };
}

/** A thousand times a second: one that goes well costs one promise and no timer. */
function publish(state: Publishing, report: OutgoingReport): Promise<number> {
  const problem = reportProblem(report);
  if (problem !== undefined) {
    return Promise.reject(new RangeError(problem));
  }
  if (state.waiting >= MAX_WAITING) {
    return Promise.reject(new BusUnavailable(`${state.waiting} reports wait for NATS already`));
  }
  state.waiting++;
  const { token, bytes, id, headers } = report;
  return new Promise((resolve, reject) => {
    const now = state.nowMs();
    const sending: Sending = {
      subject: REPORT_PREFIX + token,
      bytes,
      id,
      headers,
      stored(position) {
        state.waiting--;
        resolve(position);
      },
      failed: (error) => repeat(state, sending, error),
      reject,
      untilMs: now + PUBLISH_PATIENCE_MS,
      deadlineMs: 0,
      session: undefined,
      failures: 0,
      isUnanswered: false,
      passedOver: 0,
    };
    begin(state, sending, now);
  });
}

function begin(state: Publishing, sending: Sending, now: number): void {
  const { link, nowMs } = state;
  const session = link.current();
  if (session === undefined) {
    link.session(sending.untilMs - now).then(
      (next) => sendOn(next, sending, nowMs()),
      (error: unknown) => giveUp(state, sending, error),
    );
  } else {
    sendOn(session, sending, now);
  }
}

function sendOn(session: NatsSession, sending: Sending, now: number): void {
  sending.session = session;
  sending.deadlineMs = Math.min(now + ACK_TIMEOUT_MS, sending.untilMs);
  session.publisher.publish(sending);
  if (sending.isUnanswered) {
    // Perhaps nothing is sent behind it, because its sender waits for it.
    session.publisher.echo(sending.subject);
  }
}

/** The same id and the same bytes: what was stored without our knowing is stored once. */
function repeat(state: Publishing, sending: Sending, error: Error): void {
  const { link, nowMs } = state;
  if (sending.session !== undefined && isMissing(error)) {
    link.suspect(sending.session);
  }
  sending.isUnanswered = error instanceof errors.TimeoutError;
  sending.passedOver = error instanceof PassedOverError ? sending.passedOver + 1 : 0;
  const pauseMs = link.pauses.backoffMs(sending.failures++);
  if (isRefusal(error) || isTooLarge(error) || nowMs() + pauseMs >= sending.untilMs) {
    giveUp(state, sending, sending.passedOver < PASSED_OVER ? error : toPassedOver(error));
    return;
  }
  link.guard(link.pauses.pause(pauseMs)).then(
    () => begin(state, sending, nowMs()),
    (reason: unknown) => giveUp(state, sending, reason),
  );
}

function giveUp(state: Publishing, { reject }: Sending, error: unknown): void {
  state.waiting--;
  reject(toReportError(error));
}

function toPassedOver(cause: Error): BusPassedOver {
  return new BusPassedOver(`NATS passes it over: ${describeError(cause)}`, { cause });
}

function toStoredReport(message: JsMsg): StoredReport {
  return {
    token: message.subject.slice(REPORT_PREFIX.length),
    sequence: message.seq,
    storedAtMs: storedAtMsOf(message),
    bytes: message.data,
    headers: fieldsOf(message.headers),
  };
}

function fieldsOf(headers: MsgHdrs | undefined): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {};
  for (const [name, values] of headers ?? []) {
    const lower = name.toLowerCase();
    const [value] = values;
    if (!lower.startsWith("nats-") && value !== undefined) {
      fields[lower] = value;
    }
  }
  return fields;
}
