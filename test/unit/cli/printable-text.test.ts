import { describe, expect, it } from "vitest";
import { printableLine, printableText } from "../../../src/cli/printable-text.ts";

describe("printableText()", () => {
  it("shows an escape sequence instead of obeying it", () => {
    expect(printableText("\u001b]0;title\u0007x\u007f")).toBe("␛]0;title␇x␡");
  });

  it("replaces the control characters of eight bits", () => {
    expect(printableText("a\u009b31m")).toBe("a\ufffd31m");
  });

  it("leaves lines, tabs and letters of all scripts alone", () => {
    expect(printableText("Grüße\n\t世界 🙂")).toBe("Grüße\n\t世界 🙂");
  });
});

describe("printableLine()", () => {
  it("joins lines", () => {
    expect(printableLine("one\r\n\ttwo")).toBe("one two");
  });
});
