import { describe, expect, it } from "vitest";
import { displayWidth, fitWidth } from "../../../src/cli/display-width.ts";

describe("displayWidth()", () => {
  it.each([
    { name: "Latin", text: "Größe", width: 5 },
    { name: "Chinese", text: "世界", width: 4 },
    { name: "Hangul", text: "한", width: 2 },
    { name: "full-width forms", text: "Ａ", width: 2 },
    { name: "an emoji of several code points", text: "👩‍👩‍👧", width: 2 },
    { name: "an emoji by variation selector", text: "❤️", width: 2 },
    { name: "a letter with combining marks", text: "e\u0301\u0323", width: 1 },
    { name: "a zero-width space", text: "a\u200bb", width: 2 },
    { name: "a dash and a middle dot", text: "— ·", width: 3 },
    { name: "nothing", text: "", width: 0 },
  ])("counts $name", ({ text, width }) => {
    expect(displayWidth(text)).toBe(width);
  });
});

describe("fitWidth()", () => {
  it("keeps what fits", () => {
    expect(fitWidth("deepinfra", 9)).toBe("deepinfra");
  });

  it("ends a shortened text in an ellipsis", () => {
    expect(fitWidth("deepinfra", 6)).toBe("deepi…");
  });

  it("never cuts a wide character in half", () => {
    expect(fitWidth("世界世界", 6)).toBe("世界…");
  });
});
