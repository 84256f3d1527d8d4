/** Fewer tokens arrive in one or two packets, and their pace is the network's. */
const MIN_OUTPUT_TOKENS = 8;
/** Less is what was read at once, or all but. */
const MIN_GENERATION_MS = 50;

/**
 * Whether the pace of an answer can be told: it has 8 tokens or more, and 50 ms or more lie between the
 * first and the last. Absent or not a number: nobody measured.
 */
export function isPaceKnown(
  generationMs: number | undefined,
  generatedTokens: number,
): generationMs is number {
  // Stated so that a value which is not a number is refused.
  return (
    generationMs !== undefined &&
    generationMs >= MIN_GENERATION_MS &&
    generatedTokens >= MIN_OUTPUT_TOKENS
  );
}

/** Output tokens per second after the first one; absent where the pace cannot be told. */
export function tokensPerSecondOf(
  generationMs: number | undefined,
  generatedTokens: number,
): number | undefined {
  return isPaceKnown(generationMs, generatedTokens)
    ? ((generatedTokens - 1) * 1_000) / generationMs
    : undefined;
}
