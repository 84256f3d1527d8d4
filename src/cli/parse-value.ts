import type { DescEnum } from "@bufbuild/protobuf";
import { InvalidArgumentError } from "commander";
import { numberOf, wordsOf } from "./enum-words.ts";

/**
 * Values of options. Each parser takes what was typed and throws commander's `InvalidArgumentError`,
 * whose message follows "error: option ... is invalid." Ranges that the server checks are left to it;
 * what could not be sent at all is refused here.
 */

const INT32_MAX = 2_147_483_647;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const MS_PER_UNIT: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Dollars with at most nine decimals, in nano-USD: exact, as floating point would not be. */
export function parseUsd(text: string): bigint {
  const match = /^(\d{1,9})(?:\.(\d{1,9}))?$/.exec(text);
  if (match === null) {
    throw new InvalidArgumentError("Not an amount of US dollars such as 0.15.");
  }
  const [, whole = "0", fraction = ""] = match;
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0"));
}

/** A number with its unit (`500ms`, `30s`, `2m`, `1h`) in whole milliseconds, at least 1. */
export function parseDurationMs(text: string): number {
  const match = /^(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h)$/.exec(text);
  const ms = Math.round(Number(match?.[1]) * (MS_PER_UNIT[match?.[2] ?? ""] ?? Number.NaN));
  if (!(ms >= 1)) {
    throw new InvalidArgumentError("Not a duration such as 500ms, 30s or 2m.");
  }
  if (ms > INT32_MAX) {
    throw new InvalidArgumentError("Longer than 24 days.");
  }
  return ms;
}

/** A whole number from 0 to the largest that an int32 holds. */
export function parseCount(text: string): number {
  const count = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(count <= INT32_MAX)) {
    throw new InvalidArgumentError(`Not a whole number from 0 to ${INT32_MAX}.`);
  }
  return count;
}

/** A TCP port; 0 asks for any free one. */
export function parsePort(text: string): number {
  const port = /^\d+$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) {
    throw new InvalidArgumentError("Not a port from 0 to 65535.");
  }
  return port;
}

/** A decimal number, negative ones included. */
export function parseDecimal(text: string): number {
  if (!/^-?\d+(\.\d+)?$/.test(text)) {
    throw new InvalidArgumentError("Not a decimal number.");
  }
  return Number(text);
}

/** As `parseDecimal`, above 0. */
export function parsePositive(text: string): number {
  const value = parseDecimal(text);
  if (value <= 0) {
    throw new InvalidArgumentError("Not above 0.");
  }
  return value;
}

/** A factor on time, at least 0. */
export function parseScale(text: string): number {
  const value = parseDecimal(text);
  if (value < 0) {
    throw new InvalidArgumentError("Below 0.");
  }
  return value;
}

/** Any whole number of 64 bits with a sign. */
export function parseInt64(text: string): bigint {
  const value = /^-?\d+$/.test(text) ? BigInt(text) : undefined;
  if (value === undefined || value < INT64_MIN || value > INT64_MAX) {
    throw new InvalidArgumentError("Not a whole number of 64 bits.");
  }
  return value;
}

/** Adds a value as it is to those of the same option before it. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** Adds the parts between commas to the values of the same option before it. */
export function collectList(text: string, before: readonly string[] = []): readonly string[] {
  const parts = text.split(",").map((part) => part.trim());
  if (parts.includes("")) {
    throw new InvalidArgumentError("Holds an empty name.");
  }
  return [...before, ...parts];
}

/** The number of an enum's word. `words`: those that may be chosen; default: all. */
export function parseWord(
  desc: DescEnum,
  words: readonly string[] = wordsOf(desc),
): (text: string) => number {
  return (text) => {
    const word = text.toLowerCase();
    const number = words.includes(word) ? numberOf(desc, word) : undefined;
    if (number === undefined) {
      throw new InvalidArgumentError(`Not one of ${words.join(", ")}.`);
    }
    return number;
  };
}

/** As `collectList`, for the words of an enum. */
export function collectWords(
  desc: DescEnum,
): (text: string, before?: readonly number[]) => readonly number[] {
  const parse = parseWord(desc);
  return (text, before = []) => [...before, ...collectList(text).map(parse)];
}
