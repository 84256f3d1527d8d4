import { describe, expect, it } from "vitest";
import { interruptedEarly } from "../../../src/cli/interrupted-early.ts";

describe("interruptedEarly()", () => {
  it("is one line in the caller's choice of text or JSON", () => {
    expect(interruptedEarly(["models"])).toBe("error: interrupted: no call was under way\n");
    expect(interruptedEarly(["models", "--json"])).toBe(
      '{"error":{"code":"INTERRUPTED","message":"interrupted: no call was under way"}}\n',
    );
  });
});
