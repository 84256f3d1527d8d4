import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { baseUrl, decimalNumber, slug, wholeNumber } from "../../../src/decode/fields.ts";

const messageOf = (schema: z.ZodType, value: unknown) =>
  schema.safeParse(value).error?.issues[0]?.message;

describe("slug", () => {
  test.each(["azure", "vllm-eu", "2nd"])("takes %s", (name) => {
    expect(slug.parse(name)).toBe(name);
  });

  test.each(["", "Azure", "-eu", "a b", "a/b", "a_b"])("refuses %j", (name) => {
    expect(messageOf(slug, name)).toBe(
      "must be lower-case letters, digits and hyphens, like vllm-eu",
    );
  });
});

describe("baseUrl", () => {
  test.each([
    ["http://10.0.0.1:8000/v1/", "http://10.0.0.1:8000/v1"],
    ["https://a.example/v1//", "https://a.example/v1"],
    ["https://a.example", "https://a.example"],
  ])("cuts slashes off the end of %s", (written, url) => {
    expect(baseUrl.parse(written)).toBe(url);
  });

  test.each(["ftp://a.example", "a.example", "javascript:alert(1)", ""])("refuses %j", (url) => {
    expect(messageOf(baseUrl, url)).toBe("must be an http or https URL");
  });

  test.each(["https://user:hunter22@a.example/v1", "https://hunter22@a.example"])(
    "refuses credentials and does not repeat them: %s",
    (url) => {
      const message = messageOf(baseUrl, url);
      expect(message).toContain("must not hold a user name or password");
      expect(message).not.toContain("hunter22");
    },
  );
});

describe("numbers within bounds", () => {
  test.each([
    { name: "below", schema: wholeNumber(1, 3), value: 0 },
    { name: "above", schema: wholeNumber(1, 3), value: 4 },
    { name: "with a fraction", schema: wholeNumber(1, 3), value: 1.5 },
    { name: "beyond what is exact", schema: wholeNumber(1, 3), value: 1e300 },
    { name: "endless", schema: wholeNumber(1, 3), value: Number.POSITIVE_INFINITY },
    { name: "text", schema: wholeNumber(1, 3), value: "two" },
    { name: "empty text", schema: wholeNumber(1, 3), value: " " },
    { name: "nothing", schema: wholeNumber(1, 3), value: null },
  ])("names the bounds of a whole number: $name", ({ schema, value }) => {
    expect(messageOf(schema, value)).toBe("must be a whole number from 1 to 3");
  });

  test.each([-0.1, 2.1, Number.NaN, "x", true])("names the bounds of a number: %j", (value) => {
    expect(messageOf(decimalNumber(0, 2), value)).toBe("must be a number from 0 to 2");
  });

  test("sees a number in quotes", () => {
    expect(messageOf(decimalNumber(0, 2), "1.5")).toBe(
      "must be a number from 0 to 2, without quotes",
    );
  });

  test("takes the bounds themselves", () => {
    expect([1, 3].map((value) => wholeNumber(1, 3).parse(value))).toEqual([1, 3]);
    expect([0, 2].map((value) => decimalNumber(0, 2).parse(value))).toEqual([0, 2]);
  });

  test("leaves a missing value to the schema around it", () => {
    expect(messageOf(wholeNumber(1, 3), undefined)).toMatch(/received undefined$/);
  });
});
