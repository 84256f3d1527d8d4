import type { z } from "zod";
import { formatPath, type Problem, problemsOf } from "../decode/problems.ts";
import type { Provenance } from "../domain/endpoint.ts";
import {
  type CatalogEntries,
  endpointEntry,
  type Kind,
  modelEntry,
  providerEntry,
} from "./catalog-schema.ts";
import { checkCatalog } from "./check-catalog.ts";
import type { CatalogSource, WrittenEntry } from "./decode-catalog.ts";

/**
 * One catalogue out of the shipped seed and the operator's files.
 *
 * Entries meet by id, and fields by name: a later file changes what it names and leaves the rest, down
 * to a single price. A list is one field and replaced whole; `null` takes a field away. Entries, prices,
 * popularities and benchmarks remember the file, page or person they are from, the last one that
 * changed a fact of theirs, so that a page can show why a price is what it is.
 */
export type MergedCatalog = CatalogEntries;

export type MergeResult =
  | { readonly ok: true; readonly catalog: MergedCatalog }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Later sources override earlier ones. All problems at once: missing fields, and what refers to nothing. */
export function mergeCatalog(sources: readonly CatalogSource[]): MergeResult {
  const problems: Problem[] = [];
  const merge = (kind: Kind) => {
    const merged = mergeKind(sources, kind);
    problems.push(...merged.problems);
    return merged.entries;
  };
  const complete = <T>(kind: Kind, schema: z.ZodType<T>): ReadonlyMap<string, T> => {
    const entries = new Map<string, T>();
    for (const [id, fields] of merge(kind)) {
      const checked = schema.safeParse(fields);
      if (checked.success) {
        entries.set(id, checked.data);
      } else {
        problems.push(...problemsOf(checked.error.issues, { at: [kind, id] }));
      }
    }
    return entries;
  };
  const catalog: MergedCatalog = {
    providers: complete("providers", providerEntry),
    models: complete("models", modelEntry),
    endpoints: complete("endpoints", endpointEntry),
  };
  // References are checked only between whole entries: a broken one would be reported twice.
  const all = problems.length > 0 ? problems : checkCatalog(catalog);
  return all.length > 0 ? { ok: false, problems: all } : { ok: true, catalog };
}

function mergeKind(sources: readonly CatalogSource[], kind: Kind) {
  const entries = new Map<string, WrittenEntry>();
  const spellings = new Map<string, string>();
  const problems: Problem[] = [];
  for (const source of sources) {
    for (const [id, patch] of source[kind]) {
      const spelling = spellings.get(id.toLowerCase()) ?? id;
      if (spelling !== id) {
        problems.push({
          path: formatPath([kind, id]),
          message: `differs only in case from ${JSON.stringify(spelling)}`,
        });
      }
      spellings.set(id.toLowerCase(), spelling);
      const place = { path: [kind, id], from: source.origin };
      entries.set(id, mergeFields(entries.get(id) ?? {}, patch, place));
    }
  }
  return { entries, problems };
}

type Place = {
  readonly path: readonly string[];
  /** Where the facts are from unless the patch names another source. */
  readonly from: Provenance;
};

function mergeFields(base: WrittenEntry, patch: WrittenEntry, place: Place): WrittenEntry {
  const from = ownProvenance(patch, place.from);
  const merged: Record<string, unknown> = { ...base };
  let changed = base["source"] === undefined;
  for (const [name, value] of Object.entries(patch)) {
    if (isGroup(value)) {
      const current = isGroup(merged[name]) ? merged[name] : {};
      merged[name] = mergeFields(current, value, { path: [...place.path, name], from });
      changed ||= !groupsWithProvenance.has(name);
    } else {
      changed = true;
      merged[name] = value;
    }
    if (value === null) {
      delete merged[name];
    }
  }
  return changed && holdsProvenance(place.path) ? { ...merged, ...from } : merged;
}

/** Groups of an entry whose facts are not its own: they, or their members, say where they are from. */
const groupsWithProvenance: ReadonlySet<string> = new Set(["price", "popularity", "benchmarks"]);

/** An entry, its price, its popularity and each of its benchmarks. */
function holdsProvenance([, , group, member]: readonly string[]): boolean {
  return group === "benchmarks"
    ? member !== undefined
    : [undefined, "price", "popularity"].includes(group);
}

function ownProvenance({ source, date }: WrittenEntry, inherited: Provenance): Provenance {
  return {
    source: typeof source === "string" ? source : inherited.source,
    date: typeof date === "string" ? date : inherited.date,
  };
}

function isGroup(value: unknown): value is WrittenEntry {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
