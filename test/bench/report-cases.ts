/**
 * What it costs a router to tell the others what it learns, and anybody to read it: timed in this very
 * process, without a bus.
 */
import { setImmediate as everybodyElse } from "node:timers/promises";
import type { OutgoingReport } from "../../src/domain/bus.ts";
import type { Endpoint } from "../../src/domain/catalog.ts";
import type { Observation } from "../../src/domain/ports.ts";
import { TURN_MS } from "../../src/health/delta-backlog.ts";
import { decodeReport, encodeReport } from "../../src/health/report-codec.ts";
import { createReporter, type Reporter } from "../../src/health/reporter.ts";
import { exampleEndpoint } from "../support/examples.ts";
import { findNatsBinaries } from "../support/nats-binaries.ts";
import { createNatsServer, type NatsServer } from "../support/nats-process.ts";
import type { BenchCase, CaseResult } from "./bench-case.ts";
import { startProcess } from "./bench-process.ts";
import { observationOf, START_MS } from "./fleet.ts";
import { median, nanosecondsOf, round } from "./statistics.ts";

const ENDPOINTS = 1_000;
const TURNS_PER_SECOND = 1_000 / TURN_MS;
/** Attempts of a turn: 10,000 a second, the most that a core carries. */
const ATTEMPTS = 10_000 / TURNS_PER_SECOND;
const SECONDS = 40;
const WARM_UP_SECONDS = 10;
const PUBLISH_TARGET_PERCENT = 5;
const OBSERVE_TARGET_MICROSECONDS = 1;
const DECODE_TARGET = 100_000;

type Publishing = {
  readonly reporter: Reporter;
  readonly endpoints: readonly Endpoint[];
  readonly reports: OutgoingReport[];
  /** Moves the clock by a turn and waits until all that is due is sent. */
  turn(): Promise<void>;
  nowMs(): number;
};

/** A reporter on a clock of its own, whose bus confirms at once. */
function startPublishing(): Publishing {
  const endpoints = Array.from({ length: ENDPOINTS }, (_, index) =>
    exampleEndpoint(`provider-${index}/one`),
  );
  const reports: OutgoingReport[] = [];
  let nowMs = START_MS;
  let due: (() => void) | undefined;
  const reporter = createReporter({
    reports: {
      async publish(report) {
        return reports.push(report);
      },
    },
    nowMs: () => nowMs,
    schedule(_, task) {
      due = task;
      return () => {};
    },
    random: () => 0.5,
    producer: "router-1",
    boot: 12_345_678_901_234_567_890n,
    modelOf: () => "acme/one",
    log: () => {},
  });
  return {
    reporter,
    endpoints,
    reports,
    nowMs: () => nowMs,
    async turn() {
      nowMs += TURN_MS;
      const task = due;
      due = undefined;
      task?.();
      await everybodyElse();
    },
  };
}

/** Of one turn, over all endpoints in turn. */
function attemptsOf({ endpoints, nowMs }: Publishing, turn: number): readonly Observation[] {
  return Array.from({ length: ATTEMPTS }, (_, index) => {
    const endpoint = endpoints[(turn * ATTEMPTS + index) % ENDPOINTS] ?? exampleEndpoint("none");
    return observationOf(endpoint, nowMs(), turn * 7 + index);
  });
}

const publishCase: BenchCase = {
  name: "report-publish",
  async run() {
    const publishing = startPublishing();
    const { reporter, reports } = publishing;
    const observes: number[] = [];
    const turns: number[] = [];
    for (let turn = 0; turn < SECONDS * TURNS_PER_SECOND; turn += 1) {
      const attempts = attemptsOf(publishing, turn);
      const startedAtMs = performance.now();
      for (const attempt of attempts) {
        reporter.observe(attempt);
      }
      const observedAtMs = performance.now();
      await publishing.turn();
      const isWarm = turn >= WARM_UP_SECONDS * TURNS_PER_SECOND;
      observes.push(...(isWarm ? [observedAtMs - startedAtMs] : []));
      turns.push(...(isWarm ? [performance.now() - observedAtMs] : []));
    }
    const perReport = (median(turns) * 1_000 * TURNS_PER_SECOND) / ENDPOINTS;
    const observe = round((median(observes) * 1_000) / ATTEMPTS, 2);
    const percent = round((median(turns) * 100) / TURN_MS, 2);
    return {
      figures: {
        unit: `${ENDPOINTS} endpoints, ${ATTEMPTS * TURNS_PER_SECOND} attempts/s`,
        reportsPerSecond: round(reports.length / SECONDS, 0),
        reportBytes: reports.at(-1)?.bytes.length,
        publishMicroseconds: round(perReport, 2),
        publishPercentOfCore: percent,
        observeMicroseconds: observe,
      },
      checks: [
        {
          what: `publishing for ${ENDPOINTS} active endpoints, share of a core`,
          value: percent,
          unit: "%",
          target: { most: PUBLISH_TARGET_PERCENT },
        },
        {
          what: "one attempt added to what is to be told",
          value: observe,
          unit: "us",
          target: { most: OBSERVE_TARGET_MICROSECONDS },
        },
      ],
    };
  },
};

/** The reports of the second in which every endpoint had some attempts. */
async function reportsOfASecond(): Promise<readonly Uint8Array[]> {
  const publishing = startPublishing();
  for (let turn = 0; turn <= 2 * TURNS_PER_SECOND; turn += 1) {
    attemptsOf(publishing, turn).forEach(publishing.reporter.observe);
    await publishing.turn();
  }
  return publishing.reports.slice(-ENDPOINTS).map(({ bytes }) => bytes);
}

const decodeCase: BenchCase = {
  name: "report-decode",
  async run() {
    const messages = await reportsOfASecond();
    const at = (index: number) => messages[index % messages.length] ?? new Uint8Array();
    const sizeOf = (bytes: Uint8Array) => {
      const read = decodeReport(bytes);
      return "problem" in read ? 0 : read.sequence;
    };
    const decode = nanosecondsOf((index) => sizeOf(at(index)));
    // As a producer of a later version writes: a field that this one does not know.
    const later = messages.map((bytes) => Buffer.concat([bytes, Buffer.from([0x82, 0x06, 0x00])]));
    const decodeLater = nanosecondsOf((index) => sizeOf(later[index % later.length] ?? at(index)));
    const reports = messages.map(decodeReport).flatMap((read) => ("problem" in read ? [] : [read]));
    const encode = nanosecondsOf((index) => {
      const report = reports[index % reports.length];
      return report === undefined ? 0 : encodeReport(report).length;
    });
    const perSecond = round(1e9 / decode, 0);
    return {
      figures: {
        unit: "us for each report",
        reportBytes: median(messages.map(({ length }) => length)),
        decodeMicroseconds: round(decode / 1_000, 2),
        decodeLaterMicroseconds: round(decodeLater / 1_000, 2),
        encodeMicroseconds: round(encode / 1_000, 2),
      },
      checks: [
        {
          what: "reports read and checked",
          value: perSecond,
          unit: "reports/s",
          target: { least: DECODE_TARGET },
        },
      ],
    };
  },
};

const NATS_PUBLISHES_LEAST = 900;
const NATS_SECONDS = 10;
/** A router runs for months; until then the engine compiles what runs a thousand times a second. */
const NATS_WARM_UP_SECONDS = 12;

/** What `nats-publisher.ts` says. */
type NatsShare = {
  readonly percentOfCore: number;
  readonly systemPercentOfCore: number;
  readonly reportsPerSecond: number;
  readonly unconfirmed: number;
};

/** The whole of it: reporter, client and sockets, in a process that does nothing else. */
const natsPublishCase: BenchCase = {
  name: "report-publish-nats",
  async run() {
    const server = await startServer();
    try {
      return resultOf(await shareOn(server.url));
    } finally {
      await server.dispose();
    }
  },
};

/** The newest that there is. */
async function startServer(): Promise<NatsServer> {
  const { found, missing } = await findNatsBinaries();
  const binary = found.at(-1);
  if (binary === undefined) {
    throw new Error(`no nats-server: ${missing.map(({ reason }) => reason).join("; ")}`);
  }
  const server = await createNatsServer(binary);
  await server.start();
  return server;
}

async function shareOn(url: string): Promise<NatsShare> {
  const publisher = await startProcess({
    command: process.execPath,
    arguments: [
      new URL("nats-publisher.ts", import.meta.url).pathname,
      url,
      String(NATS_SECONDS),
      String(NATS_WARM_UP_SECONDS),
    ],
    place: "measured",
    readyWord: "share",
  });
  // Its own words.
  const share = JSON.parse(publisher.said) as NatsShare;
  await publisher.stop();
  return share;
}

function resultOf(share: NatsShare): CaseResult {
  const percent = round(share.percentOfCore, 2);
  return {
    figures: {
      unit: `${ENDPOINTS} endpoints on a real nats-server`,
      percentOfCore: percent,
      systemPercentOfCore: round(share.systemPercentOfCore, 2),
      reportsPerSecond: round(share.reportsPerSecond, 0),
      unconfirmed: share.unconfirmed,
    },
    checks: [
      {
        what: `telling of ${ENDPOINTS} active endpoints over NATS, share of a core`,
        value: percent,
        unit: "%",
        target: { most: PUBLISH_TARGET_PERCENT },
      },
      {
        what: "reports that were confirmed",
        value: round(share.reportsPerSecond, 0),
        unit: "reports/s",
        target: { least: NATS_PUBLISHES_LEAST },
      },
    ],
  };
}

export const reportCases: readonly BenchCase[] = [publishCase, natsPublishCase, decodeCase];
