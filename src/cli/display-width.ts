/** Cells that a terminal gives to a text, by the East Asian Width of Unicode Annex 11. */

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Blocks whose characters fill two cells; each pair is inclusive. */
const wideRanges: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0x9fff],
  [0xa000, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x20000, 0x3fffd],
];

/** Whole cells, at least 0. A grapheme counts once, whatever it is composed of. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const { segment } of graphemes.segment(text)) {
    width += graphemeWidth(segment);
  }
  return width;
}

/** The longest beginning of at most `width` cells; an ellipsis in the last cell when it is shorter. */
export function fitWidth(text: string, width: number): string {
  if (displayWidth(text) <= width) {
    return text;
  }
  let kept = "";
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    const next = used + graphemeWidth(segment);
    if (next > width - 1) {
      break;
    }
    kept += segment;
    used = next;
  }
  return `${kept}…`;
}

function graphemeWidth(grapheme: string): number {
  if (/^[\p{Mn}\p{Me}\p{Cf}\p{Cc}]/u.test(grapheme)) {
    return 0;
  }
  return /\p{Emoji_Presentation}|\ufe0f/u.test(grapheme) || isWide(grapheme) ? 2 : 1;
}

function isWide(grapheme: string): boolean {
  const code = grapheme.codePointAt(0) ?? 0;
  return wideRanges.some(([low, high]) => code >= low && code <= high);
}
