import { describe, expect, it } from "vitest";
import { createSchemaCheck } from "../../../src/rpc/json-schema-check.ts";

const problemsOf = (schema: unknown) => createSchemaCheck()(JSON.stringify(schema));
const TYPE_RULE =
  "must be one of null, boolean, object, array, number, integer, string, or a list of them";
const SCHEMA_RULE = "must be a JSON object or a boolean";

describe("a JSON schema", () => {
  it("passes with every known keyword well used, and with unknown ones", () => {
    const schema = {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      title: "A",
      description: "a thing",
      type: ["object", "null"],
      properties: {
        // Names of properties are no keywords.
        type: { type: "string", enum: ["a", 1, null] },
        required: true,
        items: { type: "array", items: { $ref: "#/$defs/b" } },
        tuple: { prefixItems: [{ type: "integer" }, false], items: [{}, true] },
        union: { anyOf: [{}], oneOf: [{ type: "number" }], allOf: [true], not: { type: "null" } },
      },
      patternProperties: { "^x-": { type: "boolean" } },
      additionalProperties: false,
      required: ["type"],
      $defs: { b: {} },
      definitions: {},
      strict: 5,
    };
    expect(problemsOf(schema)).toEqual([]);
  });

  it.each([
    { schema: [], problem: SCHEMA_RULE },
    { schema: null, problem: SCHEMA_RULE },
    { schema: { type: "banana" }, problem: `type: ${TYPE_RULE}` },
    { schema: { type: ["string", "banana"] }, problem: `type: ${TYPE_RULE}` },
    { schema: { type: [] }, problem: `type: ${TYPE_RULE}` },
    { schema: { type: 5 }, problem: `type: ${TYPE_RULE}` },
    { schema: { properties: [] }, problem: "properties: must be an object of schemas" },
    { schema: { properties: { a: 5 } }, problem: `properties.a: ${SCHEMA_RULE}` },
    { schema: { $defs: null }, problem: "$defs: must be an object of schemas" },
    { schema: { definitions: { a: "" } }, problem: `definitions.a: ${SCHEMA_RULE}` },
    { schema: { patternProperties: { a: [] } }, problem: `patternProperties.a: ${SCHEMA_RULE}` },
    { schema: { required: "x" }, problem: "required: must be a list of strings" },
    { schema: { required: [1] }, problem: "required: must be a list of strings" },
    { schema: { enum: "a" }, problem: "enum: must be a list" },
    { schema: { items: "a" }, problem: `items: ${SCHEMA_RULE}` },
    { schema: { items: [{}, 1] }, problem: `items[1]: ${SCHEMA_RULE}` },
    { schema: { additionalProperties: "no" }, problem: `additionalProperties: ${SCHEMA_RULE}` },
    { schema: { anyOf: [] }, problem: "anyOf: must be a list of at least one schema" },
    { schema: { oneOf: {} }, problem: "oneOf: must be a list of at least one schema" },
    { schema: { allOf: [1] }, problem: `allOf[0]: ${SCHEMA_RULE}` },
    { schema: { prefixItems: [] }, problem: "prefixItems: must be a list of at least one schema" },
    { schema: { not: 1 }, problem: `not: ${SCHEMA_RULE}` },
    { schema: { $ref: 1 }, problem: "$ref: must be a string" },
    { schema: { title: 1 }, problem: "title: must be a string" },
    { schema: { description: {} }, problem: "description: must be a string" },
    {
      schema: { properties: { a: { anyOf: [{}, { items: { type: "x" } }] } } },
      problem: `properties.a.anyOf[1].items.type: ${TYPE_RULE}`,
    },
  ])("is refused as $schema", ({ schema, problem }) => {
    expect(problemsOf(schema)).toEqual([problem]);
  });

  it("is told all its mistakes, up to a bound", () => {
    expect(problemsOf({ properties: { a: 5 }, required: "x" })).toHaveLength(2);
    const properties = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`p${at}`, 5]));
    expect(problemsOf({ properties })).toHaveLength(16);
  });

  it("is judged alike when the memory of passed schemas has overflowed", () => {
    const check = createSchemaCheck({ maxChars: 100, maxDepth: 64, maxCachedChars: 40 });
    const texts = Array.from({ length: 10 }, (_, at) => `{"type":"string","title":"${at}"}`);
    expect([...texts, ...texts].flatMap(check)).toEqual([]);
    expect(check('{"type":"banana"}')).toHaveLength(1);
    const larger = `{"title":"${"x".repeat(60)}"}`;
    expect([larger, larger].flatMap(check)).toEqual([]);
  });

  it("is refused again when it comes again", () => {
    const check = createSchemaCheck();
    expect(check('{"type":"banana"}')).toEqual(check('{"type":"banana"}'));
    expect(check('{"type":"banana"}')).toHaveLength(1);
  });
});
