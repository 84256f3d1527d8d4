import { anthropicDialect } from "./anthropic-dialect.ts";
import type { Dialect, DialectName } from "./dialect.ts";
import { createEndpointStats, type StatsRecorder } from "./endpoint-stats.ts";
import { openaiDialect } from "./openai-dialect.ts";
import { describeProblems, type ParsedProfile, parseProfile } from "./parse-profile.ts";
import { defaultProfile, type Profile, type ProfilePatch } from "./profile.ts";
import { createPromptCache, type PromptCache } from "./prompt-cache.ts";
import { createRandom, hashText, type Random } from "./random.ts";
import { createRateWindow, type RateWindow } from "./rate-window.ts";

export type SimulatedEndpoint = {
  /** The catalogue's id, such as `azure/eastus/gpt-4o-mini`. */
  readonly id: string;
  /** Endpoints of one provider share a server, and so an origin. */
  readonly provider: string;
  readonly dialect: DialectName;
  /** What requests must name in `model`; others get the provider's 404. */
  readonly upstreamModel: string;
  /** What differs from `defaultProfile`. */
  readonly profile: ProfilePatch;
};

/** An endpoint at work. */
export type Endpoint = {
  readonly spec: SimulatedEndpoint;
  readonly dialect: Dialect;
  /** The endpoint's own sequence, so that traffic elsewhere does not disturb it. */
  readonly random: Random;
  readonly cache: PromptCache;
  readonly rates: RateWindow;
  readonly stats: StatsRecorder;
  profile(): Profile;
  /** Merges; an invalid patch changes nothing. Holds for requests that start later. */
  configure(patch: unknown): ParsedProfile;
  /** Back to the profile it started with, statistics and rate counts at zero, nothing cached. */
  reset(): void;
};

const dialects: Readonly<Record<DialectName, Dialect>> = {
  "openai-chat": openaiDialect,
  "anthropic-messages": anthropicDialect,
};

/** Throws a RangeError for a bad profile, with every problem. */
export function createEndpoint(spec: SimulatedEndpoint, seed: number): Endpoint {
  const initial = validProfile(parseProfile(defaultProfile, spec.profile), spec.id);
  const cache = createPromptCache();
  const rates = createRateWindow();
  const stats = createEndpointStats();
  let profile = initial;
  return {
    spec,
    dialect: dialects[spec.dialect],
    random: createRandom(hashText(spec.id, seed)),
    cache,
    rates,
    stats,
    profile: () => profile,
    configure(patch) {
      const parsed = parseProfile(profile, patch);
      if (parsed.kind === "valid") {
        profile = parsed.profile;
      }
      return parsed;
    },
    reset() {
      profile = initial;
      stats.reset();
      rates.clear();
      cache.clear();
    },
  };
}

/** Throws a RangeError with every problem. */
export function validProfile(parsed: ParsedProfile, endpointId: string): Profile {
  if (parsed.kind === "invalid") {
    throw new RangeError(`${endpointId}: ${describeProblems(parsed.problems)}`);
  }
  return parsed.profile;
}
