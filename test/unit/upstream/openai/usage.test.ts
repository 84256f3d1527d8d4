import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inputTokensOf, outputTokensOf } from "../../../../src/domain/usage.ts";
import { usageOf } from "../../../../src/upstream/openai/usage.ts";

const anything = fc.option(fc.oneof(fc.integer(), fc.double(), fc.string()), { nil: undefined });
const count = fc.nat({ max: 1e9 });

describe("usageOf()", () => {
  it("takes cached and written tokens out of the prompt", () => {
    expect(
      usageOf({
        prompt_tokens: 100,
        completion_tokens: 20,
        prompt_tokens_details: { cached_tokens: 60, cache_write_tokens: 30 },
        completion_tokens_details: { reasoning_tokens: 15 },
      }),
    ).toEqual({
      freshInput: 10,
      cacheRead: 60,
      cacheWrite: 30,
      visibleOutput: 5,
      reasoningOutput: 15,
      source: "provider",
    });
  });

  it("knows the cache counts of DeepSeek, also without a total", () => {
    expect(usageOf({ prompt_cache_hit_tokens: 8, prompt_cache_miss_tokens: 2 })).toMatchObject({
      freshInput: 2,
      cacheRead: 8,
    });
  });

  it("knows the cache count of Moonshot and the reasoning count of SGLang", () => {
    expect(
      usageOf({ prompt_tokens: 9, completion_tokens: 4, cached_tokens: 5, reasoning_tokens: 3 }),
    ).toMatchObject({ freshInput: 4, cacheRead: 5, visibleOutput: 1, reasoningOutput: 3 });
  });

  it("adds reasoning to a completion that leaves it out, as the total shows", () => {
    expect(
      usageOf({
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 35,
        completion_tokens_details: { reasoning_tokens: 20 },
      }),
    ).toMatchObject({ visibleOutput: 5, reasoningOutput: 20 });
  });

  it.each([[null], [undefined], ["12"], [[]], [{}], [{ total_tokens: 3 }]])(
    "says nothing of %j",
    (value) => {
      expect(usageOf(value)).toBeUndefined();
    },
  );

  it("adds up to the totals whatever the parts claim", () => {
    fc.assert(
      fc.property(
        fc.tuple(count, count, count, count, count),
        ([prompt, completion, cached, written, reasoning]) => {
          const usage = usageOf({
            prompt_tokens: prompt,
            completion_tokens: completion,
            total_tokens: prompt + completion,
            prompt_tokens_details: { cached_tokens: cached, cache_write_tokens: written },
            completion_tokens_details: { reasoning_tokens: reasoning },
          });
          expect(usage && [inputTokensOf(usage), outputTokensOf(usage)]).toEqual([
            prompt,
            completion,
          ]);
        },
      ),
      { seed: 1 },
    );
  });

  it("is never negative and never broken", () => {
    const parts = fc.record({
      cached_tokens: anything,
      cache_write_tokens: anything,
      reasoning_tokens: anything,
    });
    fc.assert(
      fc.property(
        fc.record({
          prompt_tokens: fc.integer(),
          completion_tokens: anything,
          total_tokens: anything,
          prompt_tokens_details: fc.option(parts, { nil: null }),
          completion_tokens_details: fc.option(parts, { nil: null }),
          prompt_cache_hit_tokens: anything,
          cached_tokens: anything,
        }),
        (value) => {
          const { source, ...classes } = usageOf(value) ?? { source: undefined };
          expect(source).toBe("provider");
          expect(Object.values(classes).every((n) => Number.isSafeInteger(n) && n >= 0)).toBe(true);
        },
      ),
      { seed: 2 },
    );
  });
});
