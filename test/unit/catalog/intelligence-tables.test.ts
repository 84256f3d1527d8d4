import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import {
  benchmarkWeights,
  CEILING_MARGIN,
  DEFAULT_CEILING,
  familyLines,
  popularityBands,
  priceTiers,
} from "../../../src/catalog/intelligence-tables.ts";

const sorted = (values: readonly number[]) => values.toSorted((left, right) => left - right);

describe("the tables of intelligence", () => {
  test("weigh benchmarks 30, 25, 25 and 20 percent", () => {
    expect(benchmarkWeights).toEqual({ "mmlu-pro": 30, code: 25, math: 25, "gpqa-diamond": 20 });
  });

  test("never rank a later generation below an earlier one", () => {
    for (const { generations } of familyLines.values()) {
      const increments = [...generations.values()];
      expect(increments).toEqual(sorted(increments));
      expect(increments[0]).toBe(0);
    }
  });

  test("keep every base and generation on the scale", () => {
    for (const { base, generations } of familyLines.values()) {
      expect(base).toBeGreaterThan(0);
      expect(base + Math.max(...generations.values())).toBeLessThan(100);
    }
  });

  test("reward more use and higher prices with more points", () => {
    expect(popularityBands.map(({ top }) => top)).toEqual(
      sorted(popularityBands.map(({ top }) => top)),
    );
    expect(popularityBands.map(({ increment }) => -increment)).toEqual(
      sorted(popularityBands.map(({ increment }) => -increment)),
    );
    expect(priceTiers.map(({ fromUsd }) => -fromUsd)).toEqual(
      sorted(priceTiers.map(({ fromUsd }) => -fromUsd)),
    );
    expect(priceTiers.map(({ increment }) => -increment)).toEqual(
      sorted(priceTiers.map(({ increment }) => -increment)),
    );
  });

  test("cover every price, and give a reason for every increment", () => {
    expect(priceTiers.at(-1)?.fromUsd).toBe(0);
    for (const { increment, reason } of priceTiers) {
      expect(reason !== "").toBe(increment !== 0);
    }
  });

  test("leave room below measured frontier models", () => {
    expect(CEILING_MARGIN).toBeGreaterThan(0);
    expect(DEFAULT_CEILING).toBeLessThan(100);
  });

  test("are those of docs/catalogue.md", () => {
    const page = readFileSync(new URL("../../../docs/catalogue.md", import.meta.url), "utf8");
    const rows = [...familyLines].map(([name, { base, generations }]) => {
      const increments = [...generations].map(([generation, plus]) => `${generation} +${plus}`);
      return `| \`${name}\` | ${base} | ${increments.join(", ")} |`;
    });
    expect(page).toContain(rows.join("\n"));
  });
});
