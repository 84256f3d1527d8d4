import { createMemoryBus } from "../../../src/bus/memory-bus.ts";
import {
  type Bus,
  type BusStatus,
  BusUnavailable,
  type KeyValue,
} from "../../../src/domain/bus.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import type {
  EndpointFigures,
  HealthReport,
  ModelScoreTable,
  PublishedVersion,
  ScorePosition,
} from "../../../src/domain/health.ts";
import type { Log } from "../../../src/domain/ports.ts";
import { scoreKeyOf, tokenOf, VERSION_KEY } from "../../../src/health/endpoint-token.ts";
import { encodeReport } from "../../../src/health/report-codec.ts";
import { sha256 as sha256Of } from "../../../src/health/sha256.ts";
import { encodeTable, encodeVersion } from "../../../src/health/table-codec.ts";
import { hashOfTables, summaryOf } from "../../../src/health/table-hash.ts";
import { createManualClock, type ManualClock } from "../../support/manual-clock.ts";

export const START_MS = 1_800_000_000_000;

export const idOf = (name: string) => name as EndpointId;

/** As plain bytes, which `toEqual` tells from a buffer. */
export function sha256(parts: Iterable<Uint8Array>): Uint8Array {
  return Uint8Array.from(sha256Of(parts));
}

export function positionOf(
  asOfSequence: number,
  others: Partial<ScorePosition> = {},
): ScorePosition {
  return { algorithmVersion: 1, streamEpoch: START_MS, asOfMs: START_MS, asOfSequence, ...others };
}

const noSamples = { count: 0, p5Micro: undefined, p50Micro: undefined, p95Micro: undefined };

export function figuresOf(
  endpoint: string,
  others: Partial<EndpointFigures> = {},
): EndpointFigures {
  return {
    endpoint: idOf(endpoint),
    successes: 10,
    failures: 0,
    rateLimited: 0,
    firstTokenMs: noSamples,
    tokensPerSecond: noSamples,
    durationMs: noSamples,
    goodMinutes: 0,
    observedMinutes: 0,
    recentSuccesses: 0,
    recentFailures: 0,
    recentFirstTokens: 0,
    recentFirstTokenMicro: undefined,
    outside: undefined,
    ...others,
  };
}

/** A hash that follows from what is in it. */
export function tableOf(
  model: string,
  position: ScorePosition,
  endpoints: readonly EndpointFigures[] = [figuresOf(`${model}-a`)],
): ModelScoreTable {
  const text = JSON.stringify([model, position, endpoints]);
  return { position, model, endpoints, stateSha256: sha256([Buffer.from(text)]) };
}

/** As a version tells of them. */
export function hashOf(tables: readonly ModelScoreTable[]): Uint8Array {
  const summaries = tables.flatMap((table) => summaryOf(table, encodeTable(table), sha256) ?? []);
  return hashOfTables(summaries, sha256);
}

export function versionOf(
  position: ScorePosition,
  tables: readonly ModelScoreTable[],
): PublishedVersion {
  const stateSha256 = hashOf(tables);
  return { position, modelCount: tables.length, stateSha256, publisher: "scorer-1" };
}

export function tableEntry(table: ModelScoreTable) {
  return { key: scoreKeyOf(table.model), value: encodeTable(table) };
}

export function versionEntry(version: PublishedVersion) {
  return { key: VERSION_KEY, value: encodeVersion(version) };
}

/** Writes whatever is stored. */
export async function putOver(
  scores: KeyValue,
  { key, value }: { readonly key: string; readonly value: Uint8Array },
): Promise<void> {
  const stored = await scores.get(key);
  await scores.put(key, value, stored?.revision ?? 0);
}

/** As a scorer would: tables first. */
export async function publish(
  scores: KeyValue,
  position: ScorePosition,
  tables: readonly ModelScoreTable[],
): Promise<void> {
  for (const table of tables) {
    await putOver(scores, tableEntry(table));
  }
  await putOver(scores, versionEntry(versionOf(position, tables)));
}

export function reportOf(sequence: number, others: Partial<HealthReport> = {}): HealthReport {
  return {
    producer: "router-1",
    boot: 7n,
    sequence,
    endpoint: idOf("a"),
    model: "m",
    observedAtMs: START_MS,
    signal: { kind: "state", state: "up", reason: "", ttlMs: 60_000 },
    ...others,
  };
}

export function outgoing(report: HealthReport) {
  return {
    token: tokenOf(report.endpoint),
    id: `${report.producer}:${report.boot}:${report.sequence}`,
    bytes: encodeReport(report),
  };
}

export type LogLine = {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>> | undefined;
};

export function createLogBook(): { readonly log: Log; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  return { log: (level, message, fields) => lines.push({ level, message, fields }), lines };
}

type Beside = { readonly clock: ManualClock; readonly memory: Bus };

/**
 * A memory bus with a switch: while it is off, whatever waits for an answer is refused. `beside` another
 * it is a second way to the same bus.
 */
export function createSwitchedBus(beside?: Beside) {
  const clock = beside?.clock ?? createManualClock(START_MS);
  const { log, lines } = createLogBook();
  const memory = beside?.memory ?? createMemoryBus({ ...clock, log });
  const listeners = new Set<(status: BusStatus) => void>();
  let isOn = true;
  const guard =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> =>
      isOn ? call(...args) : Promise.reject(new BusUnavailable("off"));
  const { reports, scores, leases } = memory;
  const bus: Bus = {
    ...memory,
    reports: { publish: guard(reports.publish), follow: reports.follow },
    scores: {
      get: guard(scores.get),
      put: guard(scores.put),
      remove: guard(scores.remove),
      entries: guard(scores.entries),
      watch: scores.watch,
    },
    leases: {
      take: guard(leases.take),
      release: guard(leases.release),
      holder: guard(leases.holder),
    },
    status: () => (isOn ? "connected" : "connecting"),
    onStatus(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  return {
    bus,
    clock,
    log,
    lines,
    /** Whatever happens to the switch. */
    memory,
    turn(on: boolean): void {
      isOn = on;
      for (const listener of listeners) {
        listener(bus.status());
      }
    },
  };
}

/** Lets every chain of promises end that needs no timer. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 300; turn += 1) {
    await Promise.resolve();
  }
}
