import type { CatalogSnapshot, Endpoint } from "../../src/domain/catalog.ts";
import type { Model } from "../../src/domain/model.ts";

export function exampleModel(id: string, changes: Partial<Model> = {}): Model {
  return {
    id,
    displayName: `Acme: ${id}`,
    family: "one",
    aliases: [],
    contextLength: 128_000,
    maxOutputTokens: 16_384,
    inputModalities: ["text", "image"],
    outputModalities: ["text"],
    openWeights: true,
    nativeQuantization: "bf16",
    supportsTools: true,
    supportsStructuredOutput: true,
    supportsReasoning: false,
    releaseDate: "2026-01-02",
    deprecationDate: undefined,
    popularityRank: undefined,
    intelligence: undefined,
    provenance: { source: "test", date: "2026-11-01" },
    ...changes,
  };
}

/** A catalogue of these entries alone. */
export function exampleCatalog(
  models: readonly Model[],
  endpoints: readonly Endpoint[] = [],
  revision = 1,
): CatalogSnapshot {
  const sorted = models.toSorted((left, right) => (left.id < right.id ? -1 : 1));
  return {
    revision,
    priceVersion: "0a1b2c3d4e5f",
    models: sorted,
    model(idOrAlias) {
      const name = idOrAlias.toLowerCase();
      return sorted.find(({ id, aliases }) =>
        [id, ...aliases].some((known) => known.toLowerCase() === name),
      );
    },
    endpointsOf: (modelId) =>
      endpoints
        .filter(({ model }) => model === modelId)
        .toSorted((left, right) => (left.id < right.id ? -1 : 1)),
    endpoint: (id) => endpoints.find((endpoint) => endpoint.id === id),
  };
}
