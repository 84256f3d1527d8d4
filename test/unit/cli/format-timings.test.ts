import { create } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { TimingsSchema } from "../../../gen/atlas/v1/completion_pb.ts";
import { formatTimings } from "../../../src/cli/format-timings.ts";
import { durationFromMs } from "../../../src/wire/wire-time.ts";

describe("formatTimings()", () => {
  it("leaves out what took no time", () => {
    const timings = create(TimingsSchema, {
      plan: durationFromMs(0.34),
      upstreamFirstToken: durationFromMs(1_200.25),
      total: durationFromMs(1_200.59),
    });
    expect(formatTimings(timings)).toBe("plan 0.3 + first token 1,200.3 = 1,200.6 ms");
  });

  it("says what a call took that took nothing", () => {
    expect(formatTimings(create(TimingsSchema, {}))).toBe("0.0 ms");
  });

  it("shows parts that add up to the total it shows, each next to what it was", () => {
    const ms = fc.double({ min: 0.01, max: 100_000, noNaN: true });
    fc.assert(
      fc.property(fc.tuple(ms, ms, ms, ms, ms, ms), (parts) => {
        const [queue, plan, failed, first, generation, router] = parts;
        const text = formatTimings(
          create(TimingsSchema, {
            queue: durationFromMs(queue),
            plan: durationFromMs(plan),
            failedAttempts: durationFromMs(failed),
            upstreamFirstToken: durationFromMs(first),
            upstreamGeneration: durationFromMs(generation),
            routerOverhead: durationFromMs(router),
          }),
        );
        const shown = [...text.matchAll(/[\d,]+\.\d/g)].map(([figure]) =>
          Math.round(Number(figure.replaceAll(",", "")) * 10),
        );
        const total = shown.pop();
        expect(shown.reduce((sum, step) => sum + step, 0)).toBe(total);
        for (const [index, step] of shown.entries()) {
          expect(Math.abs(step / 10 - (parts[index] ?? 0))).toBeLessThan(0.1001);
        }
      }),
      { seed: 4, numRuns: 500 },
    );
  });
});
