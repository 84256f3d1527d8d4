import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { provenanceOf, provenanceWith } from "../../../src/catalog/provenance.ts";

const page = { source: "models.dev", date: "2026-11-01" };

describe("provenanceOf()", () => {
  test("keeps a source of one line", () => {
    expect(provenanceOf(page)).toEqual(page);
    expect(Object.isFrozen(provenanceOf(page))).toBe(true);
  });

  test("makes one line of several", () => {
    expect(provenanceOf({ ...page, source: " a\r\n  b\tc\n" }).source).toBe("a b c");
  });

  test("shortens what is longer than 200 characters", () => {
    expect(provenanceOf({ ...page, source: "a".repeat(200) }).source).toBe("a".repeat(200));
    expect(provenanceOf({ ...page, source: "a".repeat(201) }).source).toBe(`${"a".repeat(199)}…`);
  });

  test("does not cut a surrogate pair in two", () => {
    const source = `${"a".repeat(198)}😀bc`;
    expect(provenanceOf({ ...page, source }).source).toBe(`${"a".repeat(198)}…`);
  });
});

describe("provenanceWith()", () => {
  const shown = (part: typeof page | undefined, entry = page) =>
    provenanceWith(entry, "price", part);

  test.each([{ part: undefined }, { part: { ...page } }])("adds nothing for $part", ({ part }) => {
    expect(shown(part)).toEqual(page);
  });

  test.each([
    { part: { ...page, source: "contract 7" }, added: "; price: contract 7 (2026-11-01)" },
    { part: { ...page, date: "2026-11-02" }, added: "; price: models.dev (2026-11-02)" },
    { part: { ...page, source: "a\nb" }, added: "; price: a b (2026-11-01)" },
  ])("adds $added", ({ part, added }) => {
    const combined = shown(part);
    expect(combined).toEqual({ source: `models.dev${added}`, date: "2026-11-01" });
    expect(Object.isFrozen(combined)).toBe(true);
  });

  // 200 without `; price: ` and ` (2026-11-01)` leaves 178 for the two sources.
  test.each([
    { own: 100, other: 78, kept: [100, 78] },
    { own: 178, other: 10, kept: [168, 10] },
    { own: 10, other: 200, kept: [10, 168] },
    { own: 300, other: 300, kept: [89, 89] },
  ])("shares the room between sources of $own and $other characters", ({ own, other, kept }) => {
    const entry = { ...page, source: "a".repeat(own) };
    const { source } = shown({ ...page, source: "b".repeat(other) }, entry);
    const parts = /^(a+…?); price: (b+…?) \(2026-11-01\)$/.exec(source)?.slice(1) ?? [];
    expect(parts.map(({ length }) => length)).toEqual(kept);
  });

  test("gives one whole line of at most 200 characters that names part and date", () => {
    const text = fc.string({ unit: "binary", minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(text, text, (own, other) => {
        const part = { source: other, date: "2026-11-02" };
        const { source } = shown(part, { ...page, source: own });
        expect(source.length).toBeLessThanOrEqual(200);
        expect(source).toMatch(/^[^\r\n]*; price: [^\r\n]* \(2026-11-02\)$/);
        expect(source.isWellFormed()).toBe(true);
      }),
      { seed: 21 },
    );
  });
});
