import type { ProfilePatch } from "./profile.ts";

/**
 * How the fleet's endpoints behave when nobody says otherwise, by provider and by endpoint.
 *
 * The endpoints of gpt-4o-mini run at the latency and speed that the model's page shows. All other
 * figures are made up: they keep the providers apart and say nothing about the real ones. None fails by
 * itself: faults are what one adds, to see what they do.
 */
const byProvider: Readonly<Record<string, ProfilePatch>> = {
  openai: { firstTokenMs: { p50: 450, p95: 1_600 }, tokensPerSecond: { p50: 70, p95: 110 } },
  azure: {
    firstTokenMs: { p50: 700, p95: 2_400 },
    tokensPerSecond: { p50: 45, p95: 80 },
    quirks: { promptFilterChunk: true, contentFilterChunks: true },
  },
  anthropic: { firstTokenMs: { p50: 600, p95: 1_800 }, tokensPerSecond: { p50: 65, p95: 95 } },
  groq: {
    firstTokenMs: { p50: 150, p95: 400 },
    tokensPerSecond: { p50: 300, p95: 480 },
    quirks: { groqUsage: true, reasoningField: "reasoning" },
  },
  deepinfra: { firstTokenMs: { p50: 400, p95: 1_300 }, tokensPerSecond: { p50: 55, p95: 90 } },
  novita: { firstTokenMs: { p50: 550, p95: 1_900 }, tokensPerSecond: { p50: 40, p95: 70 } },
  together: {
    firstTokenMs: { p50: 350, p95: 1_000 },
    tokensPerSecond: { p50: 90, p95: 150 },
    quirks: { usageOnLastContent: true },
  },
  deepseek: {
    firstTokenMs: { p50: 900, p95: 3_500 },
    tokensPerSecond: { p50: 35, p95: 55 },
    quirks: { keepAliveComments: 2 },
  },
};

const byEndpoint: readonly { readonly pattern: RegExp; readonly profile: ProfilePatch }[] = [
  {
    pattern: /^azure\/.*gpt-4o-mini$/,
    profile: {
      firstTokenMs: { p50: 2_568, p95: 8_421 },
      tokensPerSecond: { p50: 8, p95: 16 },
    },
  },
  {
    pattern: /^openai\/.*gpt-4o-mini$/,
    profile: {
      firstTokenMs: { p50: 716, p95: 4_091 },
      tokensPerSecond: { p50: 28, p95: 67 },
    },
  },
];

/** What differs from `defaultProfile` for one endpoint of the catalogue. */
export function providerProfile(endpointId: string, provider: string): ProfilePatch {
  const own = byEndpoint.find(({ pattern }) => pattern.test(endpointId))?.profile;
  return { ...byProvider[provider], ...own };
}
