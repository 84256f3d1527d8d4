import type { StreamInfo } from "@nats-io/jetstream";
import { describe, expect, test } from "vitest";
import {
  beginIfAnew,
  lostUntil,
  noteProgress,
  type ReadFrom,
  startPosition,
  whereToStart,
} from "../../../src/nats/stream-position.ts";

const created = "2026-11-22T10:00:00.123456789Z";
const createdMs = Date.parse("2026-11-22T10:00:00.123Z");

function streamInfo(lastSequence: number, at = created): StreamInfo {
  // As much of the server's answer as is read.
  return { created: at, state: { last_seq: lastSequence } } as StreamInfo;
}

describe("beginIfAnew()", () => {
  test("begins when the stream is first seen, and not again while it grows", () => {
    const position = startPosition({ kind: "new" });
    expect(beginIfAnew(position, streamInfo(7))).toBe(createdMs);
    expect(beginIfAnew(position, streamInfo(9))).toBeUndefined();
    expect(whereToStart(position)).toMatchObject({ opt_start_seq: 8 });
  });

  test("begins anew at the first message of a stream that was made anew", () => {
    const position = startPosition({ kind: "new" });
    beginIfAnew(position, streamInfo(7));
    position.last = 20;
    expect(beginIfAnew(position, streamInfo(30, "2026-11-22T11:00:00Z"))).toBe(
      Date.parse("2026-11-22T11:00:00Z"),
    );
    expect(whereToStart(position)).toMatchObject({ opt_start_seq: 1 });
  });

  test("begins anew when the stream came back without its end", () => {
    const position = startPosition({ kind: "new" });
    beginIfAnew(position, streamInfo(7));
    position.last = 20;
    expect(beginIfAnew(position, streamInfo(19))).toBe(createdMs);
    expect(whereToStart(position)).toMatchObject({ opt_start_seq: 8 });
    position.last = 19;
    expect(beginIfAnew(position, streamInfo(3))).toBe(createdMs);
    expect(whereToStart(position)).toMatchObject({ opt_start_seq: 4 });
  });
});

describe("beginIfAnew() of a stream as long as before", () => {
  function seenUntil(last: number) {
    const position = startPosition({ kind: "since", sinceMs: 0 });
    beginIfAnew(position, streamInfo(7));
    return Object.assign(position, { last, lastStoredAtMs: createdMs + 5 });
  }

  test("begins anew when another message has the number of the last one", () => {
    const position = seenUntil(7);
    expect(beginIfAnew(position, streamInfo(9), createdMs + 6)).toBe(createdMs);
    expect(position).toMatchObject({ last: 0, lastStoredAtMs: 0, target: 9 });
  });

  test.each([
    { name: "it is the same", storedAtMs: createdMs + 5 },
    { name: "nobody knows", storedAtMs: undefined },
  ])("goes on when $name", ({ storedAtMs }) => {
    expect(beginIfAnew(seenUntil(7), streamInfo(9), storedAtMs)).toBeUndefined();
  });
});

describe("lostUntil()", () => {
  const keptSince = "2026-11-22T10:20:00.5Z";
  const keptSinceMs = Date.parse(keptSince);
  const since: ReadFrom = { kind: "since", sinceMs: createdMs };
  /** Full, and its first 99 messages are gone. */
  const full = {
    config: { max_bytes: 10_000_000, max_msg_size: 65_536 },
    state: {
      ...{ bytes: 9_990_000, messages: 900, first_seq: 100, first_ts: keptSince },
      last_ts: "2026-11-22T10:40:00Z",
    },
  };
  /** As servers say it whose messages were purged. */
  const emptied = { bytes: 0, messages: 0, first_ts: "0001-01-01T00:00:00Z", last_ts: keptSince };
  type About = typeof full;
  // As much of the server's answer as is read.
  const infoOf = ({ config, state }: About) => ({ config, state }) as StreamInfo;

  test.each<{ name: string; from?: ReadFrom; last?: number; state?: Partial<About["state"]> }>([
    { name: "a reader begins before the first message that a full stream keeps" },
    {
      name: "a reader begins before the last message of a stream that was emptied",
      state: emptied,
    },
    { name: "a stream was emptied of what a reader would get next", last: 98, state: emptied },
    { name: "a reader was away while its next messages were dropped", last: 98 },
    { name: "so it was, and all that it wants comes later", from: { kind: "new" }, last: 50 },
  ])("tells since when messages are kept when $name", ({ from = since, last = 0, state = {} }) => {
    const position = { ...startPosition(from), last };
    const about = { ...full, state: { ...full.state, ...state } };
    expect(lostUntil(position, infoOf(about))).toBe(keptSinceMs);
  });

  test.each<{ name: string; from?: ReadFrom; last?: number; state?: Partial<About["state"]> }>([
    { name: "never dropped a message", state: { first_seq: 1 } },
    { name: "dropped what was too old, and is not full", state: { bytes: 5_000_000 } },
    { name: "never had a message", state: { ...emptied, first_seq: 1 } },
    { name: "is empty of what the reader has had", last: 99, state: emptied },
    {
      name: "is empty since before the time asked for",
      from: { kind: "since", sinceMs: keptSinceMs },
      state: emptied,
    },
    { name: "dropped only what the reader has had", last: 99 },
    { name: "keeps all since the time asked for", from: { kind: "since", sinceMs: keptSinceMs } },
    { name: "is read for what comes", from: { kind: "new" } },
  ])("tells of no loss where the stream $name", ({ from = since, last = 0, state = {} }) => {
    const position = { ...startPosition(from), last };
    const about = { ...full, state: { ...full.state, ...state } };
    expect(lostUntil(position, infoOf(about))).toBeUndefined();
  });

  test("tells of no loss where the stream has no bound", () => {
    const about = { ...full, config: { ...full.config, max_bytes: -1 } };
    expect(lostUntil(startPosition(since), infoOf(about))).toBeUndefined();
  });
});

describe("noteProgress()", () => {
  test("catches up once, at the last message that was stored when the epoch began", () => {
    const position = startPosition({ kind: "since", sinceMs: 0 });
    beginIfAnew(position, streamInfo(3));
    const caughtUp = [1, 2, 3, 4].map((sequence) => {
      position.last = sequence;
      return noteProgress(position, 5);
    });
    expect(caughtUp).toEqual([false, false, true, false]);
    expect(position.pending).toBe(5);
  });

  test("catches up when nothing is left, whatever became of the last message", () => {
    const position = startPosition({ kind: "since", sinceMs: 0 });
    beginIfAnew(position, streamInfo(3));
    expect(noteProgress(position, 0)).toBe(true);
  });
});

describe("whereToStart()", () => {
  test.each<{ name: string; from: ReadFrom; start: object }>([
    {
      name: "at the first message that is kept",
      from: { kind: "since", sinceMs: createdMs },
      start: { deliver_policy: "all" },
    },
    {
      name: "at the latest of each subject",
      from: { kind: "latest-per-subject", subjects: "$KV.a.>" },
      start: { deliver_policy: "last_per_subject", filter_subject: "$KV.a.>" },
    },
  ])("is $name, and later behind the last message handed out", ({ from, start }) => {
    const position = startPosition(from);
    beginIfAnew(position, streamInfo(9));
    expect(whereToStart(position)).toEqual(start);
    position.last = 4;
    expect(whereToStart(position)).toEqual({
      deliver_policy: "by_start_sequence",
      opt_start_seq: 5,
    });
  });
});
