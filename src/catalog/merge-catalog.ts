import type { z } from "zod";
import { formatPath, type Problem, problemsOf } from "../decode/problems.ts";
import { check } from "../decode/wording.ts";
import type { Provenance } from "../domain/endpoint.ts";
import {
  type CatalogEntries,
  endpointEntry,
  type Kind,
  modelEntry,
  providerEntry,
} from "./catalog-schema.ts";
import { type CatalogGaps, checkCatalog } from "./check-catalog.ts";
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
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      /** The entries without a problem of their own. */
      readonly catalog: MergedCatalog;
      readonly gaps: CatalogGaps;
    };

/**
 * Later sources override earlier ones. All problems at once: missing fields, and what refers to nothing.
 * The problems that the sources have by themselves are not among them, nor what only follows from those.
 */
export function mergeCatalog(sources: readonly CatalogSource[]): MergeResult {
  const problems: Problem[] = [];
  const gaps = gapsOf(sources);
  const complete = <T>(kind: Kind, schema: z.ZodType<T>): ReadonlyMap<string, T> => {
    const entries = new Map<string, T>();
    const merged = mergeKind(sources, kind);
    problems.push(...merged.problems);
    for (const [id, fields] of merged.entries) {
      const checked = check(schema, fields);
      if (gaps.broken[kind].has(id)) {
        continue;
      }
      if (checked.success) {
        entries.set(id, checked.data);
      } else {
        gaps.broken[kind].add(id);
        problems.push(...below(placeOf(sources, kind, id), checked.error, [kind, id]));
      }
    }
    return entries;
  };
  const catalog: MergedCatalog = {
    providers: complete("providers", providerEntry),
    models: complete("models", modelEntry),
    endpoints: complete("endpoints", endpointEntry),
  };
  const place = (kind: Kind, id: string) => placeOf(sources, kind, id);
  const all = [...problems, ...checkCatalog(catalog, { gaps, place })];
  return all.length > 0 || !isWhole(gaps)
    ? { ok: false, problems: all, catalog, gaps }
    : { ok: true, catalog };
}

function gapsOf(sources: readonly CatalogSource[]) {
  const broken = (kind: Kind) => new Set(sources.flatMap((source) => [...source.broken[kind]]));
  return {
    broken: {
      providers: broken("providers"),
      models: broken("models"),
      endpoints: broken("endpoints"),
    },
    complete: sources.every((source) => source.complete),
  };
}

function isWhole({ broken, complete }: CatalogGaps): boolean {
  return complete && Object.values(broken).every(({ size }) => size === 0);
}

/** Of the last file that says something of the entry: the one to look into first. */
function placeOf(sources: readonly CatalogSource[], kind: Kind, id: string): string {
  return sources.reduce((at, source) => (source[kind].has(id) ? source.at : at), "");
}

function below(at: string, { issues }: z.ZodError, entry: readonly string[]): readonly Problem[] {
  return problemsOf(issues, { at: entry }).map(({ path, message }) => ({
    path: at + path,
    message,
  }));
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
          path: source.at + formatPath([kind, id]),
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
