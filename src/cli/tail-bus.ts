import { fromBinary, toJson } from "@bufbuild/protobuf";
import { HealthReportSchema } from "../../gen/atlas/events/v1/health_report_pb.ts";
import type { Bus, BusStatus, KeyValueEntry, StoredReport } from "../domain/bus.ts";
import { VERSION_KEY } from "../health/endpoint-token.ts";
import { decodeReport } from "../health/report-codec.ts";
import { decodeTable, decodeVersion } from "../health/table-codec.ts";
import { describeReport } from "./describe-report.ts";
import { formatNumberOf } from "./figures.ts";
import { printableLine } from "./printable-text.ts";
import { timeOfDay } from "./time-of-day.ts";

export type TailBusOptions = {
  /** Takes what passes, in whole lines. */
  readonly write: (text: string) => void;
  /** Takes what is about the bus itself. */
  readonly note: (text: string) => void;
  /** One document of JSON in each line in place of words. */
  readonly json: boolean;
  /** Only what is about this endpoint; absent: everything. */
  readonly endpoint: string | undefined;
};

/** Shows what passes on the bus from now on: reports, tables of scores, and what nobody can read. */
export function tailBus(bus: Bus, options: TailBusOptions): { stop(): Promise<void> } {
  const { note, endpoint } = options;
  const print = createPrinter(options);
  const tell = (status: BusStatus) => note(`the bus is ${status}\n`);
  tell(bus.status());
  const ignore = bus.onStatus(tell);
  const reports = bus.reports.follow({
    began: () => undefined,
    caughtUp: () => undefined,
    take(stored) {
      const report = decodeReport(stored.bytes);
      if ("problem" in report) {
        print.problem(stored, report.problem);
      } else if (endpoint === undefined || report.endpoint === endpoint) {
        print.report(stored, describeReport(report));
      }
    },
  });
  const tables = bus.scores.watch((entry) => {
    if (endpoint === undefined || entry.key !== VERSION_KEY) {
      print.entry(entry);
    }
  });
  return {
    async stop() {
      ignore();
      await Promise.all([reports.stop(), tables.stop()]);
    },
  };
}

type Printer = {
  report(stored: StoredReport, text: string): void;
  problem(stored: StoredReport, problem: string): void;
  entry(entry: KeyValueEntry): void;
};

function createPrinter({ json, write, endpoint }: TailBusOptions): Printer {
  const line = (value: object) => write(`${JSON.stringify(value)}\n`);
  const words = (atMs: number, text: string) =>
    write(`${timeOfDay(atMs)}  ${printableLine(text)}\n`);
  return {
    report({ sequence, storedAtMs, bytes }, text) {
      if (json) {
        // What decodeReport took is a message of this type.
        const report = toJson(HealthReportSchema, fromBinary(HealthReportSchema, bytes));
        line({ report, sequence, storedAtMs });
      } else {
        words(storedAtMs, `#${sequence}  ${text}`);
      }
    },
    problem({ sequence, storedAtMs, token }, problem) {
      if (json) {
        line({ problem, sequence, storedAtMs, token });
      } else {
        words(storedAtMs, `#${sequence}  ${token}: cannot be read: ${problem}`);
      }
    },
    entry({ key, value, revision }) {
      const { atMs, text, facts } = describeEntry(key, value, endpoint);
      if (text === undefined) {
        return;
      }
      if (json) {
        line({ scores: { key, revision, ...facts } });
      } else {
        words(atMs, text);
      }
    },
  };
}

type DescribedEntry = {
  readonly atMs: number;
  /** Absent: nothing of it was asked for. */
  readonly text: string | undefined;
  readonly facts: object;
};

function describeEntry(
  key: string,
  value: Uint8Array,
  endpoint: string | undefined,
): DescribedEntry {
  if (key === VERSION_KEY) {
    const version = decodeVersion(value);
    if ("problem" in version) {
      return unreadable(key, version.problem);
    }
    const { position, modelCount, publisher } = version;
    return {
      atMs: position.asOfMs,
      text: `scores as of #${position.asOfSequence}: ${formatNumberOf(modelCount, "model")}, published by ${publisher}`,
      facts: { position, modelCount, publisher },
    };
  }
  const table = decodeTable(value);
  if ("problem" in table) {
    return unreadable(key, table.problem);
  }
  const { position, model, endpoints } = table;
  const wanted = endpoints.filter((each) => endpoint === undefined || each.endpoint === endpoint);
  const counts = wanted.map(
    ({ endpoint: id, successes, failures, rateLimited, goodMinutes, observedMinutes }) =>
      `${id} ${successes} ok ${failures} failed ${rateLimited} rate limited, ` +
      `${goodMinutes} of ${observedMinutes} min good`,
  );
  return {
    atMs: position.asOfMs,
    text:
      wanted.length === 0
        ? undefined
        : `scores of ${model} as of #${position.asOfSequence}: ${counts.join("; ")}`,
    facts: { position, model, endpoints: wanted },
  };
}

function unreadable(key: string, problem: string): DescribedEntry {
  return { atMs: 0, text: `${key}: cannot be read: ${problem}`, facts: { problem } };
}
