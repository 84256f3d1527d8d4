import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  endpointEntry,
  fileSchemas,
  modelEntry,
  providerEntry,
} from "../../../src/catalog/catalog-schema.ts";
import { check } from "../../../src/decode/wording.ts";

const from = { source: "test", date: "2026-11-01" };
const messagesOf = (checked: ReturnType<typeof endpointEntry.safeParse>) =>
  checked.error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];

const endpoint = { model: "a/b", provider: "a", upstreamModel: "b", ...from };

describe("fileSchemas", () => {
  test.each(["providers", "models", "endpoints"] as const)("take an empty entry of %s", (kind) => {
    expect(fileSchemas[kind].safeParse({}).success).toBe(true);
  });

  test("take null for every field, also inside groups", () => {
    const written = { quantization: null, price: { input: null }, date: null };
    expect(fileSchemas.endpoints.safeParse(written).success).toBe(true);
  });

  test("refuse what is no day of the calendar", () => {
    expect(fileSchemas.models.safeParse({ releaseDate: "2026-02-30" }).success).toBe(false);
  });
});

describe("endpointEntry", () => {
  const priceOf = (price: unknown) => check(endpointEntry, { ...endpoint, price });

  test("turns prices into nano-USD", () => {
    expect(priceOf({ input: "0.15", output: "0", ...from }).data?.price).toMatchObject({
      input: 150_000_000,
      output: 0,
      tiers: [],
    });
  });

  test("refuses prices that are no decimals, or finer than a nano-USD", () => {
    expect(messagesOf(priceOf({ input: 0.15, output: "0.0000000001", ...from }))).toEqual([
      'price.input: must be decimal US dollars in quotes, such as "0.15", at most 999999 with at most 9 decimals',
      'price.output: must be decimal US dollars in quotes, such as "0.15", at most 999999 with at most 9 decimals',
    ]);
  });

  test("requires both prices of a tier", () => {
    const tiers = [{ minInputTokens: 1, input: "1" }];
    expect(messagesOf(priceOf({ tiers, ...from }))).toEqual(["price.tiers.0.output: is required"]);
  });

  test("refuses tiers that do not ascend", () => {
    const tier = { minInputTokens: 5, input: "1", output: "1" };
    expect(messagesOf(priceOf({ tiers: [tier, tier], ...from }))).toEqual([
      "price.tiers: must ascend by minInputTokens",
    ]);
  });

  test("has defaults that promise nothing", () => {
    expect(endpointEntry.parse(endpoint)).toEqual({
      ...endpoint,
      unsupportedParameters: [],
      regions: [],
      zeroDataRetention: false,
      supportsBatch: false,
      spot: false,
      maxConcurrency: 200,
      enabled: true,
    });
  });
});

describe("modelEntry", () => {
  const model = { contextLength: 10, openWeights: false, ...from };

  test("has defaults that promise nothing", () => {
    expect(modelEntry.parse(model)).toMatchObject({
      family: "",
      inputModalities: ["text"],
      supportsTools: false,
      supportsStructuredOutput: false,
      supportsReasoning: false,
      frontier: false,
      benchmarks: {},
    });
  });

  test.each([{}, { rank: 1, rankAtMost: 2 }])("refuses a popularity of %j", (popularity) => {
    const checked = modelEntry.safeParse({ ...model, popularity: { ...popularity, ...from } });
    expect(checked.error?.issues[0]?.message).toBe("must have exactly one of rank and rankAtMost");
  });
});

describe("providerEntry", () => {
  test("cuts slashes off the end of addresses", () => {
    const provider = { dialect: "openai-chat", baseUrl: "https://a.example/v1//", ...from };
    expect(providerEntry.parse(provider)).toMatchObject({
      baseUrl: "https://a.example/v1",
      maxTokensField: "max_tokens",
      accounts: {},
    });
  });

  test.each(["ftp://a.example", "a.example", "javascript:alert(1)"])("refuses %s", (baseUrl) => {
    const provider = { dialect: "openai-chat", baseUrl, ...from };
    expect(providerEntry.safeParse(provider).error?.issues[0]?.message).toBe(
      "must be an http or https URL",
    );
  });

  test.each([
    { baseUrl: "https://u:p@a.example" },
    { accounts: { eu: { baseUrl: "http://u@a" } } },
  ])("refuses credentials in addresses: %j", (address) => {
    const checked = providerEntry.safeParse({ dialect: "openai-chat", ...address, ...from });
    expect(checked.error?.issues[0]?.message).toContain("must not hold a user name or password");
  });
});

type Node = {
  readonly anyOf?: readonly Node[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | false;
};

describe("docs/catalogue.md", () => {
  /** Leaves below two levels of groups are described with their group. */
  function fieldsOf(node: Node, path: string, levels: number): readonly string[] {
    const { properties, additionalProperties } = node.anyOf?.[0] ?? node;
    const children = Object.entries(properties ?? {});
    if (typeof additionalProperties === "object") {
      children.push(["<name>", additionalProperties]);
    }
    return children.length === 0 || levels === 0
      ? [path]
      : children.flatMap(([name, child]) => fieldsOf(child, `${path}.${name}`, levels - 1));
  }

  test.each([
    { kind: "providers", levels: 3 },
    { kind: "models", levels: 2 },
    { kind: "endpoints", levels: 2 },
  ] as const)("has a row for every field of $kind, and no other", ({ kind, levels }) => {
    // Written by the library; the type names the part of it that is read here.
    const schema = z.toJSONSchema(fileSchemas[kind], { io: "input" }) as Node;
    const page = readFileSync(new URL("../../../docs/catalogue.md", import.meta.url), "utf8");
    const rows = [...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, path = ""]) => path);
    const fields = fieldsOf(schema, `${kind}.<id>`, levels).map((path) =>
      path.replace(/(\.estimate)\..*/, "$1"),
    );
    expect(rows.filter((path) => path.startsWith(`${kind}.`)).toSorted()).toEqual(
      [...new Set(fields)].toSorted(),
    );
  });
});
