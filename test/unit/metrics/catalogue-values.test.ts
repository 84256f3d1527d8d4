import { describe, expect, test } from "vitest";
import { createCatalogueValues } from "../../../src/metrics/catalogue-values.ts";
import { exampleCatalog, exampleModel } from "../../support/example-catalog.ts";
import { exampleEndpoint } from "../../support/examples.ts";

describe("createCatalogueValues()", () => {
  const first = exampleCatalog([exampleModel("acme/one")], [exampleEndpoint("azure/eu/one")]);

  test("knows the catalogue's models, endpoints and providers by their names in the conventions", () => {
    const values = createCatalogueValues({
      catalog: () => first,
      providerName: (id) => `${id}.ai`,
    });
    expect(values.has("model", "acme/one")).toBe(true);
    expect(values.has("model", "acme/two")).toBe(false);
    expect(values.has("endpoint", "azure/eu/one")).toBe(true);
    expect(values.has("endpoint", "azure/eu/two")).toBe(false);
    expect(values.has("provider", "azure.ai")).toBe(true);
    expect(values.has("provider", "azure")).toBe(false);
  });

  test("follows the catalogue and counts its changes", () => {
    let catalog = first;
    const values = createCatalogueValues({ catalog: () => catalog, providerName: (id) => id });
    const before = values.generation();
    expect(values.generation()).toBe(before);
    catalog = exampleCatalog([exampleModel("acme/two")]);
    expect(values.generation()).toBe(before + 1);
    expect(values.has("model", "acme/one")).toBe(false);
    expect(values.has("model", "acme/two")).toBe(true);
  });
});
