import { describe, expect, test } from "vitest";
import { parseYaml } from "../../../src/decode/yaml-text.ts";

const messages = (text: string) => {
  const parsed = parseYaml(text);
  return parsed.ok ? [] : parsed.problems.map(({ message }) => message);
};

describe("parseYaml()", () => {
  test("gives the value of a document", () => {
    expect(parseYaml("a: [1, b]")).toEqual({ ok: true, value: { a: [1, "b"] } });
  });

  test("gives null for an empty text", () => {
    expect(parseYaml("# nothing")).toEqual({ ok: true, value: null });
  });

  test("takes 32 levels and no more", () => {
    const nested = (levels: number) => `${"[".repeat(levels)}${"]".repeat(levels)}`;
    expect(parseYaml(nested(32)).ok).toBe(true);
    expect(parseYaml(nested(33)).ok).toBe(false);
  });

  test("reports syntax errors with line and column", () => {
    expect(messages("a: 1\nb: 2\na: 3\n")).toEqual(["line 3:1: Map keys must be unique"]);
  });

  test("reports every syntax error", () => {
    expect(messages('a: "\\q"\nb: "\\q"\n').map((message) => message.slice(0, 8))).toEqual([
      "line 1:5",
      "line 2:5",
    ]);
  });

  test("reports a place once that the parser trips over twice", () => {
    expect(messages("models: { a/b: \n  { contextLength: 5\n")).toHaveLength(1);
  });

  test.each([
    { name: "an alias of nothing", text: "a: *b", says: /cannot be read/ },
    { name: "an alias that holds itself", text: "a: &a [*a]", says: /nested deeper than 32/ },
    {
      name: "aliases that unfold without measure",
      text: `a: &a [x,x]\n${[..."bcdefghij"]
        .map((name, index) => {
          const last = "abcdefghij"[index];
          return `${name}: &${name} [*${last},*${last},*${last},*${last}]`;
        })
        .join("\n")}`,
      says: /cannot be read/,
    },
    { name: "nesting beyond the parser", text: "[".repeat(20_000), says: /line|cannot be read/ },
    { name: "nesting beyond reason", text: `${"[".repeat(40)}${"]".repeat(40)}`, says: /deeper/ },
  ])("refuses $name", ({ text, says }) => {
    expect(messages(text)[0]).toMatch(says);
  });
});
