import { describe, expect, test } from "vitest";
import { z } from "zod";
import { check, isMissing, wordingOf } from "../../../src/decode/wording.ts";

type Case = {
  readonly code: string;
  readonly schema: z.ZodType;
  readonly value: unknown;
  readonly message: string;
};

const text = z.string();

/** Every code that the library has, so that a schema may use what it likes. */
const cases: readonly Case[] = [
  { code: "invalid_type", schema: text, value: undefined, message: "is required" },
  { code: "invalid_type", schema: text, value: ["a"], message: "must be text" },
  { code: "invalid_type", schema: text, value: null, message: "must be text, and is empty" },
  { code: "invalid_type", schema: text, value: 4, message: "must be text: put it in quotes" },
  { code: "invalid_type", schema: text, value: true, message: "must be text: put it in quotes" },
  { code: "invalid_type", schema: z.number(), value: "x", message: "must be a number" },
  { code: "invalid_type", schema: z.int(), value: 1.5, message: "must be a whole number" },
  { code: "invalid_type", schema: z.boolean(), value: "yes", message: "must be true or false" },
  { code: "invalid_type", schema: z.array(text), value: {}, message: "must be a list" },
  { code: "invalid_type", schema: z.strictObject({}), value: [], message: "must be a mapping" },
  { code: "invalid_type", schema: z.record(text, text), value: 1, message: "must be a mapping" },
  { code: "invalid_type", schema: z.bigint(), value: 1, message: "must be bigint" },
  { code: "invalid_value", schema: z.enum(["a", "b"]), value: "c", message: "must be one of a, b" },
  { code: "invalid_value", schema: z.enum(["a"]), value: undefined, message: "is required" },
  { code: "invalid_value", schema: z.literal("a"), value: "b", message: "must be a" },
  { code: "too_small", schema: text.min(1), value: "", message: "must not be empty" },
  {
    code: "too_small",
    schema: text.min(2),
    value: "a",
    message: "must have at least 2 characters",
  },
  { code: "too_small", schema: z.array(text).min(1), value: [], message: "must not be empty" },
  { code: "too_small", schema: z.number().min(2), value: 1, message: "must be at least 2" },
  { code: "too_small", schema: z.number().gt(0), value: 0, message: "must be above 0" },
  { code: "too_big", schema: text.max(2), value: "abc", message: "must have at most 2 characters" },
  {
    code: "too_big",
    schema: z.array(text).max(1),
    value: ["", ""],
    message: "must have at most 1 members",
  },
  { code: "too_big", schema: z.number().max(2), value: 3, message: "must be at most 2" },
  { code: "too_big", schema: z.number().lt(2), value: 2, message: "must be below 2" },
  {
    code: "not_multiple_of",
    schema: z.number().multipleOf(5),
    value: 3,
    message: "must be a multiple of 5",
  },
  {
    code: "invalid_format",
    schema: z.iso.date(),
    value: "2026-02-30",
    message: "must be a day of the calendar like 2026-11-22",
  },
  { code: "invalid_format", schema: z.url(), value: "x", message: "must be a URL" },
  {
    code: "invalid_format",
    schema: text.regex(/^a/),
    value: "b",
    message: "is not written in the form that is wanted",
  },
  {
    code: "unrecognized_keys",
    schema: z.strictObject({}),
    value: { a: 1 },
    message: "is not a known key",
  },
  {
    code: "invalid_key",
    schema: z.record(text.max(1), text),
    value: { ab: "" },
    message: "has a key that is not allowed",
  },
  {
    code: "invalid_element",
    schema: z.map(z.object({}), text),
    value: new Map([[{}, 1]]),
    message: "has a member that is not allowed",
  },
  {
    code: "invalid_union",
    schema: z.union([text, z.number()]),
    value: true,
    message: "has none of the forms that are allowed",
  },
  { code: "custom", schema: text.refine(() => false), value: "a", message: "is not allowed" },
];

describe("check()", () => {
  test.each(cases)("words $code for $value: $message", ({ code, schema, value, message }) => {
    const issues = check(schema, value).error?.issues;
    expect(issues).toMatchObject([{ code, message }]);
  });

  test("leaves a schema its own words", () => {
    const own = z.string().regex(/^a/, "must begin with a");
    expect(check(own, "b").error?.issues).toMatchObject([{ message: "must begin with a" }]);
  });

  test("gives the value when nothing is wrong", () => {
    expect(check(text.default("x"), undefined)).toMatchObject({ success: true, data: "x" });
  });
});

describe("wordingOf()", () => {
  test("speaks of a whole that is not there and that a rule judges", () => {
    expect(wordingOf({ code: "custom", input: undefined })).toBe("is not allowed");
  });
});

describe("isMissing()", () => {
  test.each([
    { value: undefined, missing: true },
    { value: 7, missing: false },
  ])("is $missing for $value", ({ value, missing }) => {
    expect(check(text, value).error?.issues.map(isMissing)).toEqual([missing]);
  });
});
