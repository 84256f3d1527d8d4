import { describe, expect, test } from "vitest";
import { decodedOf, headerOf, isNamed, nameIn } from "../../../src/telemetry/otlp-headers.ts";

describe("headerOf()", () => {
  test.each([
    { entry: " x-key = a%20b ;p=q", header: { name: "x-key", value: "a b" } },
    { entry: "a=b=c", header: { name: "a", value: "b=c" } },
    { entry: "key", header: undefined },
    { entry: "key;p=q", header: undefined },
    { entry: "=value", header: undefined },
    { entry: "key= ", header: undefined },
    { entry: "key=%zz", header: undefined },
    { entry: "%zz=value", header: undefined },
  ])("reads $entry as the SDK does", ({ entry, header }) => {
    expect(headerOf(entry)).toEqual(header);
  });
});

describe("isNamed()", () => {
  test.each([
    { name: "x-key", value: "v", named: true },
    { name: "x-key", value: "dG9rZW4==", named: true },
    { name: "authorization: Bearer dG9rZW4", value: "=", named: false },
    { name: "authorization:", value: "v", named: false },
    { name: "dG9rZW4", value: "=", named: false },
  ])("tells a name from a part of a value: %o", ({ named, ...header }) => {
    expect(isNamed(header)).toBe(named);
  });
});

test("nameIn() is what stands before the first =", () => {
  expect([" a = b=c", "d "].map(nameIn)).toEqual(["a", "d"]);
});

test("decodedOf() leaves what cannot be decoded as it is", () => {
  expect(["a%20b", "%zz"].map(decodedOf)).toEqual(["a b", "%zz"]);
});
