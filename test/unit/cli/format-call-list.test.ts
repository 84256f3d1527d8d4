import { create } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import { TimingsSchema } from "../../../gen/atlas/v1/completion_pb.ts";
import { ListCallsResponseSchema } from "../../../gen/atlas/v1/insight_service_pb.ts";
import { AttemptSchema } from "../../../gen/atlas/v1/types_pb.ts";
import { formatCallList } from "../../../src/cli/format-call-list.ts";
import { createPaint } from "../../../src/cli/paint.ts";
import { timestampFromMs } from "../../../src/wire/wire-time.ts";
import { RECEIVED_MS, refusedCall, switchedCall } from "./recorded-call-fixture.ts";

const layout = { columns: undefined, paint: createPaint(false), nowMs: RECEIVED_MS + 90_000 };
const about = { capacity: 2_000, slowThreshold: durationFromMs(30_000) };
const memory =
  "the newest 2,000 calls of this replica are remembered, and beyond them those that took more than " +
  "30.0 s, failed or needed several attempts; the newest refused ones apart\n";

describe("formatCallList()", () => {
  it("shows what to look for in each call", () => {
    const calls = [switchedCall(), refusedCall()];
    const response = create(ListCallsResponseSchema, { ...about, calls, matchedCount: 7 });
    expect(formatCallList(response, layout)).toBe(
      `call        ago   total  first token  model        endpoint            attempts       cost  ended
0b0b6c1e  1 min  5.20 s       2.70 s  gpt-4o-mini  openai/gpt-4o-mini         2  $0.000384  ok
1c1c6c1e  1 min    1 ms            —  gpt-9        —                          0          —  MODEL_NOT_FOUND

2 of 7 calls; ${memory}\`atlas trace <call>\` tells more of one.
`,
    );
  });

  it("counts the first token from the call's beginning, with what a failed end waited to be handled", () => {
    const attempts = [
      { startTime: timestampFromMs(RECEIVED_MS + 1), duration: durationFromMs(220) },
      { startTime: timestampFromMs(RECEIVED_MS + 701), firstToken: durationFromMs(300) },
    ].map((attempt) => create(AttemptSchema, attempt));
    const timings = create(TimingsSchema, {
      plan: durationFromMs(1),
      failedAttempts: durationFromMs(220),
      upstreamFirstToken: durationFromMs(300),
      routerOverhead: durationFromMs(480),
      total: durationFromMs(1_001),
    });
    const calls = [switchedCall({ attempts, timings })];
    const response = create(ListCallsResponseSchema, { ...about, calls });
    expect(formatCallList(response, layout)).toContain("  1.00 s       1.00 s  gpt-4o-mini");
  });

  it.each([
    [59_999, "59 s"],
    [60_000, "1 min"],
    [7_199_000, "119 min"],
    [7_200_000, "2 h"],
    [-5, "0 s"],
  ])("says that a call began %i ms ago as %s", (agoMs, words) => {
    const response = create(ListCallsResponseSchema, { ...about, calls: [refusedCall()] });
    const text = formatCallList(response, { ...layout, nowMs: RECEIVED_MS + agoMs });
    expect(text).toContain(`1c1c6c1e  ${words} `);
  });

  it("shows whole ids where two calls begin alike", () => {
    const calls = [switchedCall(), switchedCall({ id: "0b0b6c1e-0000-4000-8000-00000000000c" })];
    const response = create(ListCallsResponseSchema, { ...about, calls, matchedCount: 2 });
    expect(formatCallList(response, layout)).toContain("\n0b0b6c1e-0000-4000-8000-00000000000c");
  });

  it("says that there is none, and what is remembered", () => {
    const response = create(ListCallsResponseSchema, about);
    expect(formatCallList(response, layout)).toBe(`no such call; ${memory}`);
  });

  it("says that calls are not remembered at all", () => {
    expect(formatCallList(create(ListCallsResponseSchema, {}), layout)).toBe(
      "this router remembers no calls: telemetry.calls.recent is 0\n",
    );
  });
});
