import { z } from "zod";
import { knownKeysIn } from "../decode/known-keys.ts";
import { formatPath, type Problem, problemsOf, segmentsOf } from "../decode/problems.ts";
import { check } from "../decode/wording.ts";
import { parseYaml } from "../decode/yaml-text.ts";
import { checkConfig } from "./check-config.ts";
import type { Config, TlsConfig } from "./config.ts";
import { configSchema } from "./config-schema.ts";
import { prune } from "./prune.ts";
import { isSecret } from "./secret.ts";
import { type Environment, retype, substituteEnv } from "./substitute-env.ts";

export type ParsedConfig =
  | { readonly ok: true; readonly config: Config }
  | {
      readonly ok: false;
      readonly problems: readonly Problem[];
      /** What is left without the broken keys, so that what it names can be judged as well. */
      readonly rest?: ConfigRest | undefined;
    };

export type ConfigRest = {
  readonly config: Config;
  /** Whether a problem is at the key or above it: then its value is not what the operator wrote. */
  readonly isBroken: (key: string) => boolean;
  /** Whether a problem is at the key or below it: then a part of its value may be missing. */
  readonly isPartial: (key: string) => boolean;
  /** What the file says of TLS, even where a listener lacks a file that it needs. */
  readonly tls: TlsFiles;
};

/** Absent for a listener without TLS. */
type TlsFiles = Readonly<Record<"grpc" | "http", TlsNames | undefined>>;

export type TlsNames = { readonly [Name in keyof TlsConfig]?: TlsConfig[Name] | undefined };

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
  const others = problemsOf(issues, { keysAt: (path) => knownKeysIn(configSchema, path) }).filter(
    ({ path }) => !unsetPaths.has(path),
  );
  const broken = [...unset, ...others].map(({ path }) => path);
  const isBroken = (key: string) => broken.some((path) => isWithin(key, path));
  const isPartial = (key: string) => broken.some((path) => isWithin(path, key));
  const problems = [
    ...unset,
    ...others,
    ...(config === undefined ? [] : checkConfig(config, (key) => isBroken(key) || isPartial(key))),
  ];
  if (config === undefined) {
    return { ok: false, problems };
  }
  freeze(config);
  return problems.length > 0
    ? { ok: false, problems, rest: { config, isBroken, isPartial, tls: tlsFilesIn(value) } }
    : { ok: true, config };
}

/** Whether a path is the key or lies below it. */
function isWithin(path: string, key: string): boolean {
  return path === key || (path.startsWith(key) && [".", "["].includes(path.charAt(key.length)));
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
  const first = check(configSchema, value);
  const retyped = retype(value, scalarPaths(first.error?.issues ?? [], substituted));
  const { data, error } = check(configSchema, retyped);
  if (error === undefined) {
    return { issues: [], config: data };
  }
  return { issues: error.issues, config: whatIsLeft(retyped, error.issues) };
}

/** How often leaving out what is wrong may leave a mapping without what it needs. */
const MAX_PRUNINGS = 4;

function whatIsLeft(value: unknown, issues: readonly z.core.$ZodIssue[]): Config | undefined {
  let left = value;
  let wrong = issues;
  for (let round = 0; round < MAX_PRUNINGS; round += 1) {
    left = prune(left, wrong);
    const { data, error } = check(configSchema, left);
    if (error === undefined) {
      return data;
    }
    wrong = error.issues;
  }
  return undefined;
}

const file = z.string().min(1).optional().catch(undefined);
const listener = z
  .object({
    tls: z
      .object({ certFile: file, keyFile: file, clientCaFile: file })
      .optional()
      .catch(undefined),
  })
  .catch({ tls: undefined });
const tlsFiles = z.object({ listen: z.object({ grpc: listener, http: listener }) });

function tlsFilesIn(value: unknown): TlsFiles {
  const { data } = tlsFiles.safeParse(value);
  return { grpc: data?.listen.grpc.tls, http: data?.listen.http.tls };
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
