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

export function outputTokensOf({ visibleOutput, reasoningOutput }: Usage): number {
  return visibleOutput + reasoningOutput;
}
