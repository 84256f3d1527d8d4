import { describe, expect, it } from "vitest";
import { createWriteGuard } from "../../../src/rpc/write-guard.ts";
import { createManualClock } from "../../support/manual-clock.ts";

function guardWith() {
  const clock = createManualClock();
  let cutOff = 0;
  const guard = createWriteGuard({
    maxBytes: 100,
    stallMs: 1_000,
    nowMs: clock.nowMs,
    schedule: clock.schedule,
    onTooSlow: () => {
      cutOff += 1;
    },
  });
  return { clock, guard, cutOffs: () => cutOff };
}

describe("createWriteGuard()", () => {
  it("lets through what is flushed in time, however much it is", async () => {
    const { clock, guard, cutOffs } = guardWith();
    for (let index = 0; index < 1_000; index += 1) {
      guard.written(60);
      guard.flushed();
    }
    await clock.advance(10_000);
    expect(cutOffs()).toBe(0);
    expect(clock.pending()).toBe(0);
  });

  it("cuts off once when too much waits", () => {
    const { guard, cutOffs } = guardWith();
    guard.written(60);
    guard.written(40);
    expect(cutOffs()).toBe(0);
    guard.written(1);
    guard.written(500);
    expect(cutOffs()).toBe(1);
  });

  it("lets one message through that is larger than everything that may wait", () => {
    const { guard, cutOffs } = guardWith();
    guard.written(500);
    expect(cutOffs()).toBe(0);
    guard.flushed();
    guard.written(500);
    expect(cutOffs()).toBe(0);
    guard.written(1);
    expect(cutOffs()).toBe(1);
  });

  it("tells whether anything waits", () => {
    const { guard } = guardWith();
    expect(guard.isWaiting()).toBe(false);
    guard.written(1);
    guard.written(1);
    guard.flushed();
    expect(guard.isWaiting()).toBe(true);
    guard.flushed();
    expect(guard.isWaiting()).toBe(false);
  });

  it("counts what is flushed in the order in which it was written", () => {
    const { guard, cutOffs } = guardWith();
    guard.written(90);
    guard.written(10);
    guard.flushed();
    guard.written(90);
    expect(cutOffs()).toBe(0);
  });

  it("cuts off when nothing moves for the whole time", async () => {
    const { clock, guard, cutOffs } = guardWith();
    guard.written(1);
    await clock.advance(999);
    expect(cutOffs()).toBe(0);
    await clock.advance(1);
    expect(cutOffs()).toBe(1);
  });

  it("waits on while anything moves", async () => {
    const { clock, guard, cutOffs } = guardWith();
    guard.written(1);
    guard.written(1);
    await clock.advance(900);
    guard.flushed();
    await clock.advance(900);
    expect(cutOffs()).toBe(0);
    await clock.advance(100);
    expect(cutOffs()).toBe(1);
  });

  it("begins the time anew with the first write after a quiet one", async () => {
    const { clock, guard, cutOffs } = guardWith();
    guard.written(1);
    guard.flushed();
    await clock.advance(900);
    guard.written(1);
    await clock.advance(999);
    expect(cutOffs()).toBe(0);
  });

  it("watches nothing once closed", async () => {
    const { clock, guard, cutOffs } = guardWith();
    guard.written(1);
    guard.close();
    guard.written(1_000);
    await clock.advance(5_000);
    expect(cutOffs()).toBe(0);
    expect(clock.pending()).toBe(0);
  });
});
