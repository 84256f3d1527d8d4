import { describe, expect, test } from "vitest";
import { createCanceller } from "../../../src/domain/cancel.ts";
import { RouterError } from "../../../src/domain/router-error.ts";
import { runCall } from "../../../src/rpc/run-call.ts";
import { createManualClock } from "../../support/manual-clock.ts";

/** Work with a second's time that ends when it is told to. */
function start() {
  const clock = createManualClock();
  const { signal, abort } = createCanceller();
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const options = { ...clock, nowMs: clock.nowMs(), deadlineMs: clock.nowMs() + 1_000 };
  const running = runCall({ signal, abort }, options, () => promise);
  return { clock, signal, abort, running, resolve, reject };
}

describe("runCall()", () => {
  test("lets an answer that has arrived be read before it believes the deadline", async () => {
    const { clock, signal, running, resolve } = start();
    // Stands for the socket that a starved loop reads after its late timers.
    clock.schedule(1_000, () => resolve("in time"));
    await clock.advance(1_000);
    expect(await running).toBe("in time");
    expect([signal.aborted, clock.pending()]).toEqual([false, 0]);
  });

  test("lets work that ran out of time end in its own words, for 100 ms", async () => {
    const { clock, signal, running, reject } = start();
    await clock.advance(1_000);
    expect(signal.reason).toMatchObject({ code: "deadline-exceeded" });
    await clock.advance(99);
    reject(new RouterError("deadline-exceeded", "after two attempts"));
    await expect(running).rejects.toThrow("after two attempts");
    expect(clock.pending()).toBe(0);
  });

  test("ends work that never lets go with the reason of its abort", async () => {
    const { clock, abort, running } = start();
    abort(new RouterError("canceled", "gone"));
    const failed = expect(running).rejects.toMatchObject({ code: "canceled", message: "gone" });
    await clock.advance(100);
    await failed;
    expect(clock.pending()).toBe(0);
  });

  test("does not begin what is over on arrival", async () => {
    const clock = createManualClock();
    const options = { ...clock, nowMs: 1, deadlineMs: 1 };
    let isBegun = false;
    const running = runCall(createCanceller(), options, async () => {
      isBegun = true;
    });
    await expect(running).rejects.toMatchObject({ code: "deadline-exceeded" });
    expect([isBegun, clock.pending()]).toEqual([false, 0]);
  });
});
