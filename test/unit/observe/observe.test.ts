import { describe, expect, test } from "vitest";
import type { CallResult, CompletionCall } from "../../../src/domain/call.ts";
import type { Observation, RpcEnd } from "../../../src/domain/ports.ts";
import {
  createCallObserver,
  createObserver,
  createRpcObserver,
} from "../../../src/observe/observe.ts";

// Sinks only pass these on, so that empty ones tell as much as complete ones.
const observation = {} as Observation;
const call = {} as CompletionCall;
const result = {} as CallResult;

const rpc = {} as RpcEnd;

const defect = new Error("defect");

function fail(): never {
  throw defect;
}

const cases = [
  {
    name: "createObserver()",
    run(sinks: readonly ((...seen: unknown[]) => void)[], onSinkError: (error: unknown) => void) {
      createObserver(sinks, onSinkError)(observation);
    },
    expected: [observation],
  },
  {
    name: "createCallObserver()",
    run(sinks: readonly ((...seen: unknown[]) => void)[], onSinkError: (error: unknown) => void) {
      createCallObserver(sinks, onSinkError)(call, result);
    },
    expected: [call, result],
  },
  {
    name: "createRpcObserver()",
    run(sinks: readonly ((...seen: unknown[]) => void)[], onSinkError: (error: unknown) => void) {
      createRpcObserver(sinks, onSinkError)(rpc);
    },
    expected: [rpc],
  },
];

describe.each(cases)("$name", ({ run, expected }) => {
  test("tells every sink once and in order", () => {
    const seen: unknown[][] = [];
    const errors: unknown[] = [];
    run(
      [(...args) => seen.push(["first", ...args]), (...args) => seen.push(["second", ...args])],
      (error) => errors.push(error),
    );
    expect(seen).toEqual([
      ["first", ...expected],
      ["second", ...expected],
    ]);
    expect(seen[0]?.[1]).toBe(expected[0]);
    expect(errors).toEqual([]);
  });

  test("reports a sink that throws and still tells the others", () => {
    const seen: unknown[] = [];
    const errors: unknown[] = [];
    run([fail, () => seen.push("second"), fail, () => seen.push("fourth")], (error) =>
      errors.push(error),
    );
    expect(seen).toEqual(["second", "fourth"]);
    expect(errors).toEqual([defect, defect]);
  });

  test("survives a reporter that throws", () => {
    const seen: unknown[] = [];
    run([fail, () => seen.push("second")], fail);
    expect(seen).toEqual(["second"]);
  });

  test("does nothing without sinks", () => {
    expect(() => run([], fail)).not.toThrow();
  });
});
