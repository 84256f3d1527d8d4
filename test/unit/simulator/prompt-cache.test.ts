import { describe, expect, test } from "vitest";
import type { Segment } from "../../../src/simulator/prompt.ts";
import { createPromptCache } from "../../../src/simulator/prompt-cache.ts";

function segments(keys: string, breakpoints = keys): readonly Segment[] {
  return [...keys].map((key) => ({ key, tokens: 10, breakpoint: breakpoints.includes(key) }));
}

describe("createPromptCache()", () => {
  test("reads nothing at first and writes up to the last breakpoint", () => {
    expect(createPromptCache().take(segments("abc", "b"))).toEqual({ read: 0, written: 20 });
  });

  test("reads the longest prefix seen before", () => {
    const cache = createPromptCache();
    cache.take(segments("abc"));
    expect(cache.take(segments("abxy"))).toEqual({ read: 20, written: 20 });
  });

  test("knows a stretch only after the same prefix", () => {
    const cache = createPromptCache();
    cache.take(segments("ab"));
    expect(cache.take(segments("b"))).toEqual({ read: 0, written: 10 });
  });

  test("leaves what has no breakpoint alone", () => {
    const cache = createPromptCache();
    cache.take(segments("ab", ""));
    expect(cache.take(segments("ab", ""))).toEqual({ read: 0, written: 0 });
  });

  test("forgets when cleared", () => {
    const cache = createPromptCache();
    cache.take(segments("ab"));
    cache.clear();
    expect(cache.take(segments("ab")).read).toBe(0);
  });

  test("forgets the oldest prefix beyond its bound", () => {
    const cache = createPromptCache();
    cache.take(segments("a"));
    for (let index = 0; index < 20_000; index++) {
      cache.take([{ key: `other ${index}`, tokens: 1, breakpoint: true }]);
    }
    expect(cache.take(segments("a")).read).toBe(0);
  });
});
