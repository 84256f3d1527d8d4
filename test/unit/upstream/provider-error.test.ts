import { describe, expect, it } from "vitest";
import { providerErrorOf } from "../../../src/upstream/provider-error.ts";

describe("providerErrorOf()", () => {
  it.each([
    [{ error: { message: "a" } }, "a"],
    [{ error: "b" }, "b"],
    [{ error: { type: "x" }, message: "c" }, "c"],
    [{ message: "d", object: "error" }, "d"],
    [{ detail: "e" }, "e"],
    [{ detail: [{ msg: "f" }] }, "f"],
    [{ detail: ["g"] }, ""],
    [[{ error: { message: "h" } }], "h"],
    ["i", "i"],
    [null, ""],
    [7, ""],
    [{}, ""],
  ])("reads the message of %j", (body, message) => {
    expect(providerErrorOf(body).message).toBe(message);
  });

  it("gathers every word", () => {
    const { words } = providerErrorOf({
      error: {
        code: "A",
        type: "b",
        status: "C",
        details: { error_code: "d" },
        innererror: { code: "E" },
      },
    });
    expect(words).toEqual(["a", "b", "c", "d", "e"]);
  });

  it.each([
    [429, 429],
    ["503", 503],
    [200, undefined],
    [1001, undefined],
    ["rate", undefined],
  ])("reads the code %j as status %j", (code, status) => {
    expect(providerErrorOf({ error: { code } }).status).toBe(status);
  });
});
