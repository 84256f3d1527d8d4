import { readFileSync } from "node:fs";
import { type BuildOptions, buildCatalog } from "../../../src/catalog/build-catalog.ts";
import { type CatalogSource, decodeCatalog } from "../../../src/catalog/decode-catalog.ts";
import { type MergedCatalog, mergeCatalog } from "../../../src/catalog/merge-catalog.ts";
import type { CatalogSnapshot } from "../../../src/domain/catalog.ts";
import { sha256 } from "../../../src/health/sha256.ts";

export const origin = { source: "test", date: "2026-11-01" };

export type Written = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** One provider, one open model, one endpoint: the least that is complete. */
export const least: Readonly<Record<"providers" | "models" | "endpoints", Written>> = {
  providers: { acme: { dialect: "openai-chat" } },
  models: { "acme/one": { contextLength: 1000, openWeights: true, nativeQuantization: "bf16" } },
  endpoints: { "acme/one": { model: "acme/one", provider: "acme", upstreamModel: "one" } },
};

/** `least` with one field of one entry changed. */
export function leastWith(
  kind: "providers" | "models" | "endpoints",
  changes: Readonly<Record<string, unknown>>,
) {
  const [[id = "", entry] = []] = Object.entries(least[kind]);
  return { ...least, [kind]: { [id]: { ...entry, ...changes } } };
}

export function sourceOf(value: unknown, from = origin): CatalogSource {
  const decoded = decodeCatalog(value, from);
  if (!decoded.ok) {
    throw new Error(JSON.stringify(decoded.problems));
  }
  return decoded.source;
}

export function mergedOf(...values: readonly unknown[]): MergedCatalog {
  const merged = mergeCatalog(values.map((value) => sourceOf(value)));
  if (!merged.ok) {
    throw new Error(JSON.stringify(merged.problems));
  }
  return merged.catalog;
}

export function problemsOfMerge(...values: readonly unknown[]) {
  const merged = mergeCatalog(values.map((value) => sourceOf(value)));
  return merged.ok ? [] : merged.problems;
}

export function builtFrom(
  merged: MergedCatalog,
  access: BuildOptions["access"] = () => ({ enabled: true, simulated: false }),
): CatalogSnapshot {
  return buildCatalog(merged, { revision: 1, sha256, access });
}

export function readSeed(): string {
  return readFileSync(new URL("../../../src/catalog/seed.yaml", import.meta.url), "utf8");
}
