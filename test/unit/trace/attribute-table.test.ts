import { describe, expect, test } from "vitest";
import { attributeNamesOf, attributeTable } from "../../../src/trace/attribute-table.ts";
import type { AttributeDefinition } from "../../../src/trace/gen-ai-attributes.ts";

const definitions: readonly AttributeDefinition[] = Object.values(attributeTable);

describe("attributeTable", () => {
  test("has every key once, in either convention", () => {
    const keys = definitions.map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    const latest = definitions.map(({ key, latestKey }) => latestKey ?? key);
    expect(new Set(latest).size).toBe(latest.length);
  });

  test("links to the convention of every key that is not our own", () => {
    const unlinked = definitions.filter(({ convention }) => convention === undefined);
    expect(unlinked.map(({ key }) => key).filter((key) => !key.startsWith("atlas."))).toEqual([]);
    const own = definitions.filter(({ key }) => key.startsWith("atlas."));
    expect(own.filter(({ convention }) => convention !== undefined)).toEqual([]);
  });

  test("says in a sentence what each means", () => {
    expect(definitions.filter(({ meaning }) => !/^\S.*\.$/.test(meaning))).toEqual([]);
  });
});

describe("attributeNamesOf()", () => {
  test.each([
    { name: "nothing", optIn: undefined, key: "gen_ai.usage.cache_creation.input_tokens" },
    {
      name: "other conventions",
      optIn: "http,rpc",
      key: "gen_ai.usage.cache_creation.input_tokens",
    },
    {
      name: "the newer ones",
      optIn: "gen_ai_latest_experimental",
      key: "gen_ai.usage.cache_write.input_tokens",
    },
    {
      name: "the newer ones among others",
      optIn: "http/dup, gen_ai_latest_experimental",
      key: "gen_ai.usage.cache_write.input_tokens",
    },
  ])("follows what is asked for: $name", ({ optIn, key }) => {
    expect(attributeNamesOf(optIn).cacheWriteTokens).toBe(key);
    expect(attributeNamesOf(optIn).inputTokens).toBe("gen_ai.usage.input_tokens");
  });
});
