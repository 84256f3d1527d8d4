import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCatalog, decodeCatalogText } from "../../../src/catalog/decode-catalog.ts";
import { least, origin } from "./catalog-fixtures.ts";

const problems = (value: unknown) => {
  const decoded = decodeCatalog(value, origin);
  return decoded.ok ? [] : decoded.problems;
};

const readable = {
  origin,
  at: "",
  providers: new Map(),
  models: new Map(),
  endpoints: new Map(),
  broken: { providers: new Set(), models: new Set(), endpoints: new Set() },
  complete: true,
};

describe("decodeCatalogText()", () => {
  test("decodes a file", () => {
    const decoded = decodeCatalogText("models: { a/b: { contextLength: 7 } }", origin);
    expect(decoded).toEqual({
      ok: true,
      source: {
        ...readable,
        models: new Map([["a/b", { contextLength: 7 }]]),
      },
    });
  });

  test("reports syntax errors", () => {
    expect(decodeCatalogText("a: 1\na: 2", origin)).toEqual({
      ok: false,
      problems: [{ path: "", message: "line 2:1: Map keys must be unique" }],
      source: { ...readable, complete: false },
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
      { path: 'models["a/b"]', message: "must be a mapping" },
      { path: 'models["a/c"]', message: "must be a mapping, and is empty" },
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

  test("suggests the key that was probably meant", () => {
    const value = {
      modells: {},
      models: { "a/b": { contextLenght: 5, popularity: { ranc: 1 } } },
      providers: { acme: { accounts: { eu: { apiKeyEnvironment: "A" } } } },
    };
    expect(problems(value).map(({ message }) => message)).toEqual([
      "is not a known key; did you mean models?",
      "is not a known key",
      "is not a known key; did you mean rank?",
      "is not a known key; did you mean contextLength?",
    ]);
  });

  test("puts the name of the file before every path", () => {
    const paths = (value: unknown) => {
      const decoded = decodeCatalog(value, origin, "models.yaml: ");
      return decoded.ok ? [] : decoded.problems.map(({ path }) => path);
    };
    expect(paths({ models: { "a/b": { contextLength: 0 } } })).toEqual([
      'models.yaml: models["a/b"].contextLength',
    ]);
    expect(paths([])).toEqual(["models.yaml"]);
  });

  test("gives what can be read of a file with problems, and which entries cannot", () => {
    const value = { models: { "a/b": { contextLength: 7 }, "a/c": { contextLength: 0 } } };
    expect(decodeCatalog(value, origin).source).toEqual({
      ...readable,
      models: new Map([["a/b", { contextLength: 7 }]]),
      broken: { ...readable.broken, models: new Set(["a/c"]) },
    });
    expect(decodeCatalog({ models: [] }, origin).source.complete).toBe(false);
  });

  test("speaks its own words whatever is wrong", () => {
    const keys = fc.constantFrom(
      ...["providers", "models", "endpoints", "a/b", "acme", "price", "tiers", "input", "accounts"],
      ...["contextLength", "dialect", "benchmarks", "math", "score", "estimate", "date", "baseUrl"],
    );
    const layer = (inner: fc.Arbitrary<unknown>) =>
      fc.dictionary(keys, fc.oneof(fc.jsonValue(), inner));
    fc.assert(
      fc.property(layer(layer(layer(layer(fc.jsonValue())))), (value) => {
        const told = problems(value).map(({ message }) => message);
        expect(
          told.filter((message) => /invalid|expected|received|too |unrec/i.test(message)),
        ).toEqual([]);
      }),
      { seed: 5, numRuns: 50 },
    );
  });

  test("refuses the names of an object's own machinery", () => {
    const value = JSON.parse('{"__proto__": {}, "providers": {"__proto__": {"x": 1}}}');
    expect(problems(value).map(({ path }) => path)).toContain("providers.__proto__");
    expect(problems(value)[0]).toEqual({ path: "__proto__", message: "is not a known key" });
  });
});
