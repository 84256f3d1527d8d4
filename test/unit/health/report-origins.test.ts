import { describe, expect, it } from "vitest";
import {
  addOrigin,
  bytesOfOrigins,
  type OriginList,
  originOf,
} from "../../../src/health/report-origins.ts";
import { exampleTrace } from "../../support/examples.ts";
import { makeObservation } from "../score/make-observation.ts";

function attemptOf(number: number, keep = true) {
  const observation = makeObservation();
  return {
    ...observation,
    trace: exampleTrace({ keep, spanPrefix: `b7ad6b71692033${number % 10}`, traceState: "a=1" }),
    attempt: { ...observation.attempt, number },
  };
}

describe("originOf()", () => {
  it("is the span of the attempt", () => {
    expect(originOf(attemptOf(1))).toEqual({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203313",
      traceState: "a=1",
    });
    expect(originOf(attemptOf(2))?.spanId).toBe("b7ad6b7169203324");
  });

  it("is absent when the span is not kept", () => {
    expect(originOf(attemptOf(1, false))).toBeUndefined();
  });
});

describe("addOrigin()", () => {
  it("has the trace of the first attempt hold the report's span, and tells it to all the others", () => {
    const attempts = Array.from({ length: 20 }, (_, at) => attemptOf(1 + (at % 3)));
    let list: OriginList | undefined;
    for (const attempt of attempts) {
      list = addOrigin(list, attempt);
    }
    const [first, ...others] = attempts;
    expect(list?.first).toEqual(originOf(attemptOf(1)));
    const { traceId, spanId } = list?.first ?? {};
    expect(list?.report).toEqual({ traceId, spanId: "37ad6b7169203313" });
    expect(spanId).toBe("b7ad6b7169203313");
    expect(first?.trace.reports).toBeUndefined();
    expect(others.map(({ attempt, trace }) => trace.reports?.[attempt.number - 1])).toEqual(
      others.map(() => list?.report),
    );
    expect(bytesOfOrigins(list)).toBe(512 + 3);
  });

  it("tells each attempt of a call its own report", () => {
    const [one, other] = [1, 2].map((number) => addOrigin(undefined, attemptOf(number)));
    const trace = exampleTrace({ keep: true });
    addOrigin(one, { ...attemptOf(1), trace });
    addOrigin(other, { ...attemptOf(2), trace });
    expect(trace.reports).toEqual([one?.report, other?.report]);
    expect(one?.report.spanId).not.toBe(other?.report.spanId);
  });

  it("adds none that is not kept", () => {
    expect(addOrigin(undefined, attemptOf(1, false))).toBeUndefined();
    expect(bytesOfOrigins(undefined)).toBe(0);
    const list = addOrigin(undefined, attemptOf(1));
    const left = attemptOf(2, false);
    expect(addOrigin(list, left)).toBe(list);
    expect(left.trace.reports).toBeUndefined();
  });
});
