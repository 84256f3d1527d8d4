import type { KeyValue, KeyValueEntry } from "../domain/bus.ts";
import type { ScorePosition } from "../domain/health.ts";
import type { Hash } from "../score/shared-endpoint.ts";
import { VERSION_KEY } from "./endpoint-token.ts";
import { comparePositions, compareSeries } from "./score-position.ts";
import { decodeTable, decodeVersion } from "./table-codec.ts";
import { summaryOf, type TableSummary } from "./table-hash.ts";
import type { Turns } from "./turns.ts";

/** What a publisher knows of one key of the table of scores. */
export type LedgerEntry = {
  readonly revision: number;
  /** Absent: what is stored cannot be read. */
  readonly position: ScorePosition | undefined;
  /** Empty for the key `version` and for what cannot be read. */
  readonly model: string;
  /** Absent for the key `version` and for tables without endpoints. */
  readonly table: TableSummary | undefined;
};

export type WriteVerdict =
  | "written"
  /** Nobody may be told to write at this moment. */
  | "deposed"
  /** What is stored is of more reports, or minutes later: this round is not worth going on. */
  | "outdated"
  /** What is stored comes from a newer algorithm or stream, which no round reaches while it is written. */
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
  /** What is stored of a model. */
  ofModel(model: string): LedgerEntry | undefined;
  /** Of all tables, those without endpoints among them. */
  models(): Iterable<string>;
  /** Tables with endpoints. */
  tables(): readonly TableSummary[];
  /** Keys of tables without endpoints that were written before `asOfMs`, by the stream's clock. */
  emptiedBefore(asOfMs: number): readonly string[];
  /** `mayWrite` is asked before every write. */
  write(write: LedgerWrite, mayWrite: () => boolean): Promise<WriteVerdict>;
  /** Removes a key as it is known. One that somebody else wrote or removed is left to the next round. */
  remove(key: string, mayWrite: () => boolean): Promise<WriteVerdict>;
  /** Writes and removals that found another's revision, ever. */
  conflicts(): number;
};

/** More in a row: somebody writes all the time, and this is not the way to agree with them. */
const MAX_ATTEMPTS = 4;

export type LedgerPorts = {
  readonly scores: KeyValue;
  readonly hash: Hash;
  readonly turns: Turns;
};

type State = LedgerPorts & {
  readonly entries: Map<string, LedgerEntry>;
  /** Of tables, by model: to make a key of an id takes a hash, and thousands are asked for in a round. */
  readonly keys: Map<string, string>;
  conflicts: number;
};

export function createScoreLedger(ports: LedgerPorts): ScoreLedger {
  const state: State = { ...ports, entries: new Map(), keys: new Map(), conflicts: 0 };
  const { entries, keys } = state;
  return {
    load: () => load(state),
    get: (key) => entries.get(key),
    ofModel(model) {
      const key = keys.get(model);
      return key === undefined ? undefined : entries.get(key);
    },
    models: () => keys.keys(),
    tables: () => [...entries.values()].flatMap(({ table }) => table ?? []),
    emptiedBefore: (asOfMs) => emptiedBefore(state, asOfMs),
    async write(write, mayWrite) {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
        const verdict = await attemptOnce(state, write, mayWrite);
        if (verdict !== undefined) {
          return verdict;
        }
      }
      return "outdated";
    },
    remove: (key, mayWrite) => remove(state, key, mayWrite),
    conflicts: () => state.conflicts,
  };
}

async function load(state: State): Promise<void> {
  const { scores, hash, turns, entries, keys } = state;
  const found = await scores.entries();
  turns.begin();
  entries.clear();
  keys.clear();
  for (const entry of found) {
    note(state, entry.key, readEntry(entry, hash));
    if (turns.isOver()) {
      await turns.next();
    }
  }
}

function note({ entries, keys }: State, key: string, entry: LedgerEntry | undefined): void {
  const model = (entry ?? entries.get(key))?.model ?? "";
  if (entry === undefined) {
    entries.delete(key);
    keys.delete(model);
  } else {
    entries.set(key, entry);
    if (model !== "") {
      keys.set(model, key);
    }
  }
}

/** What somebody else made of it. */
async function look(state: State, key: string): Promise<KeyValueEntry | undefined> {
  const found = await state.scores.get(key);
  note(state, key, found && readEntry(found, state.hash));
  return found;
}

/** Absent: somebody else has written, and what they wrote is noted. */
async function attemptOnce(
  state: State,
  { key, model, bytes, position, table }: LedgerWrite,
  mayWrite: () => boolean,
): Promise<WriteVerdict | undefined> {
  const known = state.entries.get(key);
  const verdict = known?.position && verdictOn(known.position, position);
  if (verdict !== undefined) {
    return verdict;
  }
  if (!mayWrite()) {
    return "deposed";
  }
  const revision = await state.scores.put(key, bytes, known?.revision ?? 0);
  if (revision === undefined) {
    state.conflicts += 1;
    const found = await look(state, key);
    // Whoever removed it has led since, and how far nothing tells any more: `load` does.
    return known !== undefined && found === undefined ? "outdated" : undefined;
  }
  note(state, key, { revision, position, model, table });
  return "written";
}

function emptiedBefore({ entries, keys }: State, asOfMs: number): readonly string[] {
  return [...keys.values()].filter((key) => {
    const entry = entries.get(key);
    return entry?.table === undefined && (entry?.position?.asOfMs ?? asOfMs) < asOfMs;
  });
}

async function remove(state: State, key: string, mayWrite: () => boolean): Promise<WriteVerdict> {
  const revision = state.entries.get(key)?.revision;
  if (revision === undefined) {
    return "written";
  }
  if (!mayWrite()) {
    return "deposed";
  }
  if (await state.scores.remove(key, revision)) {
    note(state, key, undefined);
  } else if ((await look(state, key)) !== undefined) {
    state.conflicts += 1;
  }
  return "written";
}

/** What a newer position than ours means. */
export function outrankedBy(stored: ScorePosition, ours: ScorePosition): "outdated" | "superseded" {
  return compareSeries(stored, ours) > 0 ? "superseded" : "outdated";
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

function readEntry({ key, value, revision }: KeyValueEntry, hash: Hash): LedgerEntry {
  const unread = { revision, position: undefined, model: "", table: undefined };
  if (key === VERSION_KEY) {
    const version = decodeVersion(value);
    return "problem" in version ? unread : { ...unread, position: version.position };
  }
  const table = decodeTable(value);
  return "problem" in table
    ? unread
    : {
        revision,
        position: table.position,
        model: table.model,
        table: summaryOf(table, value, hash),
      };
}
