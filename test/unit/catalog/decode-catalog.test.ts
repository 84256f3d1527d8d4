import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCatalog, decodeCatalogText } from "../../../src/catalog/decode-catalog.ts";
import { least, origin } from "./catalog-fixtures.ts";

const problems = (value: unknown) => {
  const decoded = decodeCatalog(value, origin);
  return decoded.ok ? [] : decoded.problems;
};

describe("decodeCatalogText()", () => {
  test("decodes a file", () => {
    const decoded = decodeCatalogText("models: { a/b: { contextLength: 7 } }", origin);
    expect(decoded).toEqual({
      ok: true,
      source: {
        origin,
        providers: new Map(),
        models: new Map([["a/b", { contextLength: 7 }]]),
        endpoints: new Map(),
      },
    });
  });

  test("reports syntax errors", () => {
    expect(decodeCatalogText("a: 1\na: 2", origin)).toEqual({
      ok: false,
      problems: [{ path: "", message: "line 2:1: Map keys must be unique" }],
    });
  });

  test("never throws, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), (text) => {
        expect(decodeCatalogText(text, origin)).toHaveProperty("ok");
      }),
      { seed: 2 },
    );
  });
});

describe("decodeCatalog()", () => {
  test("takes the least that is complete", () => {
    expect(problems(least)).toEqual([]);
  });

  test.each([undefined, null, {}, { models: null }])("takes %j for an empty catalogue", (value) => {
    expect(problems(value)).toEqual([]);
  });

  test.each([[[]], ["text"], [7]])("refuses %j", (value) => {
    expect(problems(value)).toEqual([{ path: "", message: "must be a mapping" }]);
  });

  test("refuses a list of entries", () => {
    expect(problems({ models: [{ id: "a/b" }] })).toEqual([
      { path: "models", message: "must be a mapping of ids to entries" },
    ]);
  });

  test("refuses an entry that is no mapping", () => {
    expect(problems({ models: { "a/b": 7, "a/c": null } })).toEqual([
      { path: 'models["a/b"]', message: "Invalid input: expected object, received number" },
      { path: 'models["a/c"]', message: "Invalid input: expected object, received null" },
    ]);
  });

  test("reports every problem of every entry with its path", () => {
    const value = {
      modells: {},
      providers: { "Open AI": { dialect: "smtp" } },
      models: { "no-author": {}, "a/b": { contextLenght: 5, contextLength: 0 } },
      endpoints: { "-x": { price: { input: 1, inputs: "1" } } },
    };
    expect(problems(value).map(({ path }) => path)).toEqual([
      "modells",
      'providers["Open AI"]',
      'providers["Open AI"].dialect',
      "models.no-author",
      'models["a/b"].contextLength',
      'models["a/b"].contextLenght',
      'endpoints["-x"]',
      'endpoints["-x"].price.input',
      'endpoints["-x"].price.inputs',
    ]);
  });

  test("refuses ids that are too long for where ids go", () => {
    expect(problems({ endpoints: { ["x".repeat(201)]: {} } })[0]?.message).toBe(
      "must be an id like azure/eastus/gpt-4o-mini, at most 200 characters",
    );
  });

  test("refuses the names of an object's own machinery", () => {
    const value = JSON.parse('{"__proto__": {}, "providers": {"__proto__": {"x": 1}}}');
    expect(problems(value).map(({ path }) => path)).toContain("providers.__proto__");
    expect(problems(value)[0]).toEqual({ path: "__proto__", message: "is not a known key" });
  });
});
