import { describe, expect, it } from "vitest";
import { sha256 } from "../../../src/health/sha256.ts";

const hexOf = (...parts: readonly string[]) =>
  Buffer.from(sha256(parts.map((part) => Buffer.from(part)))).toString("hex");

describe("sha256()", () => {
  it("gives the digest of the standard's example", () => {
    // FIPS 180-4, one block.
    const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    expect(hexOf("abc")).toBe(digest);
    expect(hexOf("a", "b", "c")).toBe(digest);
  });

  it("takes no parts for no bytes", () => {
    expect(hexOf()).toBe(hexOf(""));
  });

  it("takes parts that can be read only once", () => {
    const parts = ["a", "bc"].map((part) => Buffer.from(part)).values();
    expect(Buffer.from(sha256(parts)).toString("hex")).toBe(hexOf("abc"));
  });
});
