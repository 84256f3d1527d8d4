import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { UsageSchema, UsageSource } from "../../../gen/atlas/v1/types_pb.ts";
import { formatUsage } from "../../../src/cli/format-usage.ts";

describe("formatUsage()", () => {
  it("adds up the disjoint classes and names the ones that are cheaper or hidden", () => {
    const usage = create(UsageSchema, {
      freshInputTokens: 1_000n,
      cacheReadInputTokens: 200n,
      cacheWriteInputTokens: 30n,
      visibleOutputTokens: 4n,
      reasoningOutputTokens: 5n,
      source: UsageSource.PROVIDER,
    });
    expect(formatUsage(usage)).toBe("1,230 in (200 cached) + 9 out (5 reasoning) tokens");
  });

  it("says when the provider did not count", () => {
    const usage = create(UsageSchema, { freshInputTokens: 3n, source: UsageSource.PARTIAL });
    expect(formatUsage(usage)).toBe("3 in + 0 out tokens, partial");
  });
});
