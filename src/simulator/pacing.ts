import type { Profile } from "./profile.ts";
import { drawLogNormal, type Random } from "./random.ts";

/** When the parts of one answer are due, in milliseconds after its request, scaled. All 0 = at once. */
export type Pace = {
  readonly headersAtMs: number;
  readonly firstTokenAtMs: number;
  readonly msPerToken: number;
};

export function drawPace(profile: Profile, random: Random): Pace {
  const { timeScale, firstTokenMs, tokensPerSecond } = profile;
  // Both are drawn at any scale, so that it does not change what follows in the sequence.
  const firstTokenAtMs = drawLogNormal(random, firstTokenMs) * timeScale;
  const msPerToken = (1_000 / drawLogNormal(random, tokensPerSecond)) * timeScale;
  return { headersAtMs: firstTokenAtMs / 2, firstTokenAtMs, msPerToken };
}

/** When `tokens` tokens are out. */
export function tokensDueMs({ firstTokenAtMs, msPerToken }: Pace, tokens: number): number {
  return firstTokenAtMs + Math.max(0, tokens - 1) * msPerToken;
}
