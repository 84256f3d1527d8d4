import { describe, expect, test } from "vitest";
import { RouterError } from "../../../src/domain/router-error.ts";
import { recordedCallOf } from "../../../src/ledger/recorded-call.ts";
import { exampleCall, exampleSpec, exampleTrace } from "../../support/examples.ts";
import { makeAttempt, makeRefusal, makeResult } from "./make-call-end.ts";

/** Every object that can be reached from `root`. */
function reachable(root: unknown, seen = new Set<unknown>()): ReadonlySet<unknown> {
  if (typeof root === "object" && root !== null && !seen.has(root)) {
    seen.add(root);
    for (const value of Object.values(root)) {
      reachable(value, seen);
    }
  }
  return seen;
}

describe("recordedCallOf()", () => {
  test("keeps who asked for what, and how it ended", () => {
    const trace = exampleTrace();
    const caller = { application: "checkout", endUserHash: "h", labels: { team: "pay" } };
    const end = makeResult();
    const recorded = recordedCallOf(exampleCall({ trace, caller }), end);
    expect(recorded).toEqual({
      id: "00000000-0000-4000-8000-000000000001",
      trace,
      receivedAtMs: 1_800_000_000_000,
      application: "checkout",
      labels: { team: "pay" },
      model: "acme/one",
      operation: "",
      tier: "standard",
      streaming: true,
      decision: end.decision,
      attempts: end.attempts,
      error: undefined,
      partial: false,
      usage: end.usage,
      cost: end.cost,
      timings: end.timings,
      outputTokensPerSecond: 0,
      upstreamModel: "one-2026",
    });
  });

  test("keeps of a refusal that nothing was asked", () => {
    const recorded = recordedCallOf(exampleCall(), makeRefusal());
    expect(recorded).toMatchObject({
      attempts: [],
      error: { code: "model-not-found", message: "The catalogue has no model x." },
      partial: false,
      upstreamModel: "",
      outputTokensPerSecond: 0,
    });
    expect([recorded.decision, recorded.usage, recorded.cost]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  test("holds on to neither prompt nor answer, nor to what was thrown", () => {
    const cause = new Error("held");
    const spec = exampleSpec();
    const failure = { kind: "network", message: "reset", cause } as const;
    const call = exampleCall({ spec, streaming: true });
    const recorded = recordedCallOf(
      call,
      makeResult({
        attempts: [makeAttempt({ outcome: failure }), makeAttempt({ number: 2 })],
        error: new RouterError("stream-interrupted", "it broke", { cause }),
      }),
    );
    const held = reachable(recorded);
    for (const text of [spec, spec.messages, spec.messages[0], call, call.signal, cause]) {
      expect(held.has(text)).toBe(false);
    }
    expect(recorded.attempts[0]?.outcome).toEqual({ kind: "network", message: "reset" });
    expect(recorded.attempts[1]?.outcome).toEqual({ kind: "success" });
    expect(recorded.error).toEqual({ code: "stream-interrupted", message: "it broke" });
  });

  test.each(["bad-request", "context-length", "content-filter"] as const)(
    "leaves out what a provider says of %s, which may quote the prompt",
    (kind) => {
      const failure = { kind, message: "cannot answer: my secret prompt" };
      const recorded = recordedCallOf(
        exampleCall(),
        makeResult({
          attempts: [makeAttempt({ outcome: failure })],
          error: new RouterError("request-refused", failure.message),
        }),
      );
      const withheld = "The provider's words are for the caller alone.";
      expect(recorded.attempts[0]?.outcome).toEqual({ kind, message: withheld });
      expect(recorded.error).toEqual({ code: "request-refused", message: withheld });
    },
  );
});
