import type { CatalogSnapshot } from "../domain/catalog.ts";
import type { EndpointId } from "../domain/endpoint.ts";

/** Which values the labels that follow the catalogue have at the moment. */
export type CatalogueValues = {
  /** Grows whenever another catalogue is seen. */
  generation(): number;
  has(kind: "model" | "endpoint" | "provider", value: string): boolean;
};

export type CatalogueValuesOptions = {
  /** The one that calls are planned with. */
  readonly catalog: () => CatalogSnapshot;
  /** Name of a provider in the GenAI conventions, by its id. */
  readonly providerName: (providerId: string) => string;
};

export function createCatalogueValues({
  catalog,
  providerName,
}: CatalogueValuesOptions): CatalogueValues {
  let seen: CatalogSnapshot | undefined;
  let generation = 0;
  let models: ReadonlySet<string> = new Set();
  let providers: ReadonlySet<string> = new Set();

  function current(): CatalogSnapshot {
    const now = catalog();
    if (now !== seen) {
      seen = now;
      generation += 1;
      models = new Set(now.models.map(({ id }) => id));
      providers = new Set(
        now.models.flatMap(({ id }) =>
          now.endpointsOf(id).map(({ provider }) => providerName(provider.id)),
        ),
      );
    }
    return now;
  }

  return {
    generation() {
      current();
      return generation;
    },
    has(kind, value) {
      const now = current();
      switch (kind) {
        case "model":
          return models.has(value);
        case "provider":
          return providers.has(value);
        case "endpoint":
          return now.endpoint(value as EndpointId) !== undefined;
      }
    },
  };
}
