import type { JsMsg } from "@nats-io/jetstream";
import type { MsgHdrs } from "@nats-io/transport-node";
import {
  BusUnavailable,
  type OutgoingReport,
  type ReportLog,
  type StoredReport,
} from "../domain/bus.ts";
import { reportProblem } from "../domain/bus-rules.ts";
import type { Log, NowMs, Schedule } from "../domain/ports.ts";
import { isMissing, isRefusal, toBusUnavailable } from "./bus-error.ts";
import type { NatsLink } from "./nats-link.ts";
import { readStream } from "./stream-reader.ts";
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

/** What waits for the server at once; more is refused, so that a sender without bounds is told. */
const MAX_WAITING = 4_096;

/** 512 reports of at most 64 KiB: 32 MiB at worst, 100 KiB as a rule. */
const BATCH = 512;

/** The stream of reports on JetStream. */
export function createNatsReportLog(options: NatsReportLogOptions): ReportLog {
  const { link, nowMs, schedule, log } = options;
  let waiting = 0;

  async function send(report: OutgoingReport, leftMs: number): Promise<number> {
    const session = await link.session(leftMs);
    try {
      return await session.publisher.publish(REPORT_PREFIX + report.token, report.bytes, {
        id: report.id,
        headers: report.headers ?? {},
        timeoutMs: Math.min(ACK_TIMEOUT_MS, leftMs),
      });
    } catch (error) {
      if (isMissing(error)) {
        link.suspect(session);
      }
      throw error;
    }
  }

  async function publishUntilStored(report: OutgoingReport): Promise<number> {
    const deadlineMs = nowMs() + PUBLISH_PATIENCE_MS;
    for (let failures = 0; ; failures++) {
      try {
        return await send(report, deadlineMs - nowMs());
      } catch (error) {
        // The same id and the same bytes: what was stored without our knowing is stored once.
        const pauseMs = link.pauses.backoffMs(failures);
        const given = error instanceof BusUnavailable || isRefusal(error);
        if (given || nowMs() + pauseMs >= deadlineMs) {
          throw toBusUnavailable(error);
        }
        await link.pauses.pause(pauseMs);
      }
    }
  }

  return {
    async publish(report) {
      const problem = reportProblem(report);
      if (problem !== undefined) {
        throw new RangeError(problem);
      }
      if (waiting >= MAX_WAITING) {
        throw new BusUnavailable(`${waiting} reports wait for NATS already`);
      }
      waiting++;
      try {
        return await link.guard(publishUntilStored(report));
      } finally {
        waiting--;
      }
    },

    follow({ sinceMs, began, take, caughtUp }) {
      return readStream({
        link,
        schedule,
        log,
        stream: REPORT_STREAM,
        batch: BATCH,
        from: sinceMs === undefined ? { kind: "new" } : { kind: "since", sinceMs },
        began,
        caughtUp,
        take: (message) => take(toStoredReport(message)),
      });
    },
  };
}

function toStoredReport(message: JsMsg): StoredReport {
  return {
    token: message.subject.slice(REPORT_PREFIX.length),
    sequence: message.seq,
    storedAtMs: Number(message.timestampNanos / 1_000_000n),
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
