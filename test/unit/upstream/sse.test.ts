import { describe, expect, it } from "vitest";
import { createSseParser } from "../../../src/upstream/sse.ts";

type Event = readonly [name: string, data: string];

function parse(chunks: readonly (string | Buffer)[], maxEventBytes?: number) {
  const events: Event[] = [];
  const parser = createSseParser({
    onEvent(name, data) {
      events.push([name, data]);
    },
    ...(maxEventBytes !== undefined && { maxEventBytes }),
  });
  const accepted = chunks.map((chunk) => parser.push(Buffer.from(chunk)));
  parser.end();
  return { events, accepted };
}

function eventsOf(...chunks: readonly (string | Buffer)[]): readonly Event[] {
  return parse(chunks).events;
}

describe("createSseParser()", () => {
  it.each([
    ["LF", "data: a\n\ndata: b\n\n"],
    ["CRLF", "data: a\r\n\r\ndata: b\r\n\r\n"],
    ["CR", "data: a\r\rdata: b\r\r"],
    ["all of them", "data: a\r\n\ndata: b\r\r\n"],
  ])("takes lines that end in %s", (_, text) => {
    expect(eventsOf(text)).toEqual([
      ["", "a"],
      ["", "b"],
    ]);
  });

  it("takes CRLF cut in two for one line end", () => {
    expect(eventsOf("data: a\r", "\ndata: b\r", "\n\r", "\n")).toEqual([["", "a\nb"]]);
  });

  it("takes an LF after an empty chunk after CR for the same line end", () => {
    expect(eventsOf("data: a\r", "", "\ndata: b\n\n")).toEqual([["", "a\nb"]]);
  });

  it("joins the lines of an event", () => {
    expect(eventsOf("data: a\ndata\ndata:  b\n\n")).toEqual([["", "a\n\n b"]]);
  });

  it("knows names, and each for one event", () => {
    expect(eventsOf("event: x\ndata: a\n\ndata: b\n\nevent: y\n\ndata: c\n\n")).toEqual([
      ["x", "a"],
      ["", "b"],
      ["", "c"],
    ]);
  });

  it("skips comments, ids, retries and fields nobody knows", () => {
    expect(
      eventsOf(": hi\nid: 1\nretry: 5\n data: no\ndatum: no\neven: no\neventful: no\ndata: a\n\n"),
    ).toEqual([["", "a"]]);
  });

  it("skips one byte order mark, also when cut", () => {
    const mark = Buffer.from("\u{feff}data: a\n\n");
    expect(eventsOf(mark)).toEqual([["", "a"]]);
    expect(eventsOf(mark.subarray(0, 1), mark.subarray(1, 2), mark.subarray(2))).toEqual([
      ["", "a"],
    ]);
    expect(eventsOf("\u{feff}\u{feff}data: a\n\n")).toEqual([]);
  });

  it("keeps characters cut between chunks", () => {
    const bytes = Buffer.from("data: 🌌ü\n\n");
    expect(eventsOf(...Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual([["", "🌌ü"]]);
  });

  it("delivers an event without its last blank line or line end", () => {
    expect(eventsOf("data: a\n")).toEqual([["", "a"]]);
    expect(eventsOf("data: a")).toEqual([["", "a"]]);
  });

  it("is not misled by what an earlier line left behind", () => {
    expect(eventsOf("data: aaaaaaaaaa", "\n\nd", "a", "\n\n")).toEqual([["", "aaaaaaaaaa"]]);
  });

  it.each([
    ["in one chunk", ["data: 12345\n\n"]],
    ["in many chunks", ["data: ", "12", "34", "5"]],
    ["in many lines", ["data: 1\n", "data: 2\n", "data: 3\n"]],
    ["in a line without end", ["0123456789"]],
  ])("refuses an event that is too large %s", (_, chunks) => {
    const { events, accepted } = parse(chunks, 4);
    expect(accepted.at(-1)).toBe(false);
    expect(events).toEqual([]);
  });

  it("measures each event for itself", () => {
    const { accepted } = parse(["data: 123\n\n", "data: 456\n\n"], 4);
    expect(accepted).toEqual([true, true]);
  });

  it("takes a long line byte by byte in linear time", () => {
    const bytes = Buffer.from(`data: ${"x".repeat(200_000)}\n\n`);
    const [event] = parse(Array.from(bytes, (byte) => Buffer.of(byte))).events;
    expect(event?.[1]).toHaveLength(200_000);
  });
});
