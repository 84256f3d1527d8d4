import type { z } from "zod";
import { formatPath, type Problem, problemsOf, segmentsOf } from "../decode/problems.ts";
import { parseYaml } from "../decode/yaml-text.ts";
import { checkConfig } from "./check-config.ts";
import type { Config } from "./config.ts";
import { configSchema } from "./config-schema.ts";
import { knownKeysAt } from "./describe-keys.ts";
import { prune } from "./prune.ts";
import { isSecret } from "./secret.ts";
import { type Environment, retype, substituteEnv } from "./substitute-env.ts";

export type ParsedConfig =
  | { readonly ok: true; readonly config: Config }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * The complete configuration of a file's text, or every problem with it at once. Never throws, and no
 * problem shows a value: it may be a secret. An empty text is all defaults.
 */
export function parseConfig(text: string, env: Environment): ParsedConfig {
  const parsed = parseYaml(text);
  if (!parsed.ok) {
    return parsed;
  }
  const { value, problems: unset, substituted } = substituteEnv(parsed.value ?? {}, env);
  const { issues, config } = decode(value, substituted);
  const unsetPaths = new Set(unset.map(({ path }) => path));
  // Whatever else is wrong with a value that could not be put in is only its consequence.
  const others = problemsOf(issues, { keysAt: knownKeysAt }).filter(
    ({ path }) => !unsetPaths.has(path),
  );
  const broken = [...unset, ...others].map(({ path }) => path);
  const problems = [
    ...unset,
    ...others,
    ...(config === undefined ? [] : checkConfig(config, (key) => broken.some(within(key)))),
  ];
  return problems.length > 0 || config === undefined
    ? { ok: false, problems }
    : { ok: true, config: freeze(config) };
}

/** Whether a path is the key, or lies above or below it. */
function within(key: string): (path: string) => boolean {
  return (path) => `${path}.`.startsWith(`${key}.`) || `${key}.`.startsWith(`${path}.`);
}

type Decoded = {
  readonly issues: readonly z.core.$ZodIssue[];
  /** Without what the issues are about; absent when nothing is left to judge. */
  readonly config: Config | undefined;
};

/**
 * Decodes what can be decoded, so that one broken key does not hide what is wrong between others. A
 * variable is text; where the schema wants a number or a flag, it is read as one.
 */
function decode(value: unknown, substituted: ReadonlySet<string>): Decoded {
  const first = configSchema.safeParse(value);
  const retyped = retype(value, scalarPaths(first.error?.issues ?? [], substituted));
  const { data, error } = configSchema.safeParse(retyped);
  if (error === undefined) {
    return { issues: [], config: data };
  }
  return {
    issues: error.issues,
    config: configSchema.safeParse(prune(retyped, error.issues)).data,
  };
}

function scalarPaths(
  issues: readonly z.core.$ZodIssue[],
  substituted: ReadonlySet<string>,
): ReadonlySet<string> {
  return new Set(
    issues
      .filter((issue) => issue.code === "invalid_type" && expectsScalar(issue))
      .map((issue) => formatPath(segmentsOf(issue)))
      .filter((path) => substituted.has(path)),
  );
}

function expectsScalar({ expected }: z.core.$ZodIssueInvalidType): boolean {
  return expected === "number" || expected === "int" || expected === "boolean";
}

function freeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !isSecret(value)) {
    for (const item of Object.values(value)) {
      freeze(item);
    }
    Object.freeze(value);
  }
  return value;
}
