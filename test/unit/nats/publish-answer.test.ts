import { describe, expect, test } from "vitest";
import { positionOf } from "../../../src/nats/publish-answer.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);

describe("positionOf()", () => {
  test.each([
    { answer: '{"stream":"HEALTH", "seq":1}', position: 1 },
    { answer: '{"stream":"HEALTH","seq":20}', position: 20 },
    { answer: '{"stream":"A", "seq":999999999999999}', position: 999_999_999_999_999 },
    { answer: '{"stream":"", "seq":0}', position: 0 },
  ])("reads $answer", ({ answer, position }) => {
    expect(positionOf(bytesOf(answer))).toBe(position);
    expect(JSON.parse(answer)).toMatchObject({ seq: position });
  });

  test.each([
    '{"error":{"code":503,"err_code":10077,"description":"no room"},"stream":"HEALTH","seq":0}',
    '{"stream":"HEALTH", "seq":12, "duplicate": true}',
    '{"stream":"HEALTH", "domain":"hub", "seq":12}',
    '{"stream":"HEALTH",  "seq":12}',
    '{"stream":"HEALTH", "seq":12',
    '{"stream":"HEALTH", "seq":12 }',
    '{"stream":"HEALTH", "seq":1.2}',
    '{"stream":"HEALTH", "seq":-2}',
    '{"stream":"HEALTH", "seq":}',
    '{"stream":"HEALTH", "seq":1000000000000000}',
    '{"stream":"HEA\\"LTH", "seq":12}',
    '{"stream":"HEALTH"}',
    '{"stream":"HEALTH',
    '{"type":"x","stream":"HEALTH", "seq":12}',
    "",
    "{}",
  ])("leaves %s to a parser", (answer) => {
    expect(positionOf(bytesOf(answer))).toBeUndefined();
  });
});
