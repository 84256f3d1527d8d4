import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { headerText, retryAfterMsOf } from "../../../src/upstream/retry-after.ts";

const NOW_MS = Date.UTC(2026, 10, 22, 12, 0, 0);
const DAY_MS = 86_400_000;

describe("retryAfterMsOf()", () => {
  it.each([
    [{ "retry-after-ms": "1500.2" }, 1_501],
    [{ "x-ms-retry-after-ms": "20" }, 20],
    [{ "retry-after": "2" }, 2_000],
    [{ "retry-after": " 0.5 " }, 500],
    [{ "retry-after": ["3", "9"] }, 3_000],
    [{ "retry-after-ms": "10", "retry-after": "2" }, 10],
    [{ "retry-after-ms": "soon", "retry-after": "2" }, 2_000],
    [{ "retry-after": "Sun, 22 Nov 2026 12:00:30 GMT" }, 30_000],
    [{ "retry-after": "Sun, 22 Nov 2026 11:00:00 GMT" }, 0],
    [{ "retry-after": "99999999999999999999" }, DAY_MS],
    [{ "retry-after": "Mon, 01 Jan 2080 00:00:00 GMT" }, DAY_MS],
    [{ "retry-after": "-1" }, undefined],
    [{ "retry-after": "1e9" }, undefined],
    [{ "retry-after": "Infinity" }, undefined],
    [{ "retry-after": "tomorrow, maybe" }, undefined],
    [{ "retry-after": "" }, undefined],
    [{}, undefined],
  ])("reads %j as %s", (headers, ms) => {
    expect(retryAfterMsOf(headers, NOW_MS)).toBe(ms);
  });

  it("is absent or within a day whatever is sent", () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const ms = retryAfterMsOf({ "retry-after": value }, NOW_MS) ?? 0;
        expect(ms >= 0 && ms <= DAY_MS && Number.isInteger(ms)).toBe(true);
      }),
      { seed: 6 },
    );
  });
});

describe("headerText()", () => {
  it.each([
    [undefined, ""],
    ["a ", "a"],
    [["b", "c"], "b"],
    [[], ""],
  ])("of %j is %j", (value, text) => {
    expect(headerText(value)).toBe(text);
  });
});
