import { describe, expect, test } from "vitest";
import { RouterError } from "../../../src/domain/router-error.ts";
import { overdueRoomOf } from "../../../src/metrics/deadline-room.ts";
import { exampleEndpoint, examplePrediction } from "../../support/examples.ts";
import {
  attemptAt,
  callEndOf,
  callTo,
  failureOf,
  refusalOf,
  startedAtMs,
} from "../../support/prometheus-load.ts";

const endpoint = exampleEndpoint("azure/eu/one");
const silent = attemptAt(endpoint, failureOf("total-timeout"));
const overdue = callEndOf([silent], { code: "deadline-exceeded" });

describe("overdueRoomOf()", () => {
  // The plan expects a first token after 500 ms, and 95 % of them within a second.
  test.each([
    { leftMs: 499, streaming: true, room: "short" },
    { leftMs: 500, streaming: true, room: "tight" },
    { leftMs: 999, streaming: true, room: "tight" },
    { leftMs: 1_000, streaming: true, room: "ample" },
    // 256 tokens at 50 a second come after the first one; half of them would be a short answer.
    { leftMs: 3_059, streaming: false, room: "short" },
    { leftMs: 3_060, streaming: false, room: "tight" },
    { leftMs: 6_119, streaming: false, room: "tight" },
    { leftMs: 6_120, streaming: false, room: "ample" },
  ])("holds the time that the caller left against what was expected: %o", (given) => {
    const { leftMs, streaming, room } = given;
    const call = callTo("acme/one", { streaming, deadlineMs: startedAtMs + leftMs });
    expect(overdueRoomOf(call, overdue)).toBe(room);
  });

  test.each([
    { leftMs: 499, room: "short" },
    { leftMs: 500, room: "tight" },
    { leftMs: 60_000, room: "tight" },
  ])("holds no deadline for ample that nothing was measured for: %o", ({ leftMs, room }) => {
    const decision = { prediction: { ...examplePrediction, measured: false } };
    const end = callEndOf([silent], { code: "deadline-exceeded", decision });
    const call = callTo("acme/one", { streaming: true, deadlineMs: startedAtMs + leftMs });
    expect(overdueRoomOf(call, end)).toBe(room);
  });

  test("counts from the decision on: what was waited before is no endpoint's", () => {
    const decision = { decidedAtMs: startedAtMs + 9_600 };
    const late = callEndOf([silent], { code: "deadline-exceeded", decision });
    expect(overdueRoomOf(callTo("acme/one", { deadlineMs: startedAtMs + 10_000 }), late)).toBe(
      "short",
    );
  });

  // The call took 500.3 ms.
  test.each([
    { deadlineInMs: 500, room: "tight" },
    { deadlineInMs: 555, room: "tight" },
    { deadlineInMs: 557, room: undefined },
    { deadlineInMs: 5_000, room: undefined },
  ])("takes a caller who leaves at the deadline for one out of time: %o", (given) => {
    const left = callEndOf([attemptAt(endpoint, failureOf("canceled"))], { code: "canceled" });
    const call = callTo("acme/one", { deadlineMs: startedAtMs + given.deadlineInMs });
    expect(overdueRoomOf(call, left)).toBe(given.room);
  });

  test("counts no more than the last tenth of a second as the deadline", () => {
    const left = callEndOf([silent], { code: "canceled" });
    const lateBy = (totalMs: number) =>
      overdueRoomOf(callTo("acme/one", { deadlineMs: startedAtMs + 10_000 }), {
        ...left,
        timings: { ...left.timings, total: totalMs },
      } as typeof left);
    expect([lateBy(9_899), lateBy(9_900)]).toEqual([undefined, "ample"]);
  });

  test.each([
    {
      name: "whose answer had begun",
      end: callEndOf([{ ...silent, firstTokenMs: 3 }], { code: "deadline-exceeded" }),
    },
    {
      name: "that asked nobody",
      end: refusalOf(new RouterError("deadline-exceeded", "too late")),
    },
    { name: "that failed otherwise", end: callEndOf([silent], { code: "upstream-unavailable" }) },
    { name: "that succeeded", end: callEndOf([attemptAt(endpoint)]) },
  ])("says nothing of a call $name", ({ end }) => {
    expect(overdueRoomOf(callTo("acme/one"), end)).toBeUndefined();
  });
});
