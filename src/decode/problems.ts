import type { z } from "zod";

/**
 * What is wrong with a file. `path` is like `models["openai/gpt-4o"].family`; empty for the whole.
 * Holds no value of the file: it may be a secret.
 */
export type Problem = { readonly path: string; readonly message: string };

export type Segment = string | number;

const PLAIN_KEY = /^[A-Za-z_][\w-]*$/;

/** Dotted where a key is a plain word, in brackets where it is not. */
export function formatPath(segments: readonly Segment[]): string {
  return segments
    .map((segment) => {
      if (typeof segment === "number") {
        return `[${segment}]`;
      }
      return PLAIN_KEY.test(segment) ? `.${segment}` : `[${JSON.stringify(segment)}]`;
    })
    .join("")
    .replace(/^\./, "");
}

/** Keys and indexes of an issue; YAML and JSON have no symbols for keys. */
export function segmentsOf({ path }: z.core.$ZodIssue): readonly Segment[] {
  return path.map((part) => (typeof part === "number" ? part : String(part)));
}

type ProblemOptions = {
  /** Where the judged value stands in its file. Default: it is the whole file. */
  readonly at?: readonly Segment[];
  /** The keys that are known at a path below `at`, to suggest one. Default: none. */
  readonly keysAt?: (path: readonly Segment[]) => readonly string[];
};

/**
 * Every issue of `check` as a problem; several unknown keys are several problems. What is wrong in two
 * ways that read alike is told once.
 */
export function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  { at = [], keysAt = () => [] }: ProblemOptions = {},
): Problem[] {
  const problems = issues.flatMap((issue) => {
    const below = segmentsOf(issue);
    const path = [...at, ...below];
    return issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => unknownKey([...path, key], keysAt(below)))
      : [{ path: formatPath(path), message: messageOf(issue) }];
  });
  const seen = new Set<string>();
  return problems.filter(({ path, message }) => {
    const text = `${path}: ${message}`;
    return !seen.has(text) && seen.add(text);
  });
}

/** A key that nobody asked for, with the one of `known` that was probably meant. */
export function unknownKey(path: readonly Segment[], known: readonly string[]): Problem {
  const message = `is not a known key${suggestion(String(path.at(-1)), known)}`;
  return { path: formatPath(path), message };
}

function messageOf(issue: z.core.$ZodIssue): string {
  return issue.code === "invalid_key"
    ? `is not a possible key: ${issue.issues.map(({ message }) => message).join(", ")}`
    : issue.message;
}

export type Known = {
  readonly names: Iterable<string>;
  /** False: there may be others that cannot be read. */
  readonly complete: boolean;
};

/** `no model is called gpt4o; did you mean openai/gpt-4o?` */
export function unknownName(what: string, name: string, { names, complete }: Known): string {
  const scope = complete ? "" : " in what can be read";
  return `no ${what} is called ${name}${scope}${suggestion(name, [...names])}`;
}

/** How many edits a typo may be away: one in three letters. */
const LETTERS_PER_EDIT = 3;

/** `; did you mean host?`: the closest of the known names, when it is close enough for a typo. */
function suggestion(key: string, known: readonly string[]): string {
  const [closest] = known
    .map((name) => ({ name, edits: editDistance(key.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, edits }) => edits <= Math.ceil(name.length / LETTERS_PER_EDIT))
    .sort((left, right) => left.edits - right.edits);
  return closest === undefined ? "" : `; did you mean ${closest.name}?`;
}

/** Levenshtein distance, row by row. */
function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length }, (_, column) => column + 1);
  let distance = to.length;
  for (const [line, letter] of [...from].entries()) {
    let diagonal = line;
    distance = line + 1;
    const row: number[] = [];
    for (const [column, up] of above.entries()) {
      distance = Math.min(diagonal + (letter === to[column] ? 0 : 1), up + 1, distance + 1);
      diagonal = up;
      row.push(distance);
    }
    above = row;
  }
  return distance;
}
