import { describe, expect, test } from "vitest";
import type { OutgoingReport } from "../../../src/domain/bus.ts";
import {
  keyProblem,
  MAX_HEADER_BYTES,
  MAX_REPORT_BYTES,
  MAX_VALUE_BYTES,
  reportProblem,
  valueProblem,
} from "../../../src/domain/bus-rules.ts";

const report: OutgoingReport = {
  token: "azure_gpt-4o",
  id: "router-1/ffee/17",
  bytes: new Uint8Array(MAX_REPORT_BYTES),
  headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
};

describe("reportProblem()", () => {
  test("finds nothing wrong with a report at its limits", () => {
    expect(reportProblem(report)).toBeUndefined();
    expect(reportProblem({ token: "_tick", id: "1", bytes: new Uint8Array() })).toBeUndefined();
  });

  test.each([
    { name: "an empty token", change: { token: "" } },
    { name: "a token with a dot", change: { token: "a.b" } },
    { name: "a token with a wildcard", change: { token: ">" } },
    { name: "a token of 129 characters", change: { token: "a".repeat(129) } },
    { name: "an id with a line break", change: { id: "a\r\nb" } },
    { name: "an id of 257 characters", change: { id: "a".repeat(257) } },
    { name: "one byte too many", change: { bytes: new Uint8Array(MAX_REPORT_BYTES + 1) } },
    { name: "an upper-case header", change: { headers: { Traceparent: "x" } } },
    { name: "a header of the server's", change: { headers: { "nats-msg-id": "x" } } },
    { name: "a header with a line break", change: { headers: { a: "x\r\nnats-rollup: all" } } },
    { name: "an empty header", change: { headers: { a: "" } } },
    { name: "headers too long", change: { headers: { a: "x".repeat(MAX_HEADER_BYTES) } } },
  ])("names $name", ({ change }) => {
    expect(reportProblem({ ...report, ...change })).toMatch(/\w/);
  });
});

describe("keyProblem()", () => {
  test.each(["version", "scores.openai_gpt-4o", "a".repeat(256)])("accepts %s", (key) => {
    expect(keyProblem(key)).toBeUndefined();
  });

  test.each(["", ".a", "a.", "a..b", "a b", "a*", "scores.>", "ä", "a".repeat(257)])(
    "refuses %j",
    (key) => {
      expect(keyProblem(key)).toMatch(/^key: /);
    },
  );
});

describe("valueProblem()", () => {
  test("names a value that is a byte too long", () => {
    expect(valueProblem(new Uint8Array(MAX_VALUE_BYTES))).toBeUndefined();
    expect(valueProblem(new Uint8Array(MAX_VALUE_BYTES + 1))).toBe(
      "value of 520193 bytes: at most 520192",
    );
  });
});
