import { type Usage, UsageSource, UsageSourceSchema } from "../../gen/atlas/v1/types_pb.ts";
import { wordOf } from "./enum-words.ts";
import { formatCount } from "./figures.ts";

/** Tokens of a call: "120 in (100 cached) + 34 out (20 reasoning) tokens", and whose count it is. */
export function formatUsage(usage: Usage): string {
  const cached = usage.cacheReadInputTokens;
  const reasoning = usage.reasoningOutputTokens;
  const input = usage.freshInputTokens + cached + usage.cacheWriteInputTokens;
  const output = usage.visibleOutputTokens + reasoning;
  const provided =
    usage.source === UsageSource.PROVIDER || usage.source === UsageSource.UNSPECIFIED;
  return [
    `${formatCount(input)} in`,
    cached > 0n ? ` (${formatCount(cached)} cached)` : "",
    ` + ${formatCount(output)} out`,
    reasoning > 0n ? ` (${formatCount(reasoning)} reasoning)` : "",
    " tokens",
    provided ? "" : `, ${wordOf(UsageSourceSchema, usage.source)}`,
  ].join("");
}
