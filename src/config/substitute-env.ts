import { formatPath, type Problem, type Segment } from "../decode/problems.ts";

/**
 * Environment variables inside the strings of a configuration: `${NAME}`, and `${NAME:-default}` for
 * one that may be unset or empty. `$${` stands for a literal `${`. Keys are left alone.
 */
export type Substitution = {
  /** A copy of the value; shares nothing that can change with it. */
  readonly value: unknown;
  /** Variables that are not set, and references that cannot be read. Never holds a value. */
  readonly problems: readonly Problem[];
  /** Paths of the strings that held a reference. */
  readonly substituted: ReadonlySet<string>;
};

export type Environment = Readonly<Record<string, string | undefined>>;

const REFERENCE = /\$(\$\{)|\$\{([^}]*)\}/g;
const NAME_AND_DEFAULT = /^([A-Za-z_]\w*)(?::-([\s\S]*))?$/;

export function substituteEnv(value: unknown, env: Environment): Substitution {
  const problems: Problem[] = [];
  const substituted = new Set<string>();

  function referenced(reference: string, path: string): string {
    const resolved = resolve(reference, env);
    substituted.add(path);
    if (resolved.problem !== undefined) {
      problems.push({ path, message: resolved.problem });
    }
    return resolved.text;
  }

  const copy = mapStrings(value, (text, path) =>
    text.replace(REFERENCE, (_, escaped: string | undefined, reference: string) =>
      escaped === undefined ? referenced(reference, path) : escaped,
    ),
  );
  return { value: copy, problems, substituted };
}

/**
 * Reads the strings at these paths as the numbers or flags they spell, since a variable is always text.
 * Strings that spell neither stay as they are.
 */
export function retype(value: unknown, paths: ReadonlySet<string>): unknown {
  return mapStrings(value, (text, path) => (paths.has(path) ? scalarOf(text) : text));
}

type Resolved = { readonly text: string; readonly problem?: string };

function resolve(reference: string, env: Environment): Resolved {
  const [, name, fallback] = NAME_AND_DEFAULT.exec(reference) ?? [];
  if (name === undefined) {
    return { text: "", problem: "holds a reference that is neither a name nor name:-default" };
  }
  // Names come from a file, so `constructor` must not find anything.
  const found = Object.hasOwn(env, name) ? env[name] : undefined;
  if (fallback !== undefined) {
    return { text: found || fallback };
  }
  return found === undefined
    ? { text: "", problem: `environment variable ${name} is not set` }
    : { text: found };
}

function mapStrings(
  value: unknown,
  change: (text: string, path: string) => string | number | boolean,
): unknown {
  function walk(node: unknown, path: readonly Segment[]): unknown {
    if (typeof node === "string") {
      return change(node, formatPath(path));
    }
    if (Array.isArray(node)) {
      return node.map((item, index) => walk(item, [...path, index]));
    }
    return typeof node === "object" && node !== null
      ? Object.fromEntries(
          Object.entries(node).map(([key, item]) => [key, walk(item, [...path, key])]),
        )
      : node;
  }
  return walk(value, []);
}

function scalarOf(text: string): string | number | boolean {
  if (/^-?\d+(\.\d+)?$/.test(text)) {
    return Number(text);
  }
  return text === "true" || text === "false" ? text === "true" : text;
}
