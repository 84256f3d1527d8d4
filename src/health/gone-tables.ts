import type { ScorePosition } from "../domain/health.ts";
import type { Log } from "../domain/ports.ts";
import type { ScoreLedger } from "./score-ledger.ts";
import type { Turns } from "./turns.ts";
import { writeAll } from "./write-all.ts";

/**
 * Removes the keys of models that are gone, once everybody has seen their tables without endpoints.
 *
 * A table without endpoints counts for nothing in the hash of a version, so hashes agree whoever still
 * holds it. It is kept for those who were cut off: they take it when they are back. Whoever comes later
 * finds hashes that differ, reads everything, and drops the tables whose keys are gone.
 *
 * The age of a table is told by the stream's clock and lies in the table, so that it outlives whoever wrote
 * it. A key is removed by its revision: what was written meanwhile stays.
 */
export type GoneTables = {
  /**
   * To be called when the version of `position` is stored. Never rejects: what could not be removed does
   * no harm, and is tried again after some minutes.
   */
  remove(position: ScorePosition, mayWrite: () => boolean): Promise<void>;
};

export type GoneTablesPorts = {
  readonly ledger: ScoreLedger;
  readonly turns: Turns;
  readonly log: Log;
};

/** Far longer than a reader is cut off in a restart or a change of leaders. */
export const EMPTY_TABLE_MS = 10 * 60_000;

/** Some hundred milliseconds on a slow server: a round must not be held up. */
const MAX_REMOVALS = 256;

/** A server that refuses takes seconds to say so, which no other round should cost. */
const RETRY_MS = 10 * 60_000;

export function createGoneTables({ ledger, turns, log }: GoneTablesPorts): GoneTables {
  let notBeforeMs = 0;

  return {
    async remove({ asOfMs }, mayWrite) {
      if (asOfMs < notBeforeMs) {
        return;
      }
      const keys = ledger.emptiedBefore(asOfMs - EMPTY_TABLE_MS).slice(0, MAX_REMOVALS);
      try {
        await writeAll(keys, (key) => ledger.remove(key, mayWrite), turns);
      } catch (cause) {
        notBeforeMs = asOfMs + RETRY_MS;
        log("warn", "keys of models that are gone could not be removed", { cause });
      }
    },
  };
}
