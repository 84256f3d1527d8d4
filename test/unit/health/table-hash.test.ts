import { describe, expect, test } from "vitest";
import { equalBytes, hashOfTables, summaryOf } from "../../../src/health/table-hash.ts";
import { positionOf, sha256, tableOf } from "./score-fixture.ts";

describe("hashOfTables()", () => {
  test("does not depend on the order of the tables", () => {
    const tables = ["m", "a", "z"].map((model) => tableOf(model, positionOf(1)));
    const [m, a, z] = tables.map(({ stateSha256 }) => stateSha256);
    const expected = sha256([a, m, z] as Uint8Array[]);
    expect(hashOfTables(tables, sha256)).toEqual(expected);
    expect(hashOfTables(tables.toReversed(), sha256)).toEqual(expected);
  });
});

describe("summaryOf()", () => {
  test("leaves a table without endpoints out", () => {
    expect(summaryOf(tableOf("m", positionOf(1), []))).toBeUndefined();
  });

  test("holds the model and its hash alone", () => {
    const table = tableOf("m", positionOf(1));
    expect(summaryOf(table)).toEqual({ model: "m", stateSha256: table.stateSha256 });
  });
});

describe("equalBytes()", () => {
  test("compares lengths and bytes", () => {
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2))).toBe(true);
    expect(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3))).toBe(false);
    expect(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2))).toBe(false);
  });
});
