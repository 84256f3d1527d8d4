import { JetStreamApiError } from "@nats-io/jetstream";
import { errors, type Msg, type Subscription } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import {
  type AckedPublisherOptions,
  createAckedPublisher,
} from "../../../src/nats/acked-publisher.ts";
import { createManualClock } from "../../support/manual-clock.ts";

type Take = (error: null, answer: Msg) => void;

/** A stream that confirms what it is told to, in the order of publishing. */
function start() {
  const clock = createManualClock();
  const session = new AbortController();
  const replies: string[] = [];
  const callbacks: Take[] = [];
  const connection: AckedPublisherOptions["connection"] = {
    publish: (_subject, _bytes, options) => void replies.push(options?.reply ?? ""),
    subscribe(_subject, options) {
      callbacks.push(options?.callback as Take);
      // All that is asked of a subscription.
      return { unsubscribe: () => undefined } as Subscription;
    },
  };
  const { nowMs, schedule } = clock;
  const publisher = createAckedPublisher({ connection, over: session.signal, schedule, nowMs });
  const settled: (readonly [id: string, end: number | Error])[] = [];
  return {
    clock,
    session,
    settled,
    publish(id: string) {
      publisher.publish({
        subject: "atlas.health.v1.a",
        bytes: new Uint8Array(1),
        id,
        headers: undefined,
        deadlineMs: nowMs() + 2_000,
        stored: (position) => settled.push([id, position]),
        failed: (error) => settled.push([id, error]),
      });
    },
    confirm(text: string) {
      const subject = replies.shift() ?? "";
      const data = new TextEncoder().encode(text);
      // All that is read of a message.
      const answer = { subject, data, json: () => JSON.parse(text) } as Msg;
      for (const callback of callbacks) {
        callback(null, answer);
      }
    },
  };
}

const right = '{"stream":"HEALTH", "seq":7}';

describe("createAckedPublisher()", () => {
  it.each([
    "null",
    '{"error":null}',
    "{}",
    "[]",
    '"7"',
    '{"seq":null}',
    '{"seq":"7"}',
    '{"seq":1.5}',
    "",
    "{",
  ])("fails the message that is confirmed by %j, and settles what was gathered with it", (odd) => {
    const { publish, confirm, settled } = start();
    publish("a");
    publish("b");
    confirm(odd);
    expect(settled).toEqual([]);
    confirm(right);
    const problem = expect.objectContaining({ message: "a confirmation that cannot be read" });
    expect(settled).toEqual([
      ["a", problem],
      ["b", 7],
    ]);
  });

  it("tells a refusal as the stream's own, and settles what was gathered with it", () => {
    const { publish, confirm, settled } = start();
    publish("a");
    publish("b");
    confirm('{"error":{"code":503,"err_code":10077,"description":"no room"}}');
    confirm(right);
    const [[, refusal] = [], other] = settled;
    expect(refusal).toBeInstanceOf(JetStreamApiError);
    expect(refusal).toMatchObject({ code: 10_077, message: "no room" });
    expect(other).toEqual(["b", 7]);
  });

  it("reads the position of a duplicate", () => {
    const { publish, confirm, settled } = start();
    publish("a");
    confirm('{"stream":"HEALTH", "seq":3, "duplicate":true}');
    expect(settled).toEqual([["a", 3]]);
  });

  it("hands out what has come while others are still waited for", async () => {
    const { clock, publish, confirm, settled } = start();
    publish("a");
    publish("b");
    publish("c");
    confirm("null");
    confirm(right);
    await clock.advance(5);
    expect(settled).toEqual([
      ["a", expect.any(Error)],
      ["b", 7],
    ]);
  });

  it("fails what nobody confirms in time, and what is left when the session ends", async () => {
    const { clock, session, publish, settled } = start();
    publish("a");
    await clock.advance(2_000);
    publish("b");
    session.abort();
    publish("c");
    expect(settled).toEqual([
      ["a", expect.any(errors.TimeoutError)],
      ["b", expect.any(errors.ConnectionError)],
      ["c", expect.any(errors.ConnectionError)],
    ]);
    expect(clock.pending()).toBe(0);
  });
});
