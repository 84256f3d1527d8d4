import { isObject, type JsonObject } from "./json-value.ts";
import type { Chance, MidAnswerChance, Profile, Quantiles } from "./profile.ts";

/** `path` is dotted, and empty for the value as a whole. */
export type Problem = { readonly path: string; readonly message: string };

export type ParsedProfile =
  | { readonly kind: "valid"; readonly profile: Profile }
  | { readonly kind: "invalid"; readonly problems: readonly Problem[] };

type Rule = (value: unknown, path: string) => readonly Problem[];
type RulesOf<T> = { readonly [K in keyof T]: Rule };

/** `patch` merged into `base`, or every problem with the patch. */
export function parseProfile(base: Profile, patch: unknown): ParsedProfile {
  const problems = group(profileRules)(patch, "");
  if (problems.length > 0 || !isObject(patch)) {
    return { kind: "invalid", problems };
  }
  const profile = merge(base, patch) as unknown as Profile;
  const crossed = crossedQuantiles(profile);
  return crossed.length > 0 ? { kind: "invalid", problems: crossed } : { kind: "valid", profile };
}

/** One line per problem, for the message of an error. */
export function describeProblems(problems: readonly Problem[]): string {
  return problems.map(({ path, message }) => `${path || "profile"}: ${message}`).join("; ");
}

const ratio = number({ min: 0, max: 1 });
const tokens = number({ min: 0, max: 1_000_000, integer: true });
const perMinute = number({ min: 0, max: 1e12, integer: true });
const chance = group<Chance>({ rate: ratio });
const midAnswer = group<MidAnswerChance>({ rate: ratio, afterTokens: tokens });

const profileRules: RulesOf<Profile> = {
  timeScale: number({ min: 0, max: 1_000 }),
  firstTokenMs: quantiles({ min: 0, max: 600_000 }),
  tokensPerSecond: quantiles({ min: 0.001, max: 100_000 }),
  outputTokens: quantiles({ min: 0, max: 1_000_000 }),
  contextLength: number({ min: 1, max: 100_000_000, integer: true }),
  maxConcurrency: number({ min: 0, max: 1_000_000, integer: true }),
  requestsPerMinute: perMinute,
  tokensPerMinute: perMinute,
  promptCache: flag,
  acceptsExtras: flag,
  tokensPerChunk: number({ min: 1, max: 1_000, integer: true }),
  chunkBytes: number({ min: 0, max: 1_000_000, integer: true }),
  rateLimited: group<Profile["rateLimited"]>({
    rate: ratio,
    retryAfterSeconds: nullable(number({ min: 0, max: 86_400, integer: true })),
    retryAfterMs: nullable(number({ min: 0, max: 86_400_000 })),
    retryAfterDate: flag,
  }),
  serverError: group<Profile["serverError"]>({
    rate: ratio,
    status: oneOf(500, 502, 503, 504, 529),
  }),
  quotaExhausted: group<Profile["quotaExhausted"]>({
    rate: ratio,
    code: oneOf(
      "insufficient_quota",
      "credit_balance_exhausted",
      "organization_usage_limit_exceeded",
      "organization_spend_limit_exceeded",
      "project_spend_limit_exceeded",
      "billing_error",
    ),
  }),
  unauthorized: chance,
  modelNotFound: chance,
  badRequest: chance,
  contextLengthExceeded: chance,
  contentFilter: group<Profile["contentFilter"]>({ rate: ratio, where: oneOf("prompt", "answer") }),
  htmlError: chance,
  stallBeforeHeaders: chance,
  stallBeforeFirstToken: chance,
  stallMidStream: midAnswer,
  errorInStream: midAnswer,
  cutConnection: midAnswer,
  malformedChunk: midAnswer,
  emptyCompletion: chance,
  missingDone: chance,
  omitUsage: chance,
  quirks: group<Profile["quirks"]>({
    crlf: flag,
    keepAliveComments: number({ min: 0, max: 1_000, integer: true }),
    promptFilterChunk: flag,
    contentFilterChunks: flag,
    groqUsage: flag,
    reasoningField: oneOf("reasoning_content", "reasoning", "none"),
    toolCallsAtIndexZero: flag,
    errorBody: oneOf("nested", "flat", "numeric-code"),
    usageOnLastContent: flag,
  }),
};

type Bounds = { readonly min: number; readonly max: number; readonly integer?: boolean };

function number({ min, max, integer = false }: Bounds): Rule {
  const wanted = `${integer ? "a whole number" : "a number"} from ${min} to ${max}`;
  return (value, path) =>
    typeof value === "number" &&
    value >= min &&
    value <= max &&
    (!integer || Number.isInteger(value))
      ? []
      : [{ path, message: `must be ${wanted}` }];
}

function flag(value: unknown, path: string): readonly Problem[] {
  return typeof value === "boolean" ? [] : [{ path, message: "must be true or false" }];
}

function oneOf(...values: readonly (string | number)[]): Rule {
  return (value, path) =>
    values.some((allowed) => allowed === value)
      ? []
      : [{ path, message: `must be one of ${values.join(", ")}` }];
}

function nullable(rule: Rule): Rule {
  return (value, path) => (value === null ? [] : rule(value, path));
}

function quantiles(bounds: Bounds): Rule {
  return group<Quantiles>({ p50: number(bounds), p95: number(bounds) });
}

function group<T>(rules: RulesOf<T>): Rule {
  const ruleOf = new Map<string, Rule>(Object.entries(rules));
  return (value, path) => {
    if (!isObject(value)) {
      return [{ path, message: "must be an object" }];
    }
    return Object.entries(value).flatMap(([key, entry]) => {
      const entryPath = path === "" ? key : `${path}.${key}`;
      const rule = ruleOf.get(key);
      return rule === undefined
        ? [{ path: entryPath, message: "is unknown" }]
        : rule(entry, entryPath);
    });
  };
}

/** Only a merged profile can tell, since a patch may name one of the two. */
function crossedQuantiles(profile: Profile): readonly Problem[] {
  const named = ["firstTokenMs", "tokensPerSecond", "outputTokens"] as const;
  return named
    .filter((path) => profile[path].p95 < profile[path].p50)
    .map((path) => ({ path: `${path}.p95`, message: `must be at least p50 ${profile[path].p50}` }));
}

function merge(base: JsonObject, patch: JsonObject): JsonObject {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(patch)) {
    const current = base[key];
    merged[key] = isObject(value) && isObject(current) ? { ...current, ...value } : value;
  }
  return merged;
}
