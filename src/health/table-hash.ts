import type { Hash } from "../score/shared-endpoint.ts";

/** What a table without endpoints leaves out of the hash of all. */
export type TableSummary = { readonly model: string; readonly stateSha256: Uint8Array };

/** Over the state hashes of the tables in the order of their models' ids (UTF-16 units). */
export function hashOfTables(tables: Iterable<TableSummary>, hash: Hash): Uint8Array {
  const ordered = [...tables].sort(({ model: left }, { model: right }) => (left < right ? -1 : 1));
  return hash(ordered.map(({ stateSha256 }) => stateSha256));
}

/** A table without endpoints says that its model is gone, and counts for nothing. */
export function summaryOf({
  model,
  endpoints,
  stateSha256,
}: TableSummary & { readonly endpoints: readonly unknown[] }): TableSummary | undefined {
  return endpoints.length === 0 ? undefined : { model, stateSha256 };
}

export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}
