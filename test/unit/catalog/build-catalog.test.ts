import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { cheapestEndpoint } from "../../../src/catalog/cheapest-endpoint.ts";
import { decodeCatalogText } from "../../../src/catalog/decode-catalog.ts";
import { mergeCatalog } from "../../../src/catalog/merge-catalog.ts";
import type { EndpointId } from "../../../src/domain/endpoint.ts";
import { EMPTY_SCORES } from "../../../src/domain/score.ts";
import { builtFrom, least, leastWith, mergedOf, readSeed } from "./catalog-fixtures.ts";

const built = (...values: readonly unknown[]) => builtFrom(mergedOf(...values));
const onlyEndpoint = (value: unknown) => built(value).endpointsOf("acme/one")[0];
const onlyModel = (value: unknown) => built(value).models[0];

describe("buildCatalog()", () => {
  test("fills in what an endpoint leaves to its model", () => {
    const value = leastWith("models", {
      contextLength: 1000,
      maxOutputTokens: 100,
      inputModalities: ["text", "image"],
    });
    expect(onlyEndpoint(value)).toMatchObject({
      id: "acme/one",
      provider: { id: "acme", displayName: "acme" },
      account: "acme",
      quantization: "undisclosed",
      precision: "undisclosed",
      native: false,
      contextLength: 1000,
      maxOutputTokens: 100,
      inputModalities: new Set(["text", "image"]),
      enabled: true,
      simulated: false,
      provenance: { source: "test", date: "2026-11-01" },
    });
  });

  test("names the source of a price or a popularity that is not its entry's", () => {
    const date = "2026-11-02";
    const price = { input: "1", source: "contract 7", date };
    expect(onlyEndpoint(leastWith("endpoints", { price }))?.provenance).toEqual({
      source: "test; price: contract 7 (2026-11-02)",
      date: "2026-11-01",
    });
    const popularity = { rank: 3, source: "usage page", date };
    expect(onlyModel(leastWith("models", { popularity }))?.provenance).toEqual({
      source: "test; popularity: usage page (2026-11-02)",
      date: "2026-11-01",
    });
  });

  test("keeps the limits of an endpoint together", () => {
    const model = leastWith("models", { maxOutputTokens: 900 });
    const endpoints = { "acme/one": { ...least.endpoints["acme/one"], contextLength: 500 } };
    expect(onlyEndpoint({ ...model, endpoints })).toMatchObject({
      contextLength: 500,
      maxOutputTokens: 500,
    });
  });

  test("lets a model without a limit answer with its whole context", () => {
    expect(onlyModel(least)).toMatchObject({ displayName: "acme/one", maxOutputTokens: 1000 });
    expect(onlyEndpoint(least)?.maxOutputTokens).toBe(1000);
  });

  test.each([
    { quantization: "bf16", precision: "full", native: true },
    { quantization: "fp8", precision: "q8", native: false },
    { quantization: "undisclosed", precision: "undisclosed", native: false },
  ])("derives precision and nativeness from $quantization", ({ quantization, ...derived }) => {
    expect(onlyEndpoint(leastWith("endpoints", { quantization }))).toMatchObject(derived);
  });

  test("takes closed weights for native, since they have one format", () => {
    const closed = leastWith("models", { openWeights: false, nativeQuantization: null });
    expect(onlyEndpoint(closed)).toMatchObject({
      quantization: "unknown",
      precision: "full",
      native: true,
    });
    expect(onlyModel(closed)?.nativeQuantization).toBe("unknown");
  });

  test("leaves a price that nobody states absent", () => {
    expect(onlyEndpoint(least)?.pricing).toEqual({
      inputPerMtok: undefined,
      outputPerMtok: undefined,
      cacheReadPerMtok: undefined,
      cacheWritePerMtok: undefined,
      reasoningPerMtok: undefined,
      perRequest: undefined,
      perImage: undefined,
      batchDiscountPercent: undefined,
      tiers: [],
    });
  });

  test("takes over every price", () => {
    const price = {
      input: "1",
      output: "2",
      cacheRead: "0.1",
      cacheWrite: "1.25",
      reasoning: "3",
      perRequest: "0.005",
      perImage: "0.001",
      batchDiscountPercent: 50,
      tiers: [{ minInputTokens: 7, input: "4", output: "5", cacheRead: "0.4", cacheWrite: "6" }],
    };
    expect(onlyEndpoint(leastWith("endpoints", { price }))?.pricing).toEqual({
      inputPerMtok: 1_000_000_000,
      outputPerMtok: 2_000_000_000,
      cacheReadPerMtok: 100_000_000,
      cacheWritePerMtok: 1_250_000_000,
      reasoningPerMtok: 3_000_000_000,
      perRequest: 5_000_000,
      perImage: 1_000_000,
      batchDiscountPercent: 50,
      tiers: [
        {
          minInputTokens: 7,
          inputPerMtok: 4_000_000_000,
          outputPerMtok: 5_000_000_000,
          cacheReadPerMtok: 400_000_000,
          cacheWritePerMtok: 6_000_000_000,
        },
      ],
    });
  });

  test("asks for the access of each account by its key", () => {
    const value = {
      ...leastWith("endpoints", { account: "eu" }),
      providers: { acme: { dialect: "openai-chat", accounts: { eu: {} } } },
    };
    const asked: string[] = [];
    const catalog = builtFrom(mergedOf(value), (account) => {
      asked.push(account);
      return { enabled: true, simulated: true };
    });
    expect(asked).toEqual(["acme/eu"]);
    expect(catalog.endpointsOf("acme/one")[0]).toMatchObject({
      account: "acme/eu",
      simulated: true,
    });
  });

  test.each([
    { entry: true, access: true, enabled: true },
    { entry: false, access: true, enabled: false },
    { entry: true, access: false, enabled: false },
  ])("lists an endpoint that is switched off: $entry, $access", ({ entry, access, enabled }) => {
    const merged = mergedOf(leastWith("endpoints", { enabled: entry }));
    const catalog = builtFrom(merged, () => ({ enabled: access, simulated: false }));
    expect(catalog.endpointsOf("acme/one").map((endpoint) => endpoint.enabled)).toEqual([enabled]);
  });

  test("finds models by id and alias in any case, and endpoints by id", () => {
    const catalog = built(leastWith("models", { aliases: ["One"] }));
    const model = catalog.models[0];
    expect([catalog.model("acme/one"), catalog.model("ONE"), catalog.model("Acme/One")]).toEqual([
      model,
      model,
      model,
    ]);
    expect(catalog.model("two")).toBeUndefined();
    const id = "acme/one" as EndpointId;
    expect(catalog.endpoint(id)).toBe(catalog.endpointsOf("acme/one")[0]);
    expect(catalog.endpoint("acme/two" as EndpointId)).toBeUndefined();
    expect(catalog.endpointsOf("acme/two")).toEqual([]);
  });

  test("sorts models and endpoints by id", () => {
    const twice = (entry: object | undefined) => ({ "z/b": entry, "z/a": entry });
    const catalog = built({
      ...least,
      models: { ...twice(least.models["acme/one"]), ...least.models },
      endpoints: { ...twice(least.endpoints["acme/one"]), ...least.endpoints },
    });
    expect(catalog.models.map(({ id }) => id)).toEqual(["acme/one", "z/a", "z/b"]);
    expect(catalog.endpointsOf("acme/one").map(({ id }) => id)).toEqual(["acme/one", "z/a", "z/b"]);
  });

  test("is frozen", () => {
    const catalog = built(leastWith("endpoints", { price: { input: "1" } }));
    const [endpoint] = catalog.endpointsOf("acme/one");
    const frozen = [catalog, catalog.models, catalog.models[0], endpoint, endpoint?.pricing];
    expect(frozen.map((part) => Object.isFrozen(part))).toEqual(frozen.map(() => true));
  });

  test("leaves out endpoints whose model or provider is missing", () => {
    const merged = mergedOf(least);
    expect(builtFrom({ ...merged, models: new Map() }).endpoint("acme/one" as EndpointId)).toBe(
      undefined,
    );
    expect(builtFrom({ ...merged, providers: new Map() }).endpointsOf("acme/one")).toEqual([]);
  });
});

describe("the intelligence of a built catalogue", () => {
  const estimate = { line: "openai mini", generation: "4o" };

  test("is absent where nothing is known", () => {
    expect(onlyModel(least)?.intelligence).toBeUndefined();
  });

  test("prefers measurement to estimate", () => {
    const benchmarks = { math: { score: 40, suite: "MATH" } };
    expect(onlyModel(leastWith("models", { benchmarks, estimate }))?.intelligence).toMatchObject({
      kind: "composite",
      score: 40,
    });
  });

  test("takes the exact rank before a bound, and shows only the exact one", () => {
    const exact = onlyModel(leastWith("models", { estimate, popularity: { rank: 3 } }));
    expect(exact?.popularityRank).toBe(3);
    expect(exact?.intelligence?.reasons).toContain("top-4 by usage +2");
    const bound = onlyModel(leastWith("models", { estimate, popularity: { rankAtMost: 64 } }));
    expect(bound?.popularityRank).toBeUndefined();
    expect(bound?.intelligence?.reasons).toContain("top-64 by usage +0.5");
  });

  test("looks at the lowest known price of all endpoints", () => {
    const value = {
      ...leastWith("models", { estimate }),
      endpoints: {
        a: { ...least.endpoints["acme/one"], price: { input: "5" } },
        b: { ...least.endpoints["acme/one"], price: { input: "2" } },
        c: least.endpoints["acme/one"],
      },
    };
    expect(onlyModel(value)?.intelligence?.reasons).toContain("input from $2 per 1M +1");
  });

  test("stays below measured frontier models", () => {
    const frontier = {
      ...least.models["acme/one"],
      frontier: true,
      benchmarks: { math: { score: 60, suite: "MATH" } },
    };
    const unmeasured = { ...least.models["acme/one"], frontier: true };
    const models = {
      ...leastWith("models", { estimate }).models,
      "z/f": frontier,
      "z/u": unmeasured,
    };
    expect(built({ ...least, models }).model("acme/one")?.intelligence?.score).toBe(58);
  });
});

describe("the shipped catalogue", () => {
  const decoded = decodeCatalogText(readSeed(), { source: "unsourced", date: "2000-01-01" });
  const merged = mergeCatalog(decoded.ok ? [decoded.source] : []);
  const seed = builtFrom(merged.ok ? merged.catalog : mergedOf());
  const pages: { readonly models: readonly Page[] } = JSON.parse(
    readFileSync(new URL("model-pages.json", import.meta.url), "utf8"),
  );

  test("has no problems", () => {
    expect([decoded, merged]).toEqual([
      expect.objectContaining({ ok: true }),
      expect.objectContaining({ ok: true }),
    ]);
    expect(seed.models.length).toBeGreaterThan(12);
  });

  const { providers, models, endpoints } = merged.ok ? merged.catalog : mergedOf();
  const present = <T>(part: T | undefined) => (part === undefined ? [] : [part]);
  const measured = [
    ...[...endpoints.values()].flatMap(({ price }) => present(price)),
    ...[...models.values()].flatMap(({ benchmarks }) => Object.values(benchmarks).flatMap(present)),
  ];
  const isRecalled = ({ source }: { readonly source: string }) =>
    source.startsWith("not confirmed: recalled");

  test("gives a source and a date for every fact", () => {
    const sourced = [
      ...[...providers.values(), ...models.values(), ...endpoints.values()],
      ...[...models.values()].flatMap(({ popularity }) => present(popularity)),
      ...measured,
    ];
    expect(sourced.length).toBeGreaterThan(100);
    expect(sourced.filter(({ source, date }) => source === "unsourced" || date < "2026")).toEqual(
      [],
    );
  });

  test("shows every source whole", () => {
    const shown = seed.models.flatMap((model) => [model, ...seed.endpointsOf(model.id)]);
    expect(shown.filter(({ provenance }) => provenance.source.includes("…"))).toEqual([]);
  });

  test.each(pages.models)("shows the page of $id", (page) => {
    const model = seed.model(page.id);
    const { kind, score, reasons = [], benchmarks = {} } = page.intelligence;
    expect(model).toMatchObject({ id: page.id, displayName: page.displayName });
    expect(model?.intelligence).toMatchObject({ kind, score, reasons });
    expect(model?.intelligence?.benchmarks.map((benchmark) => benchmark.score)).toEqual(
      Object.values(benchmarks),
    );
    expect(seed.endpointsOf(page.id).map(rowOf).toSorted()).toEqual(
      page.endpoints.map(rowOfPage).toSorted(),
    );
    const cheapest = cheapestEndpoint(seed.endpointsOf(page.id), EMPTY_SCORES);
    expect(cheapest?.provider.displayName).toBe(page.cheapest.provider);
  });

  test("marks what was recalled, and recalls no price, benchmark or weight format", () => {
    const recalled = [...models.values(), ...endpoints.values()].filter(isRecalled);
    expect(recalled).not.toEqual([]);
    const formats = recalled.map((entry) =>
      "model" in entry ? entry.quantization : entry.nativeQuantization,
    );
    expect([...formats.flatMap(present), ...measured.filter(isRecalled)]).toEqual([]);
  });

  test("can call the open models natively that the documentation lists, and no other ones", () => {
    const row = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
    const code = (name: string) => `\`${name}\``;
    const open = seed.models.filter(({ openWeights }) => openWeights);
    const rows = open.map(({ id, nativeQuantization: released }) => {
      const endpoints = seed.endpointsOf(id);
      const native = endpoints.filter((endpoint) => endpoint.native);
      const disclosed = endpoints
        .map(({ quantization }) => quantization)
        .filter((format) => format !== "undisclosed");
      const formats = disclosed.length === 0 ? "nothing" : [...new Set(disclosed)].join(", ");
      const where = native.map((endpoint) => code(endpoint.id)).join(", ");
      return row([code(id), released, where || formats]);
    });
    const page = readFileSync(new URL("../../../docs/catalogue.md", import.meta.url), "utf8");
    const [, section = ""] = page.split("## Which models can be called natively");
    const [listed = ""] = section.split("\n## ");
    expect(listed.match(/^\| `.*$/gm)?.toSorted()).toEqual(rows.toSorted());
  });

  test("can call every closed model natively", () => {
    const closed = seed.models.filter(({ openWeights }) => !openWeights);
    const never = closed.filter(({ id }) => !seed.endpointsOf(id).some(({ native }) => native));
    expect(never.map(({ id }) => id)).toEqual([]);
  });

  test("has narrow weights that are native, and prices that are unknown, tiered and cached", () => {
    const endpoints = seed.models.flatMap(({ id }) => seed.endpointsOf(id));
    const wanted = {
      narrowNative: endpoints.some(({ native, precision }) => native && precision !== "full"),
      unknown: endpoints.some(({ pricing }) => pricing.inputPerMtok === undefined),
      tiered: endpoints.some(({ pricing }) =>
        pricing.tiers.some(({ minInputTokens }) => minInputTokens > 200_000),
      ),
      cached: endpoints.some(({ pricing }) => pricing.cacheWritePerMtok !== undefined),
    };
    expect(wanted).toEqual({ narrowNative: true, unknown: true, tiered: true, cached: true });
  });
});

type Page = {
  readonly id: string;
  readonly displayName: string;
  readonly cheapest: { readonly provider: string };
  readonly intelligence: {
    readonly kind: string;
    readonly score: number;
    readonly reasons?: readonly string[];
    readonly benchmarks?: Readonly<Record<string, number>>;
  };
  readonly endpoints: readonly {
    readonly provider: string | null;
    readonly precision: string;
    readonly quantization: string | null;
    readonly inputUsdPerMtok: string;
    readonly outputUsdPerMtok: string;
  }[];
};

type Row = ReturnType<ReturnType<typeof built>["endpointsOf"]>[number];

function rowOf({ provider, precision, quantization, pricing }: Row): string {
  const { inputPerMtok = Number.NaN, outputPerMtok = Number.NaN } = pricing;
  const prices = [inputPerMtok, outputPerMtok].map((nanoUsd) => (nanoUsd / 1e9).toFixed(2));
  return [provider.displayName, precision, quantization, ...prices].join(" ");
}

function rowOfPage(row: Page["endpoints"][number]): string {
  const { provider, precision, quantization, inputUsdPerMtok, outputUsdPerMtok } = row;
  return [
    provider ?? "(not shown)",
    precision,
    quantization ?? "undisclosed",
    inputUsdPerMtok,
    outputUsdPerMtok,
  ].join(" ");
}
