import { displayWidth, fitWidth } from "./display-width.ts";
import type { Paint } from "./paint.ts";
import { printableLine } from "./printable-text.ts";

export type Column = {
  readonly title: string;
  /** Default: left. */
  readonly align?: "left" | "right";
  /** May be shortened when the table is too wide. Default: no. */
  readonly flexible?: boolean;
};

/** How text is laid out for its reader. */
export type Layout = {
  /** Cells of a line; absent: any number. */
  readonly columns: number | undefined;
  readonly paint: Paint;
};

const GAP = "  ";
/** A shortened column still tells its values apart at this width, most of the time. */
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
  const widths = fitColumns(columns, naturalWidths(columns, lines), layout.columns);
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
  return columns.map((_, index) =>
    Math.max(...lines.map((line) => displayWidth(line[index] ?? ""))),
  );
}

function fitColumns(
  columns: readonly Column[],
  natural: readonly number[],
  available: number | undefined,
): readonly number[] {
  const widths = [...natural];
  if (available === undefined) {
    return widths;
  }
  const gaps = GAP.length * (columns.length - 1);
  let excess = widths.reduce((sum, width) => sum + width, gaps) - available;
  while (excess > 0) {
    const widest = widestFlexible(columns, widths);
    if (widest === undefined) {
      return widths;
    }
    widths[widest] = (widths[widest] ?? 0) - 1;
    excess -= 1;
  }
  return widths;
}

function widestFlexible(columns: readonly Column[], widths: readonly number[]): number | undefined {
  let widest: number | undefined;
  for (const [index, { flexible, title }] of columns.entries()) {
    const width = widths[index] ?? 0;
    const least = Math.max(MIN_FLEXIBLE_WIDTH, displayWidth(title));
    if (flexible === true && width > least && width > (widths[widest ?? -1] ?? 0)) {
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
  const cells = columns.map(({ align }, index) => {
    const width = widths[index] ?? 0;
    const text = fitWidth(line[index] ?? "", width);
    const padding = " ".repeat(width - displayWidth(text));
    return align === "right" ? padding + text : text + padding;
  });
  return cells.join(GAP).trimEnd();
}
