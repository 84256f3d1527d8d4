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
