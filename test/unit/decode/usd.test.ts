import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { usd } from "../../../src/decode/usd.ts";

const messageOf = (value: unknown) => usd.safeParse(value).error?.issues[0]?.message;

describe("usd", () => {
  test.each([
    ["0", 0],
    ["0.15", 150_000_000],
    ["0.60", 600_000_000],
    ["0.0028", 2_800_000],
    ["0.000000001", 1],
    ["15", 15_000_000_000],
    ["999999.999999999", 999_999_999_999_999],
  ])("reads %s exactly", (decimal, nanoUsd) => {
    expect(usd.parse(decimal)).toBe(nanoUsd);
  });

  test("reads every price back from its digits", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999_999_999_999 }), (nanoUsd) => {
        const digits = String(nanoUsd).padStart(15, "0");
        expect(usd.parse(`${digits.slice(0, 6)}.${digits.slice(6)}`)).toBe(nanoUsd);
      }),
      { seed: 1 },
    );
  });

  test.each([
    0.15,
    "",
    "-1",
    "+1",
    ".5",
    "5.",
    "1e3",
    "0x1",
    "1,5",
    "$1",
    " 1",
    "0.0000000001",
    "1000000",
  ])("refuses %j and says what is wanted", (value) => {
    expect(messageOf(value)).toBe(
      'must be decimal US dollars in quotes, such as "0.15", at most 999999 with at most 9 decimals',
    );
  });

  test("leaves a missing value to the schema around it", () => {
    expect(messageOf(undefined)).toMatch(/received undefined$/);
  });

  test("shows editors its form", () => {
    expect(z.toJSONSchema(usd, { io: "input" })).toMatchObject({
      type: "string",
      pattern: String.raw`^\d{1,6}(\.\d{1,9})?$`,
    });
  });
});
