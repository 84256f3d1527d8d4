import { describe, expect, test } from "vitest";
import type { z } from "zod";
import { baseUrl, slug } from "../../../src/decode/fields.ts";

const messageOf = (schema: z.ZodType, value: unknown) =>
  schema.safeParse(value).error?.issues[0]?.message;

describe("slug", () => {
  test.each(["azure", "vllm-eu", "2nd"])("takes %s", (name) => {
    expect(slug.parse(name)).toBe(name);
  });

  test.each(["", "Azure", "-eu", "a b", "a/b", "a_b"])("refuses %j", (name) => {
    expect(messageOf(slug, name)).toBe("must be a lower-case slug");
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
