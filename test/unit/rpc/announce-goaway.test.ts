import { EventEmitter } from "node:events";
import http2 from "node:http2";
import { describe, expect, it } from "vitest";
import { announceGoaway } from "../../../src/rpc/announce-goaway.ts";
import { createManualClock } from "../../support/manual-clock.ts";

type Given = { readonly pings?: boolean; readonly goaway?: () => void };

function start({ pings = true, goaway = () => undefined }: Given = {}) {
  const clock = createManualClock();
  let answerPing: () => void = () => undefined;
  const session = Object.assign(new EventEmitter(), {
    goaway,
    ping(callback: () => void) {
      answerPing = callback;
      return pings;
    },
  });
  let settled = false;
  const announced = announceGoaway(
    session as unknown as http2.ServerHttp2Session,
    clock.schedule,
  ).then(() => {
    settled = true;
  });
  return { clock, session, announced, answerPing: () => answerPing(), isSettled: () => settled };
}

describe("announceGoaway()", () => {
  it("refuses no stream", async () => {
    const seen: unknown[][] = [];
    const { announced, answerPing } = start({ goaway: (...args: unknown[]) => seen.push(args) });
    answerPing();
    await announced;
    expect(seen).toEqual([[http2.constants.NGHTTP2_NO_ERROR, 2_147_483_647]]);
  });

  it.each([
    { name: "answers", end: ({ answerPing }: ReturnType<typeof start>) => answerPing() },
    { name: "leaves", end: ({ session }: ReturnType<typeof start>) => session.emit("close") },
  ])("waits until the peer $name, and leaves nothing behind", async ({ end }) => {
    const started = start();
    const { clock, session, announced, isSettled } = started;
    await clock.advance(999);
    expect(isSettled()).toBe(false);
    end(started);
    await announced;
    expect(clock.pending()).toBe(0);
    expect(session.listenerCount("close")).toBe(0);
  });

  it("waits a second for a peer that does neither", async () => {
    const { clock, session, announced } = start();
    await clock.advance(1_000);
    await announced;
    expect(session.listenerCount("close")).toBe(0);
  });

  it.each([
    { name: "takes no ping", given: { pings: false } },
    {
      name: "has ended",
      given: {
        goaway() {
          throw new Error("ERR_HTTP2_INVALID_SESSION");
        },
      },
    },
  ])("does not wait for a session that $name", async ({ given }) => {
    const { announced, clock } = start(given);
    await announced;
    expect(clock.pending()).toBe(0);
  });
});
