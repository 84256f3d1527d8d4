import { createParser } from "eventsource-parser";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSseParser } from "../../../src/upstream/sse.ts";

type Event = readonly [name: string, data: string];

const lineEnd = fc.constantFrom("\n", "\r\n", "\r");
const line = fc.oneof(
  fc.string({ unit: "grapheme" }).map((text) => `data: ${text.replace(/[\r\n]/g, "")}`),
  fc.constantFrom(
    "data",
    "data:",
    "data: ",
    "data:  x",
    "",
    "",
    "",
    ": comment",
    "event: a",
    "event",
  ),
  fc.constantFrom(
    "event:b",
    "id: 1",
    "retry: 3",
    "other: x",
    " data: x",
    "dat",
    "eventx: y",
    "datax: z",
  ),
);

/** Ends in a blank line: on what follows the last one the two differ on purpose. */
const stream = fc
  .array(fc.tuple(line, lineEnd), { maxLength: 40 })
  .map((lines) => `${lines.map(([text, end]) => `${text}${end}`).join("")}\n\n`);

function chunksOf(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  return [0, ...places].map((start, index) => bytes.subarray(start, places[index] ?? bytes.length));
}

function ours(chunks: readonly Buffer[]): readonly Event[] {
  const events: Event[] = [];
  const parser = createSseParser({
    onEvent(name, data) {
      events.push([name, data]);
    },
  });
  for (const chunk of chunks) {
    parser.push(chunk);
  }
  parser.end();
  return events;
}

function theirs(text: string): readonly Event[] {
  const events: Event[] = [];
  const parser = createParser({
    onEvent({ event, data }) {
      events.push([event ?? "", data]);
    },
  });
  parser.feed(text);
  return events;
}

describe("createSseParser()", () => {
  it("reads what eventsource-parser reads, however it is cut", () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), (text, cuts) => {
        expect(ours(chunksOf(Buffer.from(text), cuts))).toEqual(theirs(text));
      }),
      { seed: 11, numRuns: 1_000 },
    );
  });

  it("does not depend on chunk boundaries for any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat()), (bytes, cuts) => {
        const whole = Buffer.from(bytes);
        expect(ours(chunksOf(whole, cuts))).toEqual(ours([whole]));
      }),
      { seed: 12, numRuns: 1_000 },
    );
  });
});
