import { MAX_VALUE_BYTES } from "../domain/bus-rules.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { ModelScoreTable, ScorePosition } from "../domain/health.ts";
import type { Log } from "../domain/ports.ts";
import type { HealthFold } from "../score/health-fold.ts";
import type { Hash } from "../score/shared-endpoint.ts";
import { scoreKeyOf, VERSION_KEY } from "./endpoint-token.ts";
import { createGoneTables, type GoneTables } from "./gone-tables.ts";
import {
  type LedgerWrite,
  outrankedBy,
  type ScoreLedger,
  type WriteVerdict,
} from "./score-ledger.ts";
import { comparePositions } from "./score-position.ts";
import { encodeInParts, encodeVersion } from "./table-codec.ts";
import { hashOfTables, summaryOf } from "./table-hash.ts";
import type { Turns } from "./turns.ts";
import { writeAll } from "./write-all.ts";

/**
 * Brings the table of scores to where the fold stands.
 *
 * Tables of models come first and the key `version` last, so that whoever sees a version can ask for all
 * that belongs to it. Only what changed is written; a model that is gone gets a table without endpoints,
 * because readers are not told of keys that are removed, and would keep its last figures. Some minutes later
 * its key is removed (`gone-tables.ts`). What was read from the fold and could not be written is read again
 * the next time.
 *
 * The hash of a version is that of the tables as they are stored, the unchanged ones among them. What is
 * stored is read anew every ten minutes: two that both believe to lead may leave what neither knows of.
 *
 * A report names its model in free text. So of models that the catalogue does not have a bounded number has
 * keys, which are those that came first: one report of a thousand models must not fill the table for all.
 */
export type ScorePublisher = {
  /**
   * `mayWrite` is asked before every write. Rejects with what the table of scores rejects with, when all
   * writes have ended; some tables may be stored by then.
   */
  publish(mayWrite: () => boolean): Promise<Publication>;
  /** Others may have written: the next publication reads what is stored, and writes every model. */
  forget(): void;
  counts(): PublisherCounts;
};

export type Publication = WriteVerdict | "unchanged";

export type PublisherCounts = {
  /** Versions written. */
  readonly published: number;
  readonly tablesWritten: number;
  /** Writes that met another's. */
  readonly conflicts: number;
  /** Tables that are larger than a value may be: readers keep the ones they have. */
  readonly oversized: number;
  /** Models with evidence that have no table at present: unknown ones beyond the bound. */
  readonly unlisted: number;
};

/** What a fold gives out. */
export type FoldOutput = Pick<
  HealthFold,
  "position" | "changedModels" | "models" | "readOn" | "table"
>;

export type PublisherPorts = {
  readonly fold: FoldOutput;
  /** Feeds the fold: it has to stand still while it is read. */
  readonly intake: { hold(): void; release(): Promise<void> };
  readonly ledger: ScoreLedger;
  readonly hash: Hash;
  readonly turns: Turns;
  /** Name of the scorer. */
  readonly publisher: string;
  /**
   * Whether an endpoint is one of the catalogue. Where a table is too large for a value, the others are
   * left out: whoever reports endpoints that do not exist must not end the scores of those that do.
   * Default: all are.
   */
  readonly isKnown?: (endpoint: EndpointId) => boolean;
  /** Whether a model is one of the catalogue: those have a table in any case. Default: all are. */
  readonly isKnownModel?: (model: string) => boolean;
  readonly log: Log;
};

/** Keys of models that the catalogue does not have, those of gone ones among them. */
export const MAX_UNKNOWN_MODELS = 1_000;

/** By the stream's clock. */
const REREAD_MS = 10 * 60_000;

type Reading = { readonly position: ScorePosition; readonly tables: readonly ModelScoreTable[] };

type State = PublisherPorts & {
  readonly gone: GoneTables;
  /** What is stored is known. */
  isAcquainted: boolean;
  /** When it was read, by the stream's clock. */
  readAsOfMs: number;
  /** Models read from the fold, or to be read, and not written yet. */
  readonly due: Set<string>;
  published: number;
  tablesWritten: number;
  oversized: number;
  unlisted: number;
};

export function createScorePublisher(ports: PublisherPorts): ScorePublisher {
  const state: State = {
    ...ports,
    gone: createGoneTables(ports),
    isAcquainted: false,
    readAsOfMs: 0,
    due: new Set(),
    published: 0,
    tablesWritten: 0,
    oversized: 0,
    unlisted: 0,
  };
  const { ledger } = ports;
  return {
    async publish(mayWrite) {
      const conflictsBefore = ledger.conflicts();
      let isUndisputed = false;
      try {
        const publication = await publishOnce(state, mayWrite);
        isUndisputed = ledger.conflicts() === conflictsBefore;
        return publication;
      } finally {
        // What failed may be stored, and whoever wrote in between may have written more.
        state.isAcquainted &&= isUndisputed;
      }
    },
    forget() {
      state.isAcquainted = false;
    },
    counts: () => ({
      published: state.published,
      tablesWritten: state.tablesWritten,
      conflicts: ledger.conflicts(),
      oversized: state.oversized,
      unlisted: state.unlisted,
    }),
  };
}

async function publishOnce(state: State, mayWrite: () => boolean): Promise<Publication> {
  const { fold, intake, ledger, turns, gone } = state;
  await getAcquainted(state);
  const stored = ledger.get(VERSION_KEY)?.position;
  const refusal = stored && refusalOf(stored, fold.position());
  if (refusal !== undefined) {
    return refusal;
  }
  intake.hold();
  const reading = await readFold(state, mayWrite).finally(() => intake.release());
  if (reading === undefined) {
    return "deposed";
  }
  const write = async (table: ModelScoreTable) =>
    writeTable(state, await toWrite(state, table), mayWrite);
  const verdict = await writeAll(reading.tables, write, turns);
  if (verdict !== "written") {
    return verdict;
  }
  const publication = await writeVersion(state, reading.position, mayWrite);
  if (publication === "written") {
    await gone.remove(reading.position, mayWrite);
  }
  return publication;
}

async function getAcquainted(state: State): Promise<void> {
  const { fold, ledger, due, isAcquainted } = state;
  const { asOfMs } = fold.position();
  if (isAcquainted && asOfMs - state.readAsOfMs < REREAD_MS) {
    return;
  }
  await ledger.load();
  state.readAsOfMs = asOfMs;
  if (!isAcquainted) {
    for (const model of fold.models()) {
      due.add(model);
    }
    state.isAcquainted = true;
  }
}

/**
 * All tables of one position, because the fold stands still meanwhile. Absent: nobody may write any more.
 *
 * What reports wait for is this and no more: tables do not change, so bytes are made of them afterwards.
 */
async function readFold(state: State, mayWrite: () => boolean): Promise<Reading | undefined> {
  const { fold, hash, turns, due } = state;
  turns.begin();
  const position = fold.position();
  const current = new Set(fold.models());
  noteDue(state, current);
  const tables: ModelScoreTable[] = [];
  const isOver = () => turns.isOver();
  for (const model of due) {
    while (!fold.readOn(model, isOver)) {
      await turns.next();
    }
    if (turns.isOver()) {
      await turns.next();
    }
    if (!mayWrite()) {
      return undefined;
    }
    // Also of a model that is gone, which the fold then forgets.
    const table = fold.table(model);
    tables.push(
      current.has(model) ? table : { position, model, endpoints: [], stateSha256: hash([]) },
    );
  }
  return { position, tables };
}

/** Adds what changed and what is gone, and drops what is not to be written. */
function noteDue(state: State, current: ReadonlySet<string>): void {
  const { fold, ledger, due } = state;
  for (const model of fold.changedModels()) {
    due.add(model);
  }
  for (const { model } of ledger.tables()) {
    if (!current.has(model)) {
      due.add(model);
    }
  }
  for (const model of due) {
    if (!current.has(model) && ledger.ofModel(model)?.table === undefined) {
      due.delete(model);
      // Read for the last time: the fold forgets it then.
      fold.table(model);
    }
  }
  dropUnlisted(state);
}

/** A model that has a key goes on having it. What is left out was never read, so it is due again. */
function dropUnlisted(state: State): void {
  const { ledger, due, isKnownModel = () => true } = state;
  const unlisted = [...due]
    .filter((model) => !isKnownModel(model) && ledger.ofModel(model) === undefined)
    .slice(roomFor(ledger.models(), isKnownModel));
  for (const model of unlisted) {
    due.delete(model);
  }
  if (unlisted.length > 0 && state.unlisted === 0) {
    state.log("warn", "reports name too many models that the catalogue does not have", {
      withoutScores: unlisted.length,
    });
  }
  state.unlisted = unlisted.length;
}

function roomFor(models: Iterable<string>, isKnown: (model: string) => boolean): number {
  let room = MAX_UNKNOWN_MODELS;
  for (const model of models) {
    room -= isKnown(model) ? 0 : 1;
  }
  return Math.max(0, room);
}

async function writeTable(
  state: State,
  write: LedgerWrite,
  mayWrite: () => boolean,
): Promise<WriteVerdict> {
  const { model, bytes } = write;
  if (bytes.length > MAX_VALUE_BYTES) {
    state.oversized += 1;
    state.due.delete(model);
    state.log("error", "scores of a model are too large to be published", {
      model,
      bytes: bytes.length,
    });
    return "written";
  }
  const verdict = await state.ledger.write(write, mayWrite);
  if (verdict === "written") {
    state.tablesWritten += 1;
    state.due.delete(model);
  }
  return verdict;
}

async function writeVersion(
  state: State,
  position: ScorePosition,
  mayWrite: () => boolean,
): Promise<WriteVerdict> {
  const { ledger, hash, publisher } = state;
  const stored = ledger.tables();
  const bytes = encodeVersion({
    position,
    modelCount: stored.length,
    stateSha256: hashOfTables(stored, hash),
    publisher,
  });
  const write = { key: VERSION_KEY, model: "", bytes, position, table: undefined };
  const verdict = await ledger.write(write, mayWrite);
  state.published += verdict === "written" ? 1 : 0;
  return verdict;
}

async function toWrite(
  { isKnown, hash, turns }: State,
  whole: ModelScoreTable,
): Promise<LedgerWrite> {
  const { model, position } = whole;
  const key = scoreKeyOf(model);
  const bytes = await encode(whole, turns);
  if (bytes.length <= MAX_VALUE_BYTES || isKnown === undefined) {
    return { key, model, bytes, position, table: summaryOf(whole, bytes, hash) };
  }
  const known = whole.endpoints.filter(({ endpoint }) => isKnown(endpoint));
  const table = { ...whole, endpoints: known };
  const fewer = await encode(table, turns);
  return { key, model, bytes: fewer, position, table: summaryOf(table, fewer, hash) };
}

async function encode(table: ModelScoreTable, turns: Turns): Promise<Uint8Array> {
  const parts = encodeInParts(table);
  for (;;) {
    const { done, value } = parts.next();
    if (done === true) {
      return value;
    }
    if (turns.isOver()) {
      await turns.next();
    }
  }
}

/** Nothing to write: the version that is stored tells as much, or more. Absent: it is older. */
function refusalOf(stored: ScorePosition, ours: ScorePosition): Publication | undefined {
  const order = comparePositions(stored, ours);
  if (order === 0) {
    return "unchanged";
  }
  return order < 0 ? undefined : outrankedBy(stored, ours);
}
