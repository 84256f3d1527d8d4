import { displayWidth, fitWidth } from "./display-width.ts";
import type { Paint } from "./paint.ts";
import { printableLine } from "./printable-text.ts";

export type Column = {
  readonly title: string;
  /** Default: left. */
  readonly align?: "left" | "right";
  /** May be shortened when the table is too wide. Default: no. */
  readonly flexible?: boolean;
  /** Shortened only as far as its different values stay different. Default: no. */
  readonly distinct?: boolean;
  /** Ending that stays when the rest of a value is shortened. Default: none. */
  readonly ending?: string;
};

/** How text is laid out for its reader. */
export type Layout = {
  /** Cells of a line; absent: any number. */
  readonly columns: number | undefined;
  readonly paint: Paint;
};

const GAP = "  ";
/** A shortened column still says what it is about at this width. */
const MIN_FLEXIBLE_WIDTH = 12;

/**
 * A header and its rows, aligned by display width, with a line break at the end.
 *
 * Flexible columns are shortened, widest first, until the table fits; when that is not enough, lines
 * stay too long, and no figure is ever cut.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  layout: Layout,
): string {
  const lines = [columns.map(({ title }) => title), ...rows].map((row) => row.map(printableLine));
  const widths = fitColumns(columns, lines, layout.columns);
  const rendered = lines.map((line) => renderLine(columns, line, widths));
  const [header = "", ...body] = rendered;
  return `${[layout.paint.bold(header), ...body].join("\n")}\n`;
}

/** Labels with their values, the values in one column, with a line break at the end. */
export function renderFacts(
  facts: readonly (readonly [label: string, value: string])[],
  layout: Layout,
): string {
  const width = Math.max(0, ...facts.map(([label]) => displayWidth(label)));
  return facts
    .map(([label, value]) => {
      const padding = " ".repeat(width - displayWidth(label));
      return `${layout.paint.bold(label)}${padding}${GAP}${printableLine(value)}\n`;
    })
    .join("");
}

function naturalWidths(
  columns: readonly Column[],
  lines: readonly (readonly string[])[],
): readonly number[] {
  return columns.map((_, index) => Math.max(...columnOf(lines, index).map(displayWidth)));
}

function fitColumns(
  columns: readonly Column[],
  lines: readonly (readonly string[])[],
  available: number | undefined,
): readonly number[] {
  const widths = [...naturalWidths(columns, lines)];
  if (available === undefined) {
    return widths;
  }
  const least = columns.map((column, index) => leastWidth(column, columnOf(lines, index)));
  const gaps = GAP.length * (columns.length - 1);
  let excess = widths.reduce((sum, width) => sum + width, gaps) - available;
  while (excess > 0) {
    const widest = widestAbove(least, widths);
    if (widest === undefined) {
      return widths;
    }
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

function fitCell({ ending = "" }: Column, text: string, width: number): string {
  return ending !== "" && text.endsWith(ending)
    ? fitWidth(text.slice(0, -ending.length), width - displayWidth(ending)) + ending
    : fitWidth(text, width);
}

function columnOf(lines: readonly (readonly string[])[], index: number): readonly string[] {
  return lines.map((line) => line[index] ?? "");
}

/** How narrow a column may get; infinite for one that is never shortened. */
function leastWidth(column: Column, values: readonly string[]): number {
  const { title, flexible, distinct } = column;
  if (flexible !== true) {
    return Number.POSITIVE_INFINITY;
  }
  const least = Math.max(MIN_FLEXIBLE_WIDTH, displayWidth(title));
  return distinct === true ? widthToTellApart(column, values, least) : least;
}

/** An ending is no difference: what stands before it is what a reader looks for. */
function widthToTellApart(
  { ending = "" }: Column,
  values: readonly string[],
  least: number,
): number {
  const beginnings = values.map((value) =>
    value.endsWith(ending) ? value.slice(0, value.length - ending.length) : value,
  );
  const different = new Set(beginnings).size;
  const endingWidth = values.some((value) => value.endsWith(ending)) ? displayWidth(ending) : 0;
  let width = least - endingWidth;
  while (new Set(beginnings.map((text) => fitWidth(text, width))).size < different) {
    width += 1;
  }
  return width + endingWidth;
}

function widestAbove(least: readonly number[], widths: readonly number[]): number | undefined {
  let widest: number | undefined;
  for (const [index, width] of widths.entries()) {
    if (width > (least[index] ?? 0) && width > (widths[widest ?? -1] ?? 0)) {
      widest = index;
    }
  }
  return widest;
}

function renderLine(
  columns: readonly Column[],
  line: readonly string[],
  widths: readonly number[],
): string {
  const cells = columns.map((column, index) => {
    const width = widths[index] ?? 0;
    const text = fitCell(column, line[index] ?? "", width);
    const padding = " ".repeat(width - displayWidth(text));
    return column.align === "right" ? padding + text : text + padding;
  });
  return cells.join(GAP).trimEnd();
}
