/** Token counts of one call in disjoint classes: the total is their sum. Whole numbers. */
export type Usage = {
  readonly freshInput: number;
  readonly cacheRead: number;
  readonly cacheWrite: number;
  readonly visibleOutput: number;
  readonly reasoningOutput: number;
  /** `partial` is what had been counted when the call broke. */
  readonly source: "provider" | "estimated" | "partial";
};

export function inputTokensOf({ freshInput, cacheRead, cacheWrite }: Usage): number {
  return freshInput + cacheRead + cacheWrite;
}

/**
 * Whether an attempt that failed is taken to be billed: its answer had begun, or its provider told of output
 * that was generated, if only of reasoning that it hides. The count that Anthropic sends before anything was
 * generated is not told to us until something is.
 */
export function isBilled(attempt: {
  /** Absent: no content came. */
  readonly firstTokenMs: number | undefined;
  readonly usage?: Usage | undefined;
}): boolean {
  const { firstTokenMs, usage } = attempt;
  return firstTokenMs !== undefined || (usage?.source === "provider" && outputTokensOf(usage) > 0);
}

export function outputTokensOf({ visibleOutput, reasoningOutput }: Usage): number {
  return visibleOutput + reasoningOutput;
}
