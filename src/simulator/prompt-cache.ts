import type { Segment } from "./prompt.ts";
import { hashText } from "./random.ts";

/** Prefixes that an endpoint has seen, oldest forgotten first. */
export type PromptCache = {
  /** Looks the prompt up and remembers it. Both counts are of prompt tokens. */
  take(segments: readonly Segment[]): { readonly read: number; readonly written: number };
  clear(): void;
};

/** About 1 MB of hashes. */
const MAX_PREFIXES = 20_000;

export function createPromptCache(): PromptCache {
  const seen = new Set<number>();

  function remember(prefix: number): void {
    seen.add(prefix);
    const [oldest] = seen;
    if (seen.size > MAX_PREFIXES && oldest !== undefined) {
      seen.delete(oldest);
    }
  }

  return {
    take(segments) {
      let hash = 0;
      let tokens = 0;
      let read = 0;
      let cacheable = 0;
      const prefixes: number[] = [];
      for (const segment of segments) {
        hash = hashText(`${hash}\n${segment.key}`);
        tokens += segment.tokens;
        if (segment.breakpoint) {
          read = seen.has(hash) ? tokens : read;
          cacheable = tokens;
          prefixes.push(hash);
        }
      }
      for (const prefix of prefixes) {
        remember(prefix);
      }
      return { read, written: cacheable - read };
    },
    clear: () => seen.clear(),
  };
}
