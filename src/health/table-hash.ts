import type { Hash } from "../score/shared-endpoint.ts";

/** What stands for a table in the hash of all. */
export type TableSummary = {
  readonly model: string;
  /** Of the table's bytes as they are stored. */
  readonly sha256: Uint8Array;
};

/** Over the hashes of the tables in the order of their models' ids (UTF-16 units). */
export function hashOfTables(tables: Iterable<TableSummary>, hash: Hash): Uint8Array {
  const ordered = [...tables].sort(({ model: left }, { model: right }) => (left < right ? -1 : 1));
  return hash(ordered.map(({ sha256 }) => sha256));
}

/** A table without endpoints says that its model is gone, and counts for nothing. */
export function summaryOf(
  { model, endpoints }: { readonly model: string; readonly endpoints: readonly unknown[] },
  bytes: Uint8Array,
  hash: Hash,
): TableSummary | undefined {
  return endpoints.length === 0 ? undefined : { model, sha256: hash([bytes]) };
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
