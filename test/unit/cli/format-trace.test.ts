import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import {
  type Attempt,
  AttemptSchema,
  type Cost,
  CostSchema,
  type Usage,
  UsageSchema,
  UsageSource,
} from "../../../gen/atlas/v1/types_pb.ts";
import { displayWidth } from "../../../src/cli/display-width.ts";
import { formatTrace } from "../../../src/cli/format-trace.ts";
import { createPaint } from "../../../src/cli/paint.ts";
import { refusedCall, switchedCall } from "./recorded-call-fixture.ts";

const layout = { columns: 100, paint: createPaint(false) };

describe("formatTrace()", () => {
  it("explains a call: outcome, waterfall, time, cost, decision, trace", () => {
    expect(formatTrace(switchedCall(), [], layout)).toBe(`\
Call      0b0b6c1e-0000-4000-8000-00000000000a
Asked     gpt-4o-mini (openai/gpt-4o-mini), standard, support.reply, streamed
Received  2026-11-22 22:30:11.250 UTC
Caller    checkout, team=pay
Ended     ok by openai/gpt-4o-mini after 1 failed attempt

                            0                                         5.20 s
plan                        █                                                  <1 ms
1 azure/eastus/gpt-4o-mini  ▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒▒                                2.00 s  overloaded 503
2 openai/gpt-4o-mini                          ░░░░░░░███████████████████████  3.20 s  ok
                            ░ waiting for the first token  █ answer  ▒ given up

1 azure/eastus/gpt-4o-mini failed: overloaded 503 (the provider is busy), request req-7

Time         plan 0.4 + failed attempts 1,998.0 + first token 700.0 + generation 2,500.0 + router 1.6 = 5,200.0 ms
Mostly       generation, 48 % of the time
Speed        first token 700 ms, then 136 tok/s, expected 500 ms, whole answer 4.00 s
Cost         $0.000384 = input $0.00018 + output $0.000204, expected $0.0002
Tokens       1,200 in + 340 out tokens
Chosen       azure/eastus/gpt-4o-mini
Because      azure/eastus/gpt-4o-mini is the cheapest of 2.
Fallbacks    openai/gpt-4o-mini
Read         catalogue 3, prices 0a1b2c3d4e5f, scores 12, 1.20 s old
Answered by  gpt-4o-mini-2024-07-18

Trace  0af7651916cd43dd8448eb211c80319c (spans were made of it)
`);
  });

  it("explains a call that nothing was planned for", () => {
    expect(formatTrace(refusedCall(), ["abc", "def"], layout)).toBe(`\
Call      1c1c6c1e-0000-4000-8000-00000000000b
Asked     gpt-9, standard, whole answer
Received  2026-11-22 22:30:11.250 UTC
Ended     NOT_FOUND (MODEL_NOT_FOUND): The catalogue has no model gpt-9.; no endpoint was asked

Time    router 1.0 = 1.0 ms
Mostly  router, 100 % of the time

Trace       0af7651916cd43dd8448eb211c80319c (not sampled: no spans were made of it)
Same trace  abc, def
`);
  });

  it("says that part of an answer had been sent, and that its price is unknown", () => {
    const text = formatTrace(
      switchedCall({
        cost: create(CostSchema),
        partial: true,
        status: "UNAVAILABLE",
        errorReason: "STREAM_INTERRUPTED",
        errorMessage: "it broke",
      }),
      [],
      layout,
    );
    expect(text).toContain(
      "UNAVAILABLE (STREAM_INTERRUPTED): it broke; part of the answer had been sent\n",
    );
    expect(text).toContain("Cost         — a price is unknown, expected $0.0002\n");
  });

  it("shows what attempts are billed that another one followed, as far as it is known", () => {
    const [first, second] = switchedCall().attempts;
    const begun = (givenUpCost: Partial<Cost>, givenUpUsage?: Usage) => ({
      ...create(AttemptSchema, first),
      givenUpCost: { ...create(CostSchema), ...givenUpCost },
      ...(givenUpUsage && { givenUpUsage }),
    });
    const usage = create(UsageSchema, {
      freshInputTokens: 12n,
      visibleOutputTokens: 30n,
      source: UsageSource.PARTIAL,
    });
    const shown = (...attempts: readonly Attempt[]) =>
      formatTrace(switchedCall({ attempts: [...attempts] }), [], layout)
        .split("\n")
        .find((line) => line.startsWith("Given up"));
    const last = create(AttemptSchema, second);
    expect(shown(begun({ totalNanoUsd: 100_000n }, usage), last)).toBe(
      "Given up     attempt 1: $0.0001 for 12 in + 30 out tokens, partial; not confirmed, and beside the cost above",
    );
    expect(shown(begun({}), last)).toBe(
      "Given up     attempt 1: an unknown cost; not confirmed, and beside the cost above",
    );
    expect(shown(last)).toBeUndefined();
  });

  it.each([60, 80, 120, 200])("draws a waterfall that fits %i columns", (columns) => {
    const text = formatTrace(switchedCall(), [], { ...layout, columns });
    const [, waterfall = ""] = text.split("\n\n");
    const widths = waterfall.split("\n").map(displayWidth);
    expect(Math.max(...widths)).toBeLessThanOrEqual(columns);
  });

  it("shows no control characters of names and messages", () => {
    const clear = "\u001b[2J";
    const text = formatTrace(
      switchedCall({
        application: clear,
        model: clear,
        errorReason: "INTERNAL",
        errorMessage: clear,
        attempts: [
          create(AttemptSchema, { number: 1, endpoint: clear, errorMessage: clear, failure: 1 }),
        ],
      }),
      [],
      layout,
    );
    expect(text).not.toContain("\u001b");
  });

  it("marks what failed where colour is wanted", () => {
    const text = formatTrace(switchedCall(), [], { ...layout, paint: createPaint(true) });
    expect(text).toContain("\u001b[31m1 azure/eastus/gpt-4o-mini");
  });
});
