import { fileURLToPath } from "node:url";
import { type AccountAccess, buildCatalog } from "../catalog/build-catalog.ts";
import { type CatalogSource, decodeCatalogText } from "../catalog/decode-catalog.ts";
import { type MergedCatalog, mergeCatalog } from "../catalog/merge-catalog.ts";
import type { Problem } from "../decode/problems.ts";
import type { CatalogSnapshot } from "../domain/catalog.ts";
import type { Provenance } from "../domain/endpoint.ts";

export type LoadedCatalog =
  | { readonly ok: true; readonly catalog: MergedCatalog }
  | { readonly ok: false; readonly problems: readonly Problem[] };

type ReadFile = (path: string) => Promise<Uint8Array>;

/** The catalogue that ships with the router. */
const seedPath = fileURLToPath(new URL("../catalog/seed.yaml", import.meta.url));

/**
 * The shipped catalogue with the operator's sources over it, in order; every problem at once.
 *
 * Rejects only when the shipped file itself cannot be read.
 */
export async function loadCatalog(
  readFile: ReadFile,
  sources: readonly CatalogSource[],
): Promise<LoadedCatalog> {
  const text = new TextDecoder().decode(await readFile(seedPath));
  const seed = decodeCatalogText(text, { source: "seed.yaml", date: "1970-01-01" });
  return seed.ok ? mergeCatalog([seed.source, ...sources]) : seed;
}

/** One catalogue file of the operator's, or every problem with it under its own path. */
export async function readCatalogFile(
  readFile: ReadFile,
  path: string,
  date: string,
): Promise<
  | { readonly ok: true; readonly source: CatalogSource }
  | { readonly ok: false; readonly problems: readonly Problem[] }
> {
  const origin: Provenance = { source: path, date };
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(await readFile(path));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, problems: [{ path, message: `cannot be read: ${reason}` }] };
  }
  const decoded = decodeCatalogText(text, origin);
  return decoded.ok
    ? decoded
    : {
        ok: false,
        problems: decoded.problems.map((problem) => ({
          path: `${path}: ${problem.path}`,
          message: problem.message,
        })),
      };
}

/** Endpoints of every account, with the fleet standing in for all of them. */
export function simulatedCatalog(catalog: MergedCatalog): CatalogSnapshot {
  const access = (): AccountAccess => ({ enabled: true, simulated: true });
  return buildCatalog(catalog, { revision: 1, access });
}
