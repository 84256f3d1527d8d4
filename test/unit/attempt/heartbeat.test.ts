import { describe, expect, test } from "vitest";
import { startHeartbeat } from "../../../src/attempt/heartbeat.ts";
import { createManualClock } from "../../support/manual-clock.ts";

function start() {
  const clock = createManualClock(0);
  const sent: string[] = [];
  const heartbeat = startHeartbeat(1_000, {
    ...clock,
    send: (phase) => sent.push(`${clock.nowMs()} ${phase}`),
  });
  return { clock, heartbeat, sent };
}

describe("startHeartbeat()", () => {
  test("beats once an interval while nothing else is sent", async () => {
    const { clock, sent } = start();
    await clock.advance(2_500);
    expect(sent).toEqual(["1000 waiting-for-first-token", "2000 waiting-for-first-token"]);
  });

  test("waits a whole interval after something else was sent, and then says generating", async () => {
    const { clock, heartbeat, sent } = start();
    await clock.advance(900);
    heartbeat.sent();
    await clock.advance(1_100);
    expect(sent).toEqual(["1900 generating"]);
  });

  test("leaves no timer behind", async () => {
    const { clock, heartbeat } = start();
    heartbeat.stop();
    expect(clock.pending()).toBe(0);
  });
});
