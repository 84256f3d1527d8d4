import { describe, expect, it } from "vitest";
import { createPaint, wantsColour } from "../../../src/cli/paint.ts";

describe("wantsColour()", () => {
  it.each([
    { name: "on a terminal", isTerminal: true, env: {}, wanted: true },
    {
      name: "on a terminal with an empty NO_COLOR",
      isTerminal: true,
      env: { NO_COLOR: "" },
      wanted: true,
    },
    { name: "not with NO_COLOR", isTerminal: true, env: { NO_COLOR: "1" }, wanted: false },
    { name: "not in a pipe", isTerminal: false, env: {}, wanted: false },
  ])("$name", ({ isTerminal, env, wanted }) => {
    expect(wantsColour({ isTerminal }, env)).toBe(wanted);
  });
});

describe("createPaint()", () => {
  it("leaves text as it is without colour", () => {
    const { bold, dim, red } = createPaint(false);
    expect([bold("a"), dim("b"), red("c")]).toEqual(["a", "b", "c"]);
  });

  it("switches off what it switched on", () => {
    const { bold, dim, red } = createPaint(true);
    expect([bold("a"), dim("b"), red("c")]).toEqual([
      "\u001b[1ma\u001b[22m",
      "\u001b[2mb\u001b[22m",
      "\u001b[31mc\u001b[39m",
    ]);
  });
});
