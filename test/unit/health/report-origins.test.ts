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
  it("keeps the first attempt and eight more", () => {
    let list: OriginList | undefined;
    for (let number = 1; number <= 20; number += 1) {
      list = addOrigin(list, attemptOf(number));
    }
    expect(list?.first).toEqual(originOf(attemptOf(1)));
    expect(list?.others).toHaveLength(8);
    expect(list?.others[0]).toEqual({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: originOf(attemptOf(2))?.spanId,
    });
    expect(bytesOfOrigins(list)).toBe(9 * 256 + 3);
  });

  it("adds none that is not kept", () => {
    expect(addOrigin(undefined, attemptOf(1, false))).toBeUndefined();
    expect(bytesOfOrigins(undefined)).toBe(0);
    const list = addOrigin(undefined, attemptOf(1));
    expect(addOrigin(list, attemptOf(2, false))).toEqual({ first: list?.first, others: [] });
  });
});
