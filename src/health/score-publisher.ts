import { MAX_VALUE_BYTES } from "../domain/bus-rules.ts";
import type { EndpointId } from "../domain/endpoint.ts";
import type { ModelScoreTable, ScorePosition } from "../domain/health.ts";
import type { Log } from "../domain/ports.ts";
import type { HealthFold } from "../score/health-fold.ts";
import type { Hash } from "../score/shared-endpoint.ts";
import { scoreKeyOf, VERSION_KEY } from "./endpoint-token.ts";
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
 * because keys cannot be deleted and readers would keep its last figures. What was read from the fold and
 * could not be written is read again the next time.
 *
 * The hash of a version is that of the tables as they are stored, the unchanged ones among them.
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
  readonly log: Log;
};

type Reading = { readonly position: ScorePosition; readonly tables: readonly ModelScoreTable[] };

type State = PublisherPorts & {
  /** What is stored is known. */
  isAcquainted: boolean;
  /** Models read from the fold, or to be read, and not written yet. */
  readonly due: Set<string>;
  published: number;
  tablesWritten: number;
  oversized: number;
};

export function createScorePublisher(ports: PublisherPorts): ScorePublisher {
  const state: State = {
    ...ports,
    isAcquainted: false,
    due: new Set(),
    published: 0,
    tablesWritten: 0,
    oversized: 0,
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
    }),
  };
}

async function publishOnce(state: State, mayWrite: () => boolean): Promise<Publication> {
  const { fold, intake, ledger, turns } = state;
  if (!state.isAcquainted) {
    await getAcquainted(state);
  }
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
  return verdict === "written" ? writeVersion(state, reading.position, mayWrite) : verdict;
}

async function getAcquainted(state: State): Promise<void> {
  await state.ledger.load();
  for (const model of state.fold.models()) {
    state.due.add(model);
  }
  state.isAcquainted = true;
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
    tables.push(
      current.has(model)
        ? fold.table(model)
        : { position, model, endpoints: [], stateSha256: hash([]) },
    );
  }
  return { position, tables };
}

/** Adds what changed and what is gone, and drops models that are gone without ever being stored. */
function noteDue({ fold, ledger, due }: State, current: ReadonlySet<string>): void {
  for (const model of fold.changedModels()) {
    due.add(model);
  }
  for (const { model } of ledger.tables()) {
    if (!current.has(model)) {
      due.add(model);
    }
  }
  for (const model of due) {
    if (!current.has(model) && ledger.get(scoreKeyOf(model))?.table === undefined) {
      due.delete(model);
    }
  }
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

async function toWrite({ isKnown, turns }: State, whole: ModelScoreTable): Promise<LedgerWrite> {
  const { model, position } = whole;
  const key = scoreKeyOf(model);
  const bytes = await encode(whole, turns);
  if (bytes.length <= MAX_VALUE_BYTES || isKnown === undefined) {
    return { key, model, bytes, position, table: summaryOf(whole) };
  }
  const known = whole.endpoints.filter(({ endpoint }) => isKnown(endpoint));
  const table = { ...whole, endpoints: known };
  return { key, model, bytes: await encode(table, turns), position, table: summaryOf(table) };
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

/** Nothing to write: the version that is stored tells as much, or more. */
function refusalOf(stored: ScorePosition, ours: ScorePosition): Publication | undefined {
  const order = comparePositions(stored, ours);
  if (order === 0) {
    return "unchanged";
  }
  return order < 0 ? undefined : outrankedBy(stored, ours);
}
