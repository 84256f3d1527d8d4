import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type CatalogSource, decodeCatalog } from "../../../src/catalog/decode-catalog.ts";
import { mergeCatalog } from "../../../src/catalog/merge-catalog.ts";
import { least, leastWith, mergedOf, problemsOfMerge, sourceOf } from "./catalog-fixtures.ts";

const operator = { source: "operator.yaml", date: "2026-11-20" };
const id = "acme/one";
const price = (fields: object) => ({ endpoints: { [id]: { price: fields } } });
const priced = leastWith("endpoints", {
  price: { input: "1", output: "2", tiers: [{ minInputTokens: 9, input: "3", output: "4" }] },
});

describe("mergeCatalog()", () => {
  test("gives an empty catalogue for no sources", () => {
    expect(mergedOf()).toEqual({
      providers: new Map(),
      models: new Map(),
      endpoints: new Map(),
    });
  });

  test("lets a later source change one field and keep the rest", () => {
    const { endpoints } = mergedOf(priced, price({ input: "0.5" }));
    expect(endpoints.get(id)?.price).toMatchObject({ input: 500_000_000, output: 2_000_000_000 });
    expect(endpoints.get(id)?.price?.tiers).toHaveLength(1);
  });

  test("replaces a list as a whole", () => {
    expect(mergedOf(priced, price({ tiers: [] })).endpoints.get(id)?.price?.tiers).toEqual([]);
  });

  test("takes away what a later source sets to null", () => {
    const { endpoints } = mergedOf(priced, price({ input: null }));
    expect(endpoints.get(id)?.price).not.toHaveProperty("input");
    expect(endpoints.get(id)?.price?.output).toBe(2_000_000_000);
  });

  test("takes away a whole group, or one member of it", () => {
    const code = { score: 5, suite: "s" };
    const measured = leastWith("models", { benchmarks: { code, math: { score: 6, suite: "t" } } });
    const benchmarksAfter = (benchmarks: object | null) =>
      mergedOf(measured, { models: { [id]: { benchmarks } } }).models.get(id)?.benchmarks;
    expect(benchmarksAfter(null)).toEqual({});
    expect(benchmarksAfter({ math: null })).toEqual({ code: expect.objectContaining(code) });
    expect(mergedOf(priced, { endpoints: { [id]: { price: null } } }).endpoints.get(id)).toEqual(
      mergedOf(least).endpoints.get(id),
    );
  });

  test("starts a group that earlier sources lack", () => {
    expect(mergedOf(least, price({ input: "1" })).endpoints.get(id)?.price).toMatchObject({
      input: 1_000_000_000,
      source: "test",
    });
  });

  const page = { source: "test", date: "2026-11-01" };
  const full = {
    ...leastWith("models", {
      popularity: { rank: 3 },
      benchmarks: { code: { score: 5, suite: "s" }, math: { score: 6, suite: "t" } },
    }),
    endpoints: priced.endpoints,
  };
  const sourcesAfter = (patch: unknown) => {
    const merged = mergeCatalog([sourceOf(full), sourceOf(patch, operator)]);
    const { catalog } = merged as Extract<typeof merged, { ok: true }>;
    const endpoint = catalog.endpoints.get(id);
    const model = catalog.models.get(id);
    const { code, math } = model?.benchmarks ?? {};
    const parts = {
      endpoint,
      price: endpoint?.price,
      model,
      popularity: model?.popularity,
      code,
      math,
    };
    return Object.fromEntries(
      Object.entries(parts).map(([name, part]) => [
        name,
        { source: part?.source, date: part?.date },
      ]),
    );
  };
  const untouched = {
    endpoint: page,
    price: page,
    model: page,
    popularity: page,
    code: page,
    math: page,
  };

  test.each([
    { changed: ["endpoint"], patch: { endpoints: { [id]: { enabled: false } } } },
    { changed: ["endpoint"], patch: { endpoints: { [id]: { regions: null } } } },
    { changed: ["price"], patch: price({ input: "0.5" }) },
    { changed: ["price"], patch: price({ input: null }) },
    { changed: ["model"], patch: { models: { [id]: { frontier: true } } } },
    {
      changed: ["model"],
      patch: { models: { [id]: { estimate: { line: "openai mini", generation: "4o" } } } },
    },
    { changed: ["popularity"], patch: { models: { [id]: { popularity: { rank: 2 } } } } },
    { changed: ["code"], patch: { models: { [id]: { benchmarks: { code: { score: 7 } } } } } },
    { changed: [], patch: price({}) },
    { changed: [], patch: { models: { [id]: {} } } },
  ])("keeps where the rest is from when a later source changes $changed: $patch", (row) => {
    const moved = Object.fromEntries(row.changed.map((name) => [name, operator]));
    expect(sourcesAfter(row.patch)).toEqual({ ...untouched, ...moved });
  });

  test("prefers the source that a group names, then that of its entry, to the file's", () => {
    const contract = { source: "contract 7", date: "2026-11-20" };
    expect(sourcesAfter(price({ output: "0.7", source: "contract 7" }))).toEqual({
      ...untouched,
      price: contract,
    });
    const entry = { source: "contract 7", price: { output: "0.7" } };
    expect(sourcesAfter({ endpoints: { [id]: entry } })).toEqual({
      ...untouched,
      endpoint: contract,
      price: contract,
    });
  });

  test("dates a group by its entry when it has no date of its own", () => {
    const entry = { source: "page", date: "2026-10-10", price: { input: "1" } };
    expect(mergedOf(leastWith("endpoints", entry)).endpoints.get(id)?.price).toMatchObject({
      source: "page",
      date: "2026-10-10",
    });
  });

  test("reports ids that differ only in case", () => {
    expect(
      problemsOfMerge(least, { models: { "ACME/one": { openWeights: true } } }),
    ).toContainEqual({
      path: 'models["ACME/one"]',
      message: 'differs only in case from "acme/one"',
    });
  });

  test("reports every field that no source has", () => {
    const bare = { providers: { a: {} }, models: { "a/b": {} }, endpoints: { x: {} } };
    expect(problemsOfMerge(bare).map(({ path, message }) => `${path} ${message}`)).toEqual([
      "providers.a.dialect is required",
      'models["a/b"].contextLength is required',
      'models["a/b"].openWeights is required',
      "endpoints.x.model is required",
      "endpoints.x.provider is required",
      "endpoints.x.upstreamModel is required",
    ]);
  });

  test("reports references to nothing", () => {
    expect(problemsOfMerge(leastWith("endpoints", { provider: "nobody" }))).toEqual([
      { path: 'endpoints["acme/one"].provider', message: "no provider is called nobody" },
    ]);
  });
});

describe("mergeCatalog() beside a file with problems", () => {
  const file = (value: unknown, at: string) => decodeCatalog(value, operator, at).source;
  const told = (...sources: readonly CatalogSource[]) => {
    const merged = mergeCatalog(sources);
    return merged.ok ? [] : merged.problems.map(({ path, message }) => `${path} ${message}`);
  };
  const lost = { ...least.endpoints[id], model: "acme/two", provider: "acme-eu" };
  const others = file({ ...least, endpoints: { lost } }, "b.yaml: ");

  test("reports the references of the others that lead nowhere", () => {
    const broken = file({ models: { "x/y": { contextLength: 0 } } }, "a.yaml: ");
    expect(told(broken, others)).toEqual([
      "b.yaml: endpoints.lost.model no model is called acme/two; did you mean acme/one?",
      "b.yaml: endpoints.lost.provider no provider is called acme-eu",
    ]);
  });

  test("does not report what only follows from a problem that is told already", () => {
    const models = { "acme/two": { contextLength: 0 } };
    const providers = { "acme-eu": { dialect: "smtp" } };
    expect(told(file({ models, providers }, "a.yaml: "), others)).toEqual([]);
    expect(told(others, file({ models, providers }, "a.yaml: "))).toEqual([]);
  });

  test("does not judge an entry of which it cannot read a part", () => {
    const wrong = { models: { [id]: { contextLength: 0 } } };
    expect(
      told(file({ ...least, models: { [id]: { family: "f" } } }, ""), file(wrong, "")),
    ).toEqual([]);
  });

  test("reports references beside an entry that lacks a field", () => {
    const bare = file({ models: { "x/y": {} } }, "a.yaml: ");
    expect(told(bare, others)).toEqual([
      'a.yaml: models["x/y"].contextLength is required',
      'a.yaml: models["x/y"].openWeights is required',
      "b.yaml: endpoints.lost.model no model is called acme/two; did you mean acme/one?",
      "b.yaml: endpoints.lost.provider no provider is called acme-eu",
    ]);
  });

  test("does not report a reference to an entry that lacks a field", () => {
    const bare = file({ models: { "acme/two": {} }, providers: { "acme-eu": {} } }, "a.yaml: ");
    expect(told(bare, others)).toEqual([
      "a.yaml: providers.acme-eu.dialect is required",
      'a.yaml: models["acme/two"].contextLength is required',
      'a.yaml: models["acme/two"].openWeights is required',
    ]);
  });

  test("says where it looked when a file cannot be read at all", () => {
    expect(told(file([], "a.yaml: "), others)).toEqual([
      "b.yaml: endpoints.lost.model no model is called acme/two in what can be read; did you mean acme/one?",
      "b.yaml: endpoints.lost.provider no provider is called acme-eu in what can be read",
    ]);
  });

  test("is not content while a file has a problem, and gives the rest", () => {
    const merged = mergeCatalog([
      sourceOf(least),
      file({ models: { "x/y": { contextLength: 0 } } }, ""),
    ]);
    expect(merged).toMatchObject({ ok: false, problems: [], catalog: mergedOf(least) });
  });

  test("names the file that spoke last of an entry", () => {
    const first = file(least, "a.yaml: ");
    const second = file(
      { models: { [id]: { deprecationDate: "2020-01-01", releaseDate: "2021-01-01" } } },
      "b.yaml: ",
    );
    expect(told(first, second)).toEqual([
      'b.yaml: models["acme/one"].deprecationDate must not be before releaseDate 2021-01-01',
    ]);
  });

  test("counts the id of a broken model among those that an alias must not repeat", () => {
    const aliased = file(leastWith("models", { aliases: ["x/y"] }), "");
    expect(told(aliased, file({ models: { "x/y": { contextLength: 0 } } }, ""))).toEqual([
      'models["acme/one"].aliases[0] already names x/y',
    ]);
  });
});

const usd = fc.integer({ min: 0, max: 999 }).map((cents) => (cents / 100).toFixed(2));
const changes = fc.record(
  {
    price: fc.record({ input: usd, output: usd, cacheRead: usd }, { requiredKeys: [] }),
    regions: fc.array(fc.constantFrom("eu", "us"), { maxLength: 2 }),
    enabled: fc.boolean(),
    spot: fc.option(fc.boolean(), { nil: null }),
    contextLength: fc.option(fc.integer({ min: 1, max: 999 }), { nil: null }),
  },
  { requiredKeys: [] },
);

describe("mergeCatalog() for any change", () => {
  test("gives the same when a source comes twice", () => {
    fc.assert(
      fc.property(changes, (change) => {
        const patch = { endpoints: { [id]: change } };
        expect(mergedOf(least, patch, patch)).toEqual(mergedOf(least, patch));
      }),
      { seed: 3 },
    );
  });

  test("lets the later of two sources win every field it names", () => {
    fc.assert(
      fc.property(changes, changes, (first, second) => {
        const patches = [first, second].map((change) => ({ endpoints: { [id]: change } }));
        const alone = mergedOf(least, patches[1]).endpoints.get(id);
        const after = mergedOf(least, ...patches).endpoints.get(id);
        const named = Object.keys(second).filter((name) => name !== "price");
        expect(pick(after, named)).toEqual(pick(alone, named));
        expect(pick(after?.price, Object.keys(second.price ?? {}))).toEqual(
          pick(alone?.price, Object.keys(second.price ?? {})),
        );
      }),
      { seed: 4 },
    );
  });
});

function pick(entry: object | undefined, names: readonly string[]) {
  return Object.fromEntries(Object.entries(entry ?? {}).filter(([name]) => names.includes(name)));
}
