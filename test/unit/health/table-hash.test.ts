import { describe, expect, test } from "vitest";
import { encodeTable } from "../../../src/health/table-codec.ts";
import { equalBytes, hashOfTables, summaryOf } from "../../../src/health/table-hash.ts";
import { positionOf, sha256, tableOf } from "./score-fixture.ts";

describe("hashOfTables()", () => {
  test("does not depend on the order of the tables", () => {
    const tables = ["m", "a", "z"].map((model) => ({ model, sha256: Buffer.from(model) }));
    const [m, a, z] = tables.map((table) => table.sha256);
    const expected = sha256([a, m, z] as Uint8Array[]);
    expect(hashOfTables(tables, sha256)).toEqual(expected);
    expect(hashOfTables(tables.toReversed(), sha256)).toEqual(expected);
  });
});

describe("summaryOf()", () => {
  test("leaves a table without endpoints out", () => {
    const empty = tableOf("m", positionOf(1), []);
    expect(summaryOf(empty, encodeTable(empty), sha256)).toBeUndefined();
  });

  test("holds the model and the hash of what is stored", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    const expected = { model: "m", sha256: sha256([bytes]) };
    expect(summaryOf(tableOf("m", positionOf(1)), bytes, sha256)).toEqual(expected);
  });
});

describe("equalBytes()", () => {
  test("compares lengths and bytes", () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2))).toBe(false);
  });
});
