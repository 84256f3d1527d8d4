import { describe, expect, test } from "vitest";
import { z } from "zod";
import { jsonFromSchema } from "../../../src/simulator/json-from-schema.ts";
import { createRandom } from "../../../src/simulator/random.ts";

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
