import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inputTokensOf, outputTokensOf } from "../../../../src/domain/usage.ts";
import {
  createRunningUsage,
  takeUsage,
  usageOf,
} from "../../../../src/upstream/anthropic/usage.ts";

const count = fc.nat({ max: 1e9 });

describe("usageOf()", () => {
  it("adds up to the provider's totals whatever thinking claims", () => {
    fc.assert(
      fc.property(
        fc.tuple(count, count, count, count, count),
        ([input, read, written, output, thinking]) => {
          const running = createRunningUsage();
          takeUsage(running, {
            input_tokens: input,
            cache_read_input_tokens: read,
            cache_creation_input_tokens: written,
            output_tokens: output,
            output_tokens_details: { thinking_tokens: thinking },
          });
          const usage = usageOf(running);
          expect(inputTokensOf(usage)).toBe(input + read + written);
          expect(outputTokensOf(usage)).toBe(output);
          expect(Math.min(usage.visibleOutput, usage.reasoningOutput)).toBeGreaterThanOrEqual(0);
        },
      ),
      { seed: 3 },
    );
  });

  it.each([[null], ["x"], [{}], [{ output_tokens: "3" }]])("takes no count from %j", (value) => {
    expect(takeUsage(createRunningUsage(), value)).toBe(false);
  });

  it("holds negative counts at 0", () => {
    const running = createRunningUsage();
    takeUsage(running, { input_tokens: -5, output_tokens: -1 });
    expect(usageOf(running)).toMatchObject({ freshInput: 0, visibleOutput: 0 });
  });
});
