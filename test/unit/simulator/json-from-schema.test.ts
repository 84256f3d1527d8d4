import { describe, expect, test } from "vitest";
import { z } from "zod";
import { jsonFromSchema } from "../../../src/simulator/json-from-schema.ts";
import { createRandom } from "../../../src/simulator/random.ts";
import { type Refusal, RefusedRequest } from "../../../src/simulator/refusal.ts";

const SEEDS = Array.from({ length: 50 }, (_, seed) => seed);

const Node = z.strictObject({
  label: z.string(),
  get children() {
    return z.array(Node);
  },
  get parent() {
    return z.union([Node, z.null()]);
  },
});

/** Why a schema is refused; fails when it is not. */
function refusalOf(schema: unknown): Refusal {
  try {
    jsonFromSchema(schema, createRandom(1));
  } catch (error) {
    expect(error).toBeInstanceOf(RefusedRequest);
    return (error as RefusedRequest).refusal;
  }
  return expect.fail("the schema was accepted");
}

describe("jsonFromSchema()", () => {
  test.each([
    { name: "scalars", schema: z.strictObject({ s: z.string(), n: z.number(), b: z.boolean() }) },
    { name: "whole numbers in bounds", schema: z.int().min(3).max(5) },
    { name: "numbers above an exclusive bound", schema: z.number().gt(1).lt(2) },
    { name: "numbers below a bound", schema: z.int().max(-1_000) },
    { name: "multiples", schema: z.int().multipleOf(7).min(1).max(100) },
    { name: "steps below one", schema: z.number().multipleOf(0.5).min(0.1).max(3) },
    { name: "strings of a length", schema: z.string().min(30).max(32) },
    { name: "short strings", schema: z.string().max(3) },
    { name: "enumerations", schema: z.enum(["red", "green"]) },
    { name: "constants", schema: z.strictObject({ kind: z.literal("x"), zero: z.literal(0) }) },
    { name: "lists of a length", schema: z.array(z.int()).min(5).max(6) },
    { name: "empty lists", schema: z.array(z.int()).max(0) },
    { name: "tuples", schema: z.tuple([z.string(), z.int(), z.boolean()]) },
    {
      name: "optional properties",
      schema: z.strictObject({ a: z.string(), b: z.int().optional() }),
    },
    { name: "nullable values", schema: z.strictObject({ a: z.string().nullable() }) },
    {
      name: "tagged unions",
      schema: z.discriminatedUnion("kind", [
        z.strictObject({ kind: z.literal("a"), a: z.int() }),
        z.strictObject({ kind: z.literal("b"), b: z.string() }),
      ]),
    },
    { name: "dates", schema: z.iso.datetime() },
    { name: "addresses", schema: z.strictObject({ mail: z.email(), link: z.url(), id: z.uuid() }) },
    {
      name: "deep nesting",
      schema: z.array(z.array(z.array(z.strictObject({ a: z.array(z.int()) })))),
    },
    { name: "recursion", schema: Node },
    { name: "whole numbers between fractions", schema: z.int().gt(0.5).lt(1.5) },
    { name: "whole numbers below an exclusive bound", schema: z.int().gt(-3).lt(-1) },
    { name: "multiples above a bound that is none", schema: z.int().multipleOf(5).gt(7).lt(12) },
    { name: "tenths above an exclusive bound", schema: z.number().multipleOf(0.1).gt(0.3).lt(0.5) },
    { name: "numbers between close bounds", schema: z.number().gt(0).lt(0.001) },
    { name: "numbers between equal bounds", schema: z.number().min(0.005).max(0.005) },
    { name: "numbers above a bound only", schema: z.number().gt(1e9) },
    {
      name: "intersections",
      schema: z.intersection(z.object({ a: z.int() }), z.object({ b: z.string() })),
    },
  ])("satisfies $name", ({ schema }) => {
    const described = z.toJSONSchema(schema);
    const problems = SEEDS.flatMap((seed) => {
      const value = jsonFromSchema(described, createRandom(seed));
      return schema.safeParse(value).error?.issues ?? [];
    });
    expect(problems).toEqual([]);
  });

  test("follows references into $defs", () => {
    const schema = {
      type: "object",
      properties: { at: { $ref: "#/$defs/point" } },
      required: ["at"],
      $defs: { point: { type: "object", properties: { x: { const: 1 } }, required: ["x"] } },
    };
    expect(jsonFromSchema(schema, createRandom(1))).toEqual({ at: { x: 1 } });
  });

  const fill = (schema: unknown) => jsonFromSchema(schema, createRandom(1));

  describe("keywords beside a union", () => {
    test.each(["anyOf", "oneOf"])("hold together with the branch of %s", (union) => {
      const schema = {
        type: "object",
        properties: { kind: { type: "string" }, id: { const: 7 } },
        required: ["kind", "id"],
        [union]: [{ properties: { kind: { const: "a" }, a: { const: 1 } }, required: ["a"] }],
      };
      expect(fill(schema)).toEqual({ kind: "a", id: 7, a: 1 });
    });

    test("hold when there is an anyOf and a oneOf", () => {
      const schema = {
        properties: { a: { const: 1 } },
        required: ["a"],
        anyOf: [{ properties: { b: { const: 2 } }, required: ["b"] }],
        oneOf: [{ properties: { c: { const: 3 } }, required: ["c"] }],
      };
      expect(fill(schema)).toEqual({ a: 1, b: 2, c: 3 });
    });

    test.each([
      { name: "the higher minimum", beside: { minimum: 5 }, branch: { minimum: 6 }, value: 6 },
      { name: "the lower maximum", beside: { maximum: 6 }, branch: { maximum: 8 }, value: 6 },
      { name: "the type in common", beside: { type: ["string", "number"] }, branch: {}, value: 6 },
    ])("keep $name", ({ beside, branch, value }) => {
      const schema = {
        minimum: 6,
        ...beside,
        anyOf: [{ type: "integer", maximum: 6, ...branch }],
      };
      expect(fill(schema)).toBe(value);
    });

    test("hold for what the branch says of the same list", () => {
      const items = { properties: { a: { const: 1 } }, required: ["a"] };
      const branch = { items: { properties: { b: { const: 2 } }, required: ["b"] } };
      const schema = { type: "array", maxItems: 1, items, anyOf: [branch] };
      expect(fill(schema)).toEqual([{ a: 1, b: 2 }]);
    });

    test("hold beside a reference, too", () => {
      const schema = {
        $ref: "#/$defs/base",
        properties: { b: { const: 2 } },
        $defs: { base: { properties: { a: { const: 1 } }, required: ["a"] } },
      };
      expect(fill(schema)).toEqual({ a: 1, b: 2 });
    });
  });

  describe("the number of properties", () => {
    const properties = { a: { const: 1 }, b: { const: 2 }, c: { const: 3 } };

    test("stays at its maximum, required ones first and in the declared order", () => {
      const schema = { properties, required: ["c"], maxProperties: 2 };
      expect(Object.entries(fill(schema) ?? {})).toEqual([
        ["a", 1],
        ["c", 3],
      ]);
    });

    test("reaches its minimum with declared ones before invented ones", () => {
      const few = { type: "object", properties, minProperties: 2 };
      const nested = { prefixItems: [{ prefixItems: [few], items: false }], items: false };
      expect(fill(nested)).toEqual([[{ a: 1, b: 2 }]]);
    });

    test("reaches its minimum whatever the declared ones are called", () => {
      const schema = {
        properties: { key1: { const: 1 } },
        minProperties: 3,
        additionalProperties: { const: 2 },
      };
      expect(fill(schema)).toEqual({ key1: 1, key2: 2, key3: 2 });
    });
  });

  test("adds nothing to a tuple that is closed", () => {
    const schema = { prefixItems: [{ const: 1 }], items: false };
    const values = SEEDS.map((seed) => jsonFromSchema(schema, createRandom(seed)));
    expect(values).toEqual(SEEDS.map(() => [1]));
  });

  test.each([
    { name: "long strings", schema: { type: "string", minLength: 1e9 } },
    { name: "long lists", schema: { type: "array", minItems: 3e6 } },
    { name: "lists without an end", schema: { type: "array", minItems: Infinity } },
    { name: "many properties", schema: { type: "object", minProperties: 1e9 } },
    {
      name: "many middling values",
      schema: { minItems: 300, items: { minItems: 300, items: { type: "null" } }, type: "array" },
    },
    {
      name: "a long constant many times",
      schema: { type: "array", minItems: 100, items: { const: "x".repeat(1_000) } },
    },
    {
      name: "a long name many times",
      schema: { type: "array", minItems: 100, items: { required: ["x".repeat(1_000)] } },
    },
    {
      name: "itself twice",
      schema: { required: ["a", "b"], properties: { a: { $ref: "#" }, b: { $ref: "#" } } },
    },
    {
      name: "many parts that say nothing",
      schema: { type: "array", minItems: 100, items: { allOf: Array(1_000).fill({}) } },
    },
    { name: "a merge that multiplies", schema: { allOf: Array(8).fill({ $ref: "#" }) } },
  ])("refuses a schema that demands $name", ({ schema }) => {
    expect(refusalOf(schema)).toEqual({
      kind: "badRequest",
      message: "Invalid schema: a value that satisfies it would be too large.",
    });
  });

  test("grants a value as long as a long answer", () => {
    expect(fill({ type: "string", minLength: 60_000, maxLength: 60_000 })).toHaveLength(60_000);
    expect(fill({ type: "array", minItems: 3_000, items: { type: "integer" } })).toHaveLength(
      3_000,
    );
  });

  test.each([
    { name: "a step of 0", schema: { type: "number", multipleOf: 0 } },
    { name: "a step below 0", schema: { type: "integer", multipleOf: -1 } },
    { name: "a reference with a lone percent sign", schema: { $ref: "#/$defs/%" } },
    { name: "a reference that is no UTF-8", schema: { $ref: "#/$defs/%ff" } },
  ])("refuses $name", ({ schema }) => {
    expect(refusalOf(schema)).toMatchObject({ kind: "badRequest" });
  });

  test.each([
    { name: "escaped slashes", $ref: "#/$defs/a~1b%20c" },
    { name: "places in a list", $ref: "#/prefixItems/1" },
  ])("follows references with $name", ({ $ref }) => {
    const target = { const: "there" };
    const schema = { type: "object", properties: { x: { $ref } }, $defs: { "a/b c": target } };
    expect(fill({ ...schema, prefixItems: [{}, target] })).toEqual({ x: "there" });
  });

  test("never writes a number that JSON does not know", () => {
    const schema = { type: "number", minimum: Number.MAX_VALUE, multipleOf: 1e-9 };
    expect(fill(schema)).toBe(0);
  });

  test("repeats itself for the same seed", () => {
    const schema = { type: "array", items: { type: "integer" }, minItems: 5 };
    const value = () => jsonFromSchema(schema, createRandom(9));
    expect(value()).toEqual(value());
  });

  test.each([
    { name: "that requires itself", schema: { required: ["a"], properties: { a: { $ref: "#" } } } },
    { name: "whose reference leads nowhere", schema: { $ref: "#/$defs/none" } },
    {
      name: "whose reference is its own",
      schema: { $defs: { a: { $ref: "#/$defs/a" } }, $ref: "#/$defs/a" },
    },
    { name: "that is none", schema: 5 },
  ])("ends for a schema $name", ({ schema }) => {
    expect(jsonFromSchema(schema, createRandom(1))).toBeDefined();
  });
});
