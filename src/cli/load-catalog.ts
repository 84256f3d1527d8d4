import { fileURLToPath } from "node:url";
import { type AccountAccess, buildCatalog } from "../catalog/build-catalog.ts";
import {
  type CatalogSource,
  type DecodedCatalog,
  decodeCatalogText,
  unreadableCatalog,
} from "../catalog/decode-catalog.ts";
import { type MergedCatalog, type MergeResult, mergeCatalog } from "../catalog/merge-catalog.ts";
import type { CatalogSnapshot } from "../domain/catalog.ts";
import type { Provenance } from "../domain/endpoint.ts";
import { sha256 } from "../health/sha256.ts";
import { readProblem } from "./read-problem.ts";

type ReadFile = (path: string) => Promise<Uint8Array>;

/** The catalogue that ships with the router. */
const seedPath = fileURLToPath(new URL("../catalog/seed.yaml", import.meta.url));

/**
 * The shipped catalogue with the operator's sources over it, in order; every problem of what they come to
 * at once, without those that the sources have by themselves.
 *
 * Rejects only when the shipped file itself cannot be read.
 */
export async function loadCatalog(
  readFile: ReadFile,
  sources: readonly CatalogSource[],
): Promise<MergeResult> {
  const text = new TextDecoder().decode(await readFile(seedPath));
  const origin = { source: "seed.yaml", date: "1970-01-01" };
  const seed = decodeCatalogText(text, origin, "shipped catalogue: ");
  const merged = mergeCatalog([seed.source, ...sources]);
  return seed.ok || merged.ok
    ? merged
    : { ...merged, problems: [...seed.problems, ...merged.problems] };
}

/** One catalogue file of the operator's, or every problem with it under its own path. */
export async function readCatalogFile(
  readFile: ReadFile,
  path: string,
  date: string,
): Promise<DecodedCatalog> {
  const origin: Provenance = { source: path, date };
  const at = `${path}: `;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
    return decodeCatalogText(text, origin, at);
  } catch (error) {
    return unreadableCatalog([{ path: "", message: readProblem(path, error) }], origin, at);
  }
}

/** Endpoints of every account, with the fleet standing in for all of them. */
export function simulatedCatalog(catalog: MergedCatalog): CatalogSnapshot {
  const access = (): AccountAccess => ({ enabled: true, simulated: true });
  return buildCatalog(catalog, { revision: 1, sha256, access });
}
