import { describe, expect, it } from "vitest";
import { controlsOf, MAX_DEADLINE_MS } from "../../../src/cli/call-deadline.ts";
import { defaultHandlerLimits } from "../../../src/rpc/handlers.ts";

describe("MAX_DEADLINE_MS", () => {
  it("is the longest deadline that a router keeps", () => {
    expect(MAX_DEADLINE_MS).toBe(defaultHandlerLimits.maxTimeoutMs);
  });
});

describe("controlsOf()", () => {
  const { signal } = new AbortController();

  it("leaves half a second for the router's own account of a passed deadline", () => {
    expect(controlsOf(signal, 30_000)).toMatchObject({ signal, timeoutMs: 30_500 });
  });

  it("sets no limit where the caller sets none", () => {
    expect(controlsOf(signal, undefined)).toEqual({ signal });
  });
});
