import type { KeyValueEntry } from "../domain/bus.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type {
  ModelScoreTable,
  OutsideClaim,
  PublishedVersion,
  ScorePosition,
} from "../domain/health.ts";
import type { Log, NowMs } from "../domain/ports.ts";
import type { ScoreSnapshot } from "../domain/score.ts";
import type { Hash } from "../score/shared-endpoint.ts";
import { type BusClock, createBusClock } from "./bus-clock.ts";
import { scoreKeyOf, VERSION_KEY } from "./endpoint-token.ts";
import { comparePositions } from "./score-position.ts";
import { createScoreTables, type ScoreTables } from "./score-tables.ts";
import type { KeptScores } from "./snapshot-keeper.ts";
import { decodeTable, decodeVersion } from "./table-codec.ts";
import { equalBytes } from "./table-hash.ts";

/**
 * What has been published, as far as it has reached us: tables, and the version that tells whether they
 * are all there.
 */
export type PublishedScores = {
  /** False: it is of no use, or not newer. */
  take(taken: TakenEntry, origin: EntryOrigin): boolean;
  /** Counts for nothing once the bus has told anything. */
  takeKept(kept: KeptScores): void;
  /**
   * Forgets the models that are not among the keys, which were read together with the version of `position`:
   * a table that is newer may have been written meanwhile.
   */
  retain(keys: ReadonlySet<string>, position: ScorePosition): void;
  /** Ends claims that have lapsed, and last seconds that are over. */
  lapse(): void;
  /** The tables are those that the version tells of. */
  agrees(): boolean;
  /** Grows with every change of the scores or of their age. */
  changes(): number;
  scores(): ScoreSnapshot["scores"];
  /** Those with endpoints. */
  tables(): readonly ModelScoreTable[];
  outside(endpoint: EndpointId): OutsideClaim | undefined;
  version(): PublishedVersion | undefined;
  /** Epoch milliseconds by our clock; 0 before any version, and of one of an empty stream. */
  windowEndMs(): number;
  facts(): PublishedFacts;
};

export type EntryOrigin = "watched" | "read";

export type TakenEntry = {
  readonly entry: Pick<KeyValueEntry, "key" | "value">;
  readonly receivedAtMs: number;
  /** A version that was written while we watched. */
  readonly live: boolean;
};

export type PublishedFacts = {
  /** What is shown was kept from before this process. */
  readonly kept: boolean;
  /** This process's clock less the bus's; absent before an advance was seen. */
  readonly skewMs: number | undefined;
  /** Entries refused because of their position. */
  readonly refused: number;
  /** Entries of an algorithm that came after this program. */
  readonly unknownAlgorithm: number;
  readonly undecodable: number;
};

export type PublishedScoresPorts = {
  /** The newest algorithm whose figures this program understands. */
  readonly algorithmVersion: number;
  readonly hash: Hash;
  readonly nowMs: NowMs;
  readonly log: Log;
};

/** What was read before it was written has been handled by then. */
const EMPTY_MS = 60_000;

type State = PublishedScoresPorts & {
  readonly tables: ScoreTables;
  readonly clock: BusClock;
  version: PublishedVersion | undefined;
  windowEndMs: number;
  isKept: boolean;
  changes: number;
  /** Whether hashes agree, as of how many changes. */
  verdict: { readonly changes: number; readonly agrees: boolean } | undefined;
  refused: number;
  unknownAlgorithm: number;
  undecodable: number;
};

export function createPublishedScores(ports: PublishedScoresPorts): PublishedScores {
  const clock = createBusClock();
  const busMs = () => clock.toBus(ports.nowMs());
  const tables = createScoreTables({ hash: ports.hash, busMs });
  const state: State = {
    ...ports,
    tables,
    clock,
    version: undefined,
    windowEndMs: 0,
    isKept: false,
    changes: 0,
    verdict: undefined,
    refused: 0,
    unknownAlgorithm: 0,
    undecodable: 0,
  };
  return {
    take: (taken, origin) =>
      taken.entry.key === VERSION_KEY
        ? takeVersion(state, taken, origin)
        : takeTable(state, taken.entry, origin),
    takeKept: (kept) => takeKept(state, kept),
    retain: (keys, position) => retain(state, keys, position),
    lapse() {
      state.changes += tables.lapse(busMs()) ? 1 : 0;
    },
    agrees: () => agrees(state),
    changes: () => state.changes,
    scores: tables.scores,
    tables: tables.tables,
    outside: (endpoint) => tables.outside(endpoint, busMs()),
    version: () => state.version,
    windowEndMs: () => state.windowEndMs,
    facts: () => ({
      kept: state.isKept,
      skewMs: clock.skewMs(),
      refused: state.refused,
      unknownAlgorithm: state.unknownAlgorithm,
      undecodable: state.undecodable,
    }),
  };
}

function takeVersion(
  state: State,
  { entry, receivedAtMs, live }: TakenEntry,
  origin: EntryOrigin,
): boolean {
  const version = decodeVersion(entry.value);
  if (!isUsable(state, entry.key, version)) {
    return false;
  }
  const { position } = version;
  const order =
    state.version === undefined || state.isKept
      ? 1
      : comparePositions(position, state.version.position);
  if (order < 0 || (order === 0 && origin === "watched")) {
    state.refused += 1;
    return false;
  }
  // Nothing was stored yet in a stream that is empty, and no time says nothing about its clock.
  if (live && position.asOfSequence > 0) {
    state.clock.observe(position.asOfMs, receivedAtMs);
  }
  state.version = version;
  state.isKept = false;
  state.tables.dropEmpty(position.asOfMs - EMPTY_MS);
  // A stream that is empty has no time.
  state.windowEndMs =
    position.asOfSequence === 0 ? 0 : Math.min(receivedAtMs, state.clock.toOurs(position.asOfMs));
  state.changes += 1;
  return true;
}

function takeTable(state: State, entry: TakenEntry["entry"], origin: EntryOrigin): boolean {
  const table = decodeTable(entry.value);
  if (!isUsable(state, entry.key, table)) {
    return false;
  }
  const isTaken = state.tables.take(table, entry.value, origin);
  state.changes += isTaken ? 1 : 0;
  state.refused += isTaken ? 0 : 1;
  return isTaken;
}

type Decoded = { readonly position: ScorePosition };

function isUsable<T extends Decoded>(
  state: State,
  key: string,
  decoded: T | { readonly problem: string },
): decoded is T {
  if ("problem" in decoded) {
    state.undecodable += 1;
    state.log("warn", "published scores cannot be read", { key, problem: decoded.problem });
    return false;
  }
  const { algorithmVersion } = decoded.position;
  if (algorithmVersion > state.algorithmVersion) {
    const level = state.unknownAlgorithm === 0 ? "warn" : "debug";
    state.unknownAlgorithm += 1;
    state.log(level, "published scores are of a newer algorithm and are not used", {
      algorithmVersion,
      ours: state.algorithmVersion,
      remedy: "upgrade this process",
    });
    return false;
  }
  return true;
}

function takeKept(state: State, { version, tables, windowEndMs }: KeptScores): void {
  if (state.version !== undefined || version.position.algorithmVersion > state.algorithmVersion) {
    return;
  }
  for (const table of tables) {
    // Between two algorithms a snapshot may hold tables of both.
    if (table.position.algorithmVersion <= state.algorithmVersion) {
      state.tables.keep(table);
    }
  }
  state.version = version;
  state.windowEndMs = windowEndMs;
  state.isKept = true;
  state.changes += 1;
}

function retain(state: State, keys: ReadonlySet<string>, upTo: ScorePosition): void {
  state.tables.drop(
    ({ model, position }) => comparePositions(position, upTo) <= 0 && !keys.has(scoreKeyOf(model)),
  );
  state.changes += 1;
}

function agrees(state: State): boolean {
  if (state.verdict?.changes === state.changes) {
    return state.verdict.agrees;
  }
  const { version, tables, isKept } = state;
  const isAgreed =
    version !== undefined && !isKept && equalBytes(tables.stateSha256(), version.stateSha256);
  if (isAgreed) {
    state.changes += tables.dropKept() ? 1 : 0;
  }
  state.verdict = { changes: state.changes, agrees: isAgreed };
  return isAgreed;
}
