import { describe, expect, test } from "vitest";
import { z } from "zod";
import { prune } from "../../../src/config/prune.ts";
import { check } from "../../../src/decode/wording.ts";

const schema = z.strictObject({
  port: z.number().default(1),
  names: z.array(z.string()).default([]),
  tls: z.strictObject({ cert: z.string(), key: z.string() }).optional(),
  others: z.record(z.string().regex(/^[a-z]+$/), z.number()).default({}),
});
const pruned = (value: unknown) => prune(value, check(schema, value).error?.issues ?? []);

describe("prune()", () => {
  test.each([
    { name: "nothing of what is right", value: { port: 2 }, left: { port: 2 } },
    { name: "a wrong value", value: { port: "x", names: ["a"] }, left: { names: ["a"] } },
    { name: "an unknown key", value: { prot: 2, port: 3 }, left: { port: 3 } },
    { name: "a wrong name", value: { others: { a: 1, B: 2 } }, left: { others: { a: 1 } } },
    { name: "a list with a wrong member", value: { port: 2, names: ["a", 7] }, left: { port: 2 } },
    { name: "a mapping without a required key", value: { port: 2, tls: {} }, left: { port: 2 } },
  ])("takes out $name", ({ value, left }) => {
    expect(pruned(value)).toEqual(left);
    expect(schema.safeParse(pruned(value)).success).toBe(true);
  });

  test("keeps what is no mapping", () => {
    expect(pruned([1])).toEqual([1]);
    expect(pruned(null)).toBeNull();
  });
});
