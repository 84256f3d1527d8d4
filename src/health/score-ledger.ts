import type { KeyValue, KeyValueEntry } from "../domain/bus.ts";
import type { ScorePosition } from "../domain/health.ts";
import { VERSION_KEY } from "./endpoint-token.ts";
import { comparePositions, isSameSeries } from "./score-position.ts";
import { decodeTable, decodeVersion } from "./table-codec.ts";
import { summaryOf, type TableSummary } from "./table-hash.ts";
import type { Turns } from "./turns.ts";

/** What a publisher knows of one key of the table of scores. */
export type LedgerEntry = {
  readonly revision: number;
  /** Absent: what is stored cannot be read. */
  readonly position: ScorePosition | undefined;
  /** Absent for the key `version` and for tables without endpoints. */
  readonly table: TableSummary | undefined;
};

export type WriteVerdict =
  | "written"
  /** Nobody may be told to write at this moment. */
  | "deposed"
  /** Somebody who folded further has written: this round is not worth going on. */
  | "outdated"
  /** What is stored comes from a newer algorithm or stream, which later rounds will not reach either. */
  | "superseded";

export type LedgerWrite = {
  readonly key: string;
  /** Empty for the key `version`. */
  readonly model: string;
  readonly bytes: Uint8Array;
  readonly position: ScorePosition;
  readonly table: LedgerEntry["table"];
};

/** The table of scores as it was last seen, and writes that never overwrite what is newer. */
export type ScoreLedger = {
  /** Reads everything that is stored. */
  load(): Promise<void>;
  get(key: string): LedgerEntry | undefined;
  /** Tables with endpoints. */
  tables(): readonly TableSummary[];
  /** `mayWrite` is asked before every write. */
  write(write: LedgerWrite, mayWrite: () => boolean): Promise<WriteVerdict>;
  /** Writes that found another's revision, ever. */
  conflicts(): number;
};

/** More in a row: somebody writes all the time, and this is not the way to agree with them. */
const MAX_ATTEMPTS = 4;

export type LedgerPorts = {
  readonly scores: KeyValue;
  readonly turns: Turns;
};

export function createScoreLedger({ scores, turns }: LedgerPorts): ScoreLedger {
  const entries = new Map<string, LedgerEntry>();
  let conflicts = 0;

  function note(key: string, entry: KeyValueEntry | undefined): void {
    if (entry === undefined) {
      entries.delete(key);
    } else {
      entries.set(key, { revision: entry.revision, ...readEntry(entry) });
    }
  }

  /** Absent: somebody else has written, and what they wrote is noted. */
  async function attemptOnce(
    { key, bytes, position, table }: LedgerWrite,
    mayWrite: () => boolean,
  ): Promise<WriteVerdict | undefined> {
    const known = entries.get(key);
    const verdict = known?.position && verdictOn(known.position, position);
    if (verdict !== undefined) {
      return verdict;
    }
    if (!mayWrite()) {
      return "deposed";
    }
    const revision = await scores.put(key, bytes, known?.revision ?? 0);
    if (revision === undefined) {
      conflicts += 1;
      note(key, await scores.get(key));
      return undefined;
    }
    entries.set(key, { revision, position, table });
    return "written";
  }

  return {
    async load() {
      const found = await scores.entries();
      turns.begin();
      entries.clear();
      for (const entry of found) {
        note(entry.key, entry);
        if (turns.isOver()) {
          await turns.next();
        }
      }
    },
    get: (key) => entries.get(key),
    tables: () => [...entries.values()].flatMap(({ table }) => table ?? []),
    async write(write, mayWrite) {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const verdict = await attemptOnce(write, mayWrite);
        if (verdict !== undefined) {
          return verdict;
        }
      }
      return "outdated";
    },
    conflicts: () => conflicts,
  };
}

/** What a newer position than ours means. */
export function outrankedBy(stored: ScorePosition, ours: ScorePosition): "outdated" | "superseded" {
  return isSameSeries(stored, ours) ? "outdated" : "superseded";
}

/** Absent: what is stored is older. */
function verdictOn(stored: ScorePosition, ours: ScorePosition): WriteVerdict | undefined {
  const order = comparePositions(stored, ours);
  if (order === 0) {
    // Equal positions have equal bytes.
    return "written";
  }
  return order < 0 ? undefined : outrankedBy(stored, ours);
}

function readEntry({ key, value }: KeyValueEntry): Omit<LedgerEntry, "revision"> {
  if (key === VERSION_KEY) {
    const version = decodeVersion(value);
    return { position: "problem" in version ? undefined : version.position, table: undefined };
  }
  const table = decodeTable(value);
  return "problem" in table
    ? { position: undefined, table: undefined }
    : { position: table.position, table: summaryOf(table) };
}
