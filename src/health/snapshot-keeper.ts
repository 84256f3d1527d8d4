import type { KeyValueEntry } from "../domain/bus.ts";
import type { ModelScoreTable, PublishedVersion } from "../domain/health.ts";
import type { Log, NowMs } from "../domain/ports.ts";
import { scoreKeyOf, VERSION_KEY } from "./endpoint-token.ts";
import { decodeTable, decodeVersion, encodeTable, encodeVersion } from "./table-codec.ts";
import type { Turns } from "./turns.ts";

/** The scores as they were last known, outside the process. */
export type StoredSnapshot = {
  /** Epoch milliseconds by this machine's clock. */
  readonly windowEndMs: number;
  /** As in the table of scores, the key `version` among them. */
  readonly entries: readonly Pick<KeyValueEntry, "key" | "value">[];
};

/** Keeps one snapshot. Neither rejects: what goes wrong is logged where it happens. */
export type SnapshotStore = {
  load(): Promise<StoredSnapshot | undefined>;
  save(snapshot: StoredSnapshot): Promise<void>;
};

export type KeptScores = {
  readonly version: PublishedVersion;
  readonly tables: readonly ModelScoreTable[];
  readonly windowEndMs: number;
};

export type SnapshotKeeperPorts = {
  readonly stored: SnapshotStore;
  readonly turns: Turns;
  readonly nowMs: NowMs;
  readonly log: Log;
};

/** A clock that was set back by more leaves us without any idea of a snapshot's age. */
const MAX_FUTURE_MS = 60_000;

/** Absent: there is none that could be used. */
export async function loadScores(ports: SnapshotKeeperPorts): Promise<KeptScores | undefined> {
  const { stored, turns, nowMs, log } = ports;
  const snapshot = await stored.load();
  if (snapshot === undefined) {
    return undefined;
  }
  const { windowEndMs, entries } = snapshot;
  if (windowEndMs > nowMs() + MAX_FUTURE_MS) {
    log("warn", "the stored scores are from the future and are not used", { windowEndMs });
    return undefined;
  }
  turns.begin();
  let version: PublishedVersion | undefined;
  const tables: ModelScoreTable[] = [];
  for (const { key, value } of entries) {
    const decoded = key === VERSION_KEY ? decodeVersion(value) : decodeTable(value);
    if ("problem" in decoded) {
      log("warn", "stored scores are broken and are not used", { key, problem: decoded.problem });
      return undefined;
    }
    if ("model" in decoded) {
      tables.push(decoded);
    } else {
      version = decoded;
    }
    if (turns.isOver()) {
      await turns.next();
    }
  }
  return version && { version, tables, windowEndMs: Math.min(windowEndMs, nowMs()) };
}

/** Equal tables have equal bytes, so nothing has to be kept in memory for this. */
export async function saveScores(
  { version, tables, windowEndMs }: KeptScores,
  { stored, turns }: Pick<SnapshotKeeperPorts, "stored" | "turns">,
): Promise<void> {
  turns.begin();
  const entries = [{ key: VERSION_KEY, value: encodeVersion(version) }];
  for (const table of tables) {
    entries.push({ key: scoreKeyOf(table.model), value: encodeTable(table) });
    if (turns.isOver()) {
      await turns.next();
    }
  }
  await stored.save({ windowEndMs, entries });
}
