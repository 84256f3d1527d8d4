import { JetStreamApiError } from "@nats-io/jetstream";
import { errors, type Msg, type Subscription } from "@nats-io/transport-node";
import { describe, expect, it } from "vitest";
import {
  type AckedPublisherOptions,
  createAckedPublisher,
} from "../../../src/nats/acked-publisher.ts";
import { PassedOverError } from "../../../src/nats/bus-error.ts";
import { createManualClock } from "../../support/manual-clock.ts";

type Take = (error: null, answer: Msg) => void;

/** A stream that confirms what it is told to, in the order of publishing. */
function start() {
  const clock = createManualClock();
  const session = new AbortController();
  const replies: string[] = [];
  const published: (readonly [subject: string, fields: string])[] = [];
  const callbacks: Take[] = [];
  const connection: AckedPublisherOptions["connection"] = {
    publish(subject, _bytes, options) {
      replies.push(options?.reply ?? "");
      const headers = options?.headers as { encode(): Uint8Array } | undefined;
      const fields = new TextDecoder().decode(headers?.encode());
      published.push([subject, fields]);
    },
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
    published,
    replies,
    deny: publisher.deny,
    echo: publisher.echo,
    publish(id: string, token = "a") {
      publisher.publish({
        subject: `atlas.health.v1.${token}`,
        bytes: new Uint8Array(1),
        id,
        headers: undefined,
        deadlineMs: nowMs() + 2_000,
        stored: (position) => settled.push([id, position]),
        failed: (error) => settled.push([id, error]),
      });
    },
    noResponders() {
      const subject = replies.shift() ?? "";
      // All that is read of a message.
      const answer = { subject, data: new Uint8Array(), headers: { code: 503 } } as Msg;
      for (const callback of callbacks) {
        callback(null, answer);
      }
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

  const denialOf = (subject: string, operation: "publish" | "subscription" = "publish") =>
    new errors.PermissionViolationError("denied", operation, subject);

  it("fails the oldest on a subject that the server denies, once for each denial", () => {
    const { publish, deny, settled } = start();
    publish("a");
    publish("b", "b");
    publish("b2", "b");
    deny(denialOf("atlas.health.v1.b", "subscription"));
    deny(denialOf("atlas.health.v1.c"));
    expect(settled).toEqual([]);
    const denial = denialOf("atlas.health.v1.b");
    deny(denial);
    expect(settled).toEqual([["b", denial]]);
    deny(denial);
    deny(denial);
    expect(settled).toEqual([
      ["b", denial],
      ["b2", denial],
    ]);
  });

  it("says of what nobody confirms in time whether later ones were answered", async () => {
    const { clock, publish, confirm, replies, settled } = start();
    publish("a");
    confirm(right);
    publish("b");
    await clock.advance(2_000);
    expect(settled.at(-1)).toEqual(["b", expect.any(errors.TimeoutError)]);
    expect(settled.at(-1)?.[1]).not.toBeInstanceOf(PassedOverError);
    replies.length = 0;
    publish("c");
    const [unanswered] = replies.splice(0, 1);
    expect(unanswered).toBeDefined();
    publish("d");
    confirm('{"error":{"code":503,"err_code":10077,"description":"no room"}}');
    await clock.advance(2_000);
    expect(settled.at(-1)).toEqual(["c", expect.any(PassedOverError)]);
    expect(settled.at(-1)?.[1]).toBeInstanceOf(errors.TimeoutError);
  });

  it("takes no answer of a server that has no stream for one of the stream", async () => {
    const { clock, publish, noResponders, replies, settled } = start();
    publish("a");
    replies.length = 0;
    publish("b");
    noResponders();
    await clock.advance(2_000);
    expect(settled).toEqual([
      ["b", expect.any(errors.NoRespondersError)],
      ["a", expect.any(errors.TimeoutError)],
    ]);
    expect(settled[1]?.[1]).not.toBeInstanceOf(PassedOverError);
  });

  it("has the stream refuse something on another subject that it took, if there is one", async () => {
    const { clock, publish, confirm, echo, published, replies, settled } = start();
    publish("b", "b");
    replies.length = 0;
    echo("atlas.health.v1.b");
    publish("a");
    confirm(right);
    await clock.advance(5);
    echo("atlas.health.v1.a");
    expect(published).toHaveLength(2);
    echo("atlas.health.v1.b");
    expect(published[2]).toEqual([
      "atlas.health.v1.a",
      expect.stringMatching(/^NATS\/1\.0\r\nNats-Msg-Id: echo-.*\r\nNats-Expected-Stream: -\r\n/),
    ]);
    confirm('{"error":{"code":400,"err_code":10060,"description":"other stream"}}');
    await clock.advance(2_000);
    expect(settled).toEqual([
      ["a", 7],
      ["b", expect.any(PassedOverError)],
    ]);
    expect(clock.pending()).toBe(0);
  });
});
