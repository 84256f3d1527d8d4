import type { z } from "zod";

/** What a problem with a key that is not there says; `isMissing` tells it from every other one. */
const REQUIRED = "is required";

/**
 * Judges a value in this project's own words: every issue of the result reads as the end of a sentence
 * that begins with the path, unless the schema brings a message of its own. Shows no value.
 */
export function check<T>(schema: z.ZodType<T>, value: unknown): z.ZodSafeParseResult<T> {
  return schema.safeParse(value, { error: wordingOf });
}

/** Whether an issue of `check` is about a value that is not there. */
export function isMissing({ message }: z.core.$ZodIssue): boolean {
  return message === REQUIRED;
}

/** The words for one raw issue, for every code the library has. */
export function wordingOf(issue: z.core.$ZodRawIssue): string {
  if (issue.input === undefined && issue.code !== "custom") {
    return REQUIRED;
  }
  switch (issue.code) {
    case "invalid_type":
      return typeWording(issue.expected, issue.input);
    case "invalid_value":
      return `must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.join(", ")}`;
    case "too_small":
      return sizeWording(issue.origin, "at least", issue.minimum, issue.inclusive !== false);
    case "too_big":
      return sizeWording(issue.origin, "at most", issue.maximum, issue.inclusive !== false);
    case "not_multiple_of":
      return `must be a multiple of ${issue.divisor}`;
    case "invalid_format":
      return formatWording(issue.format);
    case "unrecognized_keys":
      return "is not a known key";
    case "invalid_key":
      return "has a key that is not allowed";
    case "invalid_element":
      return "has a member that is not allowed";
    case "invalid_union":
      return "has none of the forms that are allowed";
    default:
      return "is not allowed";
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "a mapping",
  record: "a mapping",
};

function typeWording(expected: string, input: unknown): string {
  const wanted = `must be ${typeNames[expected] ?? expected}`;
  if (input === null) {
    return `${wanted}, and is empty`;
  }
  // A version, an account number or `yes` that was meant as text.
  return expected === "string" && (typeof input === "number" || typeof input === "boolean")
    ? `${wanted}: put it in quotes`
    : wanted;
}

const sizeUnits: Readonly<Record<string, string>> = {
  string: " characters",
  array: " members",
  set: " members",
  map: " members",
};

function sizeWording(
  origin: string,
  bound: "at least" | "at most",
  limit: number | bigint,
  isInclusive: boolean,
): string {
  const unit = sizeUnits[origin];
  if (unit === undefined) {
    const beyond = bound === "at least" ? "above" : "below";
    return `must be ${isInclusive ? bound : beyond} ${limit}`;
  }
  return bound === "at least" && Number(limit) === 1
    ? "must not be empty"
    : `must have ${bound} ${limit}${unit}`;
}

const formatNames: Readonly<Record<string, string>> = {
  date: "must be a day of the calendar like 2026-11-22",
  url: "must be a URL",
};

function formatWording(format: string): string {
  return formatNames[format] ?? "is not written in the form that is wanted";
}
