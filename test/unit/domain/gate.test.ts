import { describe, expect, test } from "vitest";
import { type GateState, nativeOnlyGates, passesGate } from "../../../src/domain/gate.ts";
import { exampleEndpoint } from "../../support/examples.ts";

describe("passesGate()", () => {
  test.each<readonly [GateState, boolean]>([
    ["native", true],
    ["green", true],
    ["red", false],
    ["unknown", false],
    ["stale", false],
  ])("of %s is %s", (state, passes) => {
    expect(passesGate(state)).toBe(passes);
  });
});

describe("nativeOnlyGates()", () => {
  test.each([
    { native: true, state: "native" },
    { native: false, state: "unknown" },
  ])("calls an endpoint $state whose native is $native", ({ native, state }) => {
    expect(nativeOnlyGates("triage", exampleEndpoint("acme/one", { native }))).toBe(state);
  });
});
