import { describe, expect, test } from "vitest";
import { clockLimitsOf, startClocks } from "../../../src/attempt/clocks.ts";
import type { FailureKind } from "../../../src/domain/outcome.ts";
import { examplePrediction } from "../../support/examples.ts";
import { createManualClock } from "../../support/manual-clock.ts";

const settings = {
  firstTokenMinMs: 2_000,
  firstTokenMaxMs: 60_000,
  firstTokenColdMs: 30_000,
  idleMs: 30_000,
};
const input = {
  prediction: examplePrediction,
  settings,
  streamed: true,
  estimatedOutputTokens: 100,
  reasoning: false,
  last: false,
  deadlineMs: 1e15,
};

describe("clockLimitsOf()", () => {
  test.each([
    { name: "three times p95", p95: 1_000, limit: 3_000 },
    { name: "at least the minimum", p95: 10, limit: 2_000 },
    { name: "at most the maximum", p95: 50_000, limit: 60_000 },
  ])("gives a measured endpoint $name", ({ p95, limit }) => {
    const prediction = { ...examplePrediction, firstTokenP95Ms: p95 };
    expect(clockLimitsOf({ ...input, prediction }).firstTokenMs).toBe(limit);
  });

  test("gives an unmeasured endpoint the cold limit, and the maximum when it has to think", () => {
    const prediction = { ...examplePrediction, measured: false };
    expect(clockLimitsOf({ ...input, prediction }).firstTokenMs).toBe(30_000);
    expect(clockLimitsOf({ ...input, prediction, reasoning: true }).firstTokenMs).toBe(60_000);
  });

  test("adds the time to generate an answer that comes whole", () => {
    expect(clockLimitsOf({ ...input, streamed: false }).firstTokenMs).toBe(3_000 + 3 * 2_000);
  });

  test("leaves the last attempt all the time there is", () => {
    expect(clockLimitsOf({ ...input, last: true }).firstTokenMs).toBe(Number.POSITIVE_INFINITY);
  });
});

describe("startClocks()", () => {
  function start(limits: { firstTokenMs?: number; idleMs?: number; inMs?: number }) {
    const clock = createManualClock(0);
    const expired: { kind: FailureKind; atMs: number }[] = [];
    const clocks = startClocks(
      {
        firstTokenMs: limits.firstTokenMs ?? Number.POSITIVE_INFINITY,
        idleMs: limits.idleMs ?? 30_000,
        deadlineMs: limits.inMs ?? 1e9,
      },
      (kind) => expired.push({ kind, atMs: clock.nowMs() }),
      clock,
    );
    return { clock, clocks, expired };
  }

  test("expires without content at the first-token limit, whatever keeps the connection alive", async () => {
    const { clock, clocks, expired } = start({ firstTokenMs: 2_000 });
    await clock.advance(1_500);
    clocks.activity(clock.nowMs());
    await clock.advance(1_000);
    expect(expired).toEqual([{ kind: "first-token-timeout", atMs: 2_000 }]);
  });

  test("expires after the idle limit once content came", async () => {
    const { clock, clocks, expired } = start({ firstTokenMs: 2_000, idleMs: 500 });
    await clock.advance(100);
    clocks.content(clock.nowMs());
    await clock.advance(400);
    clocks.activity(clock.nowMs());
    await clock.advance(2_000);
    expect(expired).toEqual([{ kind: "idle-timeout", atMs: 1_000 }]);
  });

  test("notices idleness that begins while a longer first-token limit sleeps", async () => {
    const { clock, clocks, expired } = start({ idleMs: 500 });
    await clock.advance(10);
    clocks.content(clock.nowMs());
    await clock.advance(5_000);
    expect(expired[0]?.kind).toBe("idle-timeout");
    expect(expired[0]?.atMs).toBe(510);
  });

  test("expires at the deadline while content still comes", async () => {
    const { clock, clocks, expired } = start({ idleMs: 500, inMs: 1_000 });
    for (let index = 0; index < 5; index++) {
      await clock.advance(200);
      clocks.content(clock.nowMs());
    }
    expect(expired).toEqual([{ kind: "total-timeout", atMs: 1_000 }]);
  });

  test("lets content that has arrived be read before it expires late", async () => {
    const { clock, clocks, expired } = start({ firstTokenMs: 2_000 });
    let reads = 0;
    // Stands for the socket that a starved loop reads after its late timers.
    clock.schedule(2_000, () => {
      reads += 1;
      clocks.content(clock.nowMs());
    });
    await clock.advance(2_001);
    expect([reads, expired]).toEqual([1, []]);
  });

  test("lets an end that has arrived be read before the deadline is believed", async () => {
    const { clock, clocks, expired } = start({ inMs: 2_000 });
    clock.schedule(2_000, () => clocks.stop());
    await clock.advance(2_001);
    expect([clock.pending(), expired]).toEqual([0, []]);
  });

  test("believes the deadline after one reading, whatever was read", async () => {
    const { clock, clocks, expired } = start({ firstTokenMs: 2_000, inMs: 2_000 });
    clock.schedule(2_000, () => clocks.content(clock.nowMs()));
    await clock.advance(2_001);
    expect(expired).toEqual([{ kind: "total-timeout", atMs: 2_000 }]);
  });

  test("leaves no timer behind", async () => {
    const { clock, clocks } = start({});
    clocks.stop();
    expect(clock.pending()).toBe(0);
  });
});
