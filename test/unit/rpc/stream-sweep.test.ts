import type http2 from "node:http2";
import { describe, expect, test } from "vitest";
import { createStreamSweep } from "../../../src/rpc/stream-sweep.ts";
import { createManualClock } from "../../support/manual-clock.ts";

type FakeStream = { readableEnded: boolean; closed: boolean; destroyed: boolean };

function start(timeoutMs = 60_000) {
  const clock = createManualClock();
  const startMs = clock.nowMs();
  const given: { readonly stream: unknown; readonly atMs: number }[] = [];
  const sweep = createStreamSweep({
    timeoutMs,
    isOver: ({ readableEnded }) => readableEnded,
    schedule: clock.schedule,
    onTooSlow: (stream) => given.push({ stream, atMs: clock.nowMs() - startMs }),
  });
  /** Of a stream the sweep reads these three flags. */
  const begin = () => {
    const fake: FakeStream = { readableEnded: false, closed: false, destroyed: false };
    const stream = fake as unknown as http2.ServerHttp2Stream;
    sweep.watch(stream);
    return { fake, stream };
  };
  return { clock, sweep, begin, given };
}

describe("createStreamSweep()", () => {
  test.each([0, 1, 500, 999])(
    "gives a request that began after %i ms up within a second of its timeout",
    async (beganMs) => {
      const { clock, begin, given } = start();
      begin();
      await clock.advance(beganMs);
      const { stream } = begin();
      await clock.advance(70_000);
      const atMs = given.find((found) => found.stream === stream)?.atMs ?? 0;
      expect(atMs - beganMs).toBeGreaterThanOrEqual(60_000);
      expect(atMs - beganMs).toBeLessThanOrEqual(61_000);
      expect(given).toHaveLength(2);
    },
  );

  test("holds a short timeout to a quarter of it", async () => {
    const { clock, begin, given } = start(200);
    begin();
    await clock.advance(199);
    expect(given).toEqual([]);
    await clock.advance(51);
    expect(given).toHaveLength(1);
  });

  test.each(["readableEnded", "closed", "destroyed"] as const)(
    "forgets within a second a request that is %s, however long its answer takes",
    async (flag) => {
      const { clock, begin, given } = start();
      begin().fake[flag] = true;
      await clock.advance(1_000);
      expect(clock.pending()).toBe(0);
      await clock.advance(120_000);
      expect(given).toEqual([]);
    },
  );

  test("forgets a whole request with its answer, and one that goes on only when it ends", async () => {
    const { clock, sweep, begin, given } = start();
    const whole = begin();
    whole.fake.readableEnded = true;
    sweep.check(whole.stream);
    whole.fake.readableEnded = false;
    const endless = begin();
    sweep.check(endless.stream);
    await clock.advance(120_000);
    expect(given.map(({ stream }) => stream)).toEqual([endless.stream]);
  });

  test("gives up within three seconds a stream that is hurried, unless its wait is over", async () => {
    const { clock, sweep, begin, given } = start();
    const slow = begin();
    const whole = begin();
    for (const { stream } of [slow, whole]) {
      sweep.hurry(stream);
    }
    whole.fake.readableEnded = true;
    await clock.advance(999);
    expect(given).toEqual([]);
    await clock.advance(2_001);
    expect(given.map(({ stream }) => stream)).toEqual([slow.stream]);
  });

  test("does not begin to watch a stream that is hurried", async () => {
    const { clock, sweep, begin, given } = start();
    const { fake, stream } = begin();
    fake.readableEnded = true;
    sweep.check(stream);
    fake.readableEnded = false;
    sweep.hurry(stream);
    await clock.advance(120_000);
    expect(given).toEqual([]);
  });

  test("has one timer for any number of requests and none without any", async () => {
    const { clock, begin } = start();
    expect(clock.pending()).toBe(0);
    const fakes = Array.from({ length: 100 }, () => begin().fake);
    expect(clock.pending()).toBe(1);
    await clock.advance(5_000);
    expect(clock.pending()).toBe(1);
    for (const fake of fakes) {
      fake.readableEnded = true;
    }
    await clock.advance(1_000);
    expect(clock.pending()).toBe(0);
  });

  test("gives nothing up and starts no timer once it is stopped", async () => {
    const { clock, sweep, begin, given } = start();
    begin();
    sweep.stop();
    begin();
    expect(clock.pending()).toBe(0);
    await clock.advance(120_000);
    expect(given).toEqual([]);
  });
});
