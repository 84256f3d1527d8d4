import { expect, test } from "vitest";
import { createAnswerFold } from "../../../src/rpc/answer-fold.ts";
import { exampleEndpoint, examplePlan } from "../../support/examples.ts";
import { exampleAttempt } from "../trace/call-fixture.ts";

test("what a given-up attempt had said leaves nothing behind", () => {
  const { take, choices } = createAnswerFold();
  take({ kind: "started", decision: examplePlan(exampleEndpoint("a")).decision });
  take({ kind: "text-delta", choice: 0, text: "first" });
  take({ kind: "heartbeat", phase: "generating" });
  take({ kind: "route-switched", failed: exampleAttempt(), next: exampleEndpoint("b").id });
  take({ kind: "text-delta", choice: 0, text: "second" });
  expect(choices()[0]?.parts).toEqual([{ kind: "text", text: "second", cacheBreakpoint: false }]);
});
