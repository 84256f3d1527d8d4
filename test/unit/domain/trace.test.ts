import { describe, expect, test } from "vitest";
import {
  attemptSlot,
  putAttribute,
  type SpanAttributesDraft,
  spanIdAt,
  spanSlots,
  traceparentOf,
} from "../../../src/domain/trace.ts";
import { exampleTrace } from "../../support/examples.ts";

const trace = exampleTrace();

describe("spanIdAt()", () => {
  test("differs between the spans of a call in the last digit alone", () => {
    const ids = [0, 9, 10, 15].map((slot) => spanIdAt(trace, slot));
    expect(ids).toEqual([
      "b7ad6b7169203330",
      "b7ad6b7169203339",
      "b7ad6b716920333a",
      "b7ad6b716920333f",
    ]);
  });
});

describe("attemptSlot()", () => {
  test("begins behind the spans that every call has, and ends with the last digit", () => {
    expect([1, 2, 13, 14, 1_000].map(attemptSlot)).toEqual([spanSlots.attempt, 4, 15, 15, 15]);
  });
});

describe("traceparentOf()", () => {
  test("names the span and says whether the trace is sampled", () => {
    const sampled = { ...trace, sampled: true };
    expect(traceparentOf(sampled, 3)).toBe(
      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203333-01",
    );
    expect(traceparentOf(trace, 0)).toBe("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203330-00");
  });

  test("names the caller's span where there are none of ours", () => {
    const passedOn = "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01";
    expect(traceparentOf({ ...trace, passedOn }, 3)).toBe(passedOn);
  });

  test("does not tell what is kept beyond the sample", () => {
    expect(traceparentOf({ ...trace, keep: true }, 0)).toMatch(/-00$/);
  });
});

describe("putAttribute()", () => {
  test("leaves out what is absent, and nothing else", () => {
    const attributes: SpanAttributesDraft = [];
    const values = [undefined, "", 0, false, []];
    values.forEach((value, at) => {
      putAttribute(attributes, `key-${at}`, value);
    });
    expect(attributes).toEqual([
      { key: "key-1", value: "" },
      { key: "key-2", value: 0 },
      { key: "key-3", value: false },
      { key: "key-4", value: [] },
    ]);
  });
});
