import { describe, expect, it } from "vitest";
import { createPaint } from "../../../src/cli/paint.ts";
import { type Column, renderFacts, renderTable } from "../../../src/cli/text-table.ts";

const wide = { columns: undefined, paint: createPaint(false) };
const columns: readonly Column[] = [
  { title: "endpoint", flexible: true },
  { title: "price", align: "right" },
  { title: "note", flexible: true },
];

describe("renderTable()", () => {
  it("aligns by display width and leaves no blanks at the end of lines", () => {
    const table = renderTable(
      columns,
      [
        ["世界/one", "0.15", ""],
        ["b", "12.00", "fine"],
      ],
      wide,
    );
    expect(table).toBe(
      ["endpoint  price  note", "世界/one   0.15", "b         12.00  fine", ""].join("\n"),
    );
  });

  it("shortens the widest flexible column first, down to the width of the terminal", () => {
    const table = renderTable(
      columns,
      [["an-endpoint-with-a-long-name", "0.15", "a note that fits in"]],
      { ...wide, columns: 50 },
    );
    expect(table.split("\n")[1]).toBe("an-endpoint-with-a-lo…   0.15  a note that fits in");
  });

  it("tells the values of a distinct column apart, however narrow the terminal", () => {
    const rows = [["openai/gpt-4o-mini-eu"], ["openai/gpt-4o-mini-us"], ["openai/gpt-4o-mini-us"]];
    const narrow = { ...wide, columns: 10 };
    const linesOf = (column: Column) => renderTable([column], rows, narrow).split("\n").slice(1, 4);
    expect(linesOf({ title: "id", flexible: true, distinct: true })).toEqual(rows.flat());
    expect(linesOf({ title: "id", flexible: true })).toEqual(Array(3).fill("openai/gpt-…"));
  });

  it("keeps the ending of a shortened value", () => {
    const column = { title: "id", flexible: true, distinct: true, ending: " *" };
    const rows = [["openai/gpt-4o-mini *"], ["openai/gpt-4o-maxi-eu"]];
    const table = renderTable([column], rows, { ...wide, columns: 10 });
    expect(table).toBe("id\nopenai/gpt-4o-mi… *\nopenai/gpt-4o-maxi…\n");
  });

  it("never cuts a figure, however narrow the terminal", () => {
    const table = renderTable(columns, [["an-endpoint-with-a-long-name", "123456.15", "x"]], {
      ...wide,
      columns: 10,
    });
    expect(table.split("\n")[1]).toBe("an-endpoint…  123456.15  x");
  });

  it("shows a missing cell as an empty one", () => {
    expect(renderTable(columns, [["a"]], wide)).toBe("endpoint  price  note\na\n");
  });

  it("keeps escape sequences of a server from the terminal", () => {
    expect(renderTable([{ title: "x" }], [["\u001b[2J"]], wide)).toBe("x\n␛[2J\n");
  });

  it("paints the header after it has been aligned", () => {
    const table = renderTable(columns, [["a", "1", "b"]], { ...wide, paint: createPaint(true) });
    expect(table.split("\n")[0]).toBe("\u001b[1mendpoint  price  note\u001b[22m");
  });
});

describe("renderFacts()", () => {
  it("puts the values in one column", () => {
    expect(
      renderFacts(
        [
          ["Tier", "standard"],
          ["Because", "it is cheap"],
        ],
        wide,
      ),
    ).toBe("Tier     standard\nBecause  it is cheap\n");
  });
});
