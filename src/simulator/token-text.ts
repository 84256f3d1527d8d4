import { drawInteger, type Random } from "./random.ts";

const WORDS = (
  "a able about across after again air all along also amber an and answer apple around ask at autumn " +
  "away back balance bear because bell between bird blue boat book both branch bread bridge bright " +
  "brook by call calm carry chair change city clay clear cloud coast cold copper corner count cross " +
  "dark dawn deep do door draw drift dry early earth east echo edge even every fall far farm field " +
  "find fire first fish five flame flow fog for forest four from garden gate give glass gold grain " +
  "grass green grow half hand harbor hear hill hold home honey horse hour house ice in iron island " +
  "it join keep kind lake lamp land late leaf learn light line listen long low make many map maple " +
  "mark may meadow milk mill mind moon more moss night north note oak ocean of often old on one open " +
  "orange other over paper path pear people pine place plain point pond quiet rain reed rest river " +
  "road rock roof root salt sand sea seed seven shade ship shore side silver six sky slow small snow " +
  "song south spring star stone storm story stream street summer sun table tall ten the three tide " +
  "time to town trail tree true turn two under valley wait walk wall warm water wave way west wheat " +
  "white wide wild wind winter with wood word work year yellow yet"
).split(" ");

/** Deterministic pseudo prose: every token is one word, and all but the first start with a space. */
export function writeTokens(random: Random, count: number): readonly string[] {
  const tokens: string[] = [];
  let untilStop = drawInteger(random, 6, 14);
  let startsSentence = true;
  for (let index = 0; index < count; index++) {
    const word = WORDS[drawInteger(random, 0, WORDS.length - 1)] ?? "word";
    const written = startsSentence ? word.charAt(0).toUpperCase() + word.slice(1) : word;
    untilStop -= 1;
    startsSentence = untilStop === 0;
    if (startsSentence) {
      untilStop = drawInteger(random, 6, 14);
    }
    tokens.push(`${index === 0 ? "" : " "}${written}${startsSentence ? "." : ""}`);
  }
  return tokens;
}

/** One word of the vocabulary, without a space. */
export function writeWord(random: Random): string {
  return WORDS[drawInteger(random, 0, WORDS.length - 1)] ?? "word";
}

/**
 * Cuts given text into tokens whose concatenation is that text.
 *
 * At most 8 code points each, so that JSON and other text without spaces streams in pieces too.
 */
export function splitTokens(text: string): readonly string[] {
  return text.match(/\s{0,4}\S{1,8}|\s{1,8}/gu) ?? [];
}

/** The leading tokens that hold the first `length` UTF-16 units, the last one cut to fit. */
export function cutTokens(tokens: readonly string[], length: number): readonly string[] {
  const kept: string[] = [];
  let remaining = length;
  for (const token of tokens) {
    if (remaining <= 0) {
      break;
    }
    kept.push(token.slice(0, remaining));
    remaining -= token.length;
  }
  return kept;
}

/** What the fleet charges for prompt text: a quarter of its UTF-8 bytes, rounded up. */
export function countTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / 4);
}
