import type { WriteVerdict } from "./score-ledger.ts";
import type { Turns } from "./turns.ts";

const WRITES_AT_A_TIME = 16;

/**
 * Writes several at a time until one is refused or rejected.
 *
 * Resolves with the first verdict that is not `written`, or rejects with the first reason, and either way
 * only when nothing is on its way any more.
 */
export async function writeAll<Table>(
  tables: readonly Table[],
  write: (table: Table) => Promise<WriteVerdict>,
  turns: Turns,
): Promise<WriteVerdict> {
  // Shared by all writers, so that each table is written by one of them.
  const rest = tables.values();
  const verdicts: WriteVerdict[] = [];
  const reasons: unknown[] = [];

  async function writeOn(): Promise<void> {
    for (const table of rest) {
      const verdict = await write(table);
      if (verdict !== "written") {
        verdicts.push(verdict);
      }
      if (verdicts.length > 0 || reasons.length > 0) {
        return;
      }
      if (turns.isOver()) {
        await turns.next();
      }
    }
  }

  const writers = Array.from({ length: WRITES_AT_A_TIME }, () =>
    writeOn().catch((reason: unknown) => {
      reasons.push(reason);
    }),
  );
  await Promise.all(writers);
  if (reasons.length > 0) {
    throw reasons[0];
  }
  return verdicts[0] ?? "written";
}
