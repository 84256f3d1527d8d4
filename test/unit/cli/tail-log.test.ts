import { describe, expect, it } from "vitest";
import { createTailLog } from "../../../src/cli/tail-log.ts";

function setUp() {
  const lines: string[] = [];
  return { lines, log: createTailLog((text) => lines.push(text)) };
}

describe("createTailLog()", () => {
  it("tells of warnings and errors what, where and why", () => {
    const { log, lines } = setUp();
    log("warn", "not to be had", { servers: ["a:1", "b:2"], problem: "Error: refused" });
    log("error", "refused", { stream: "HEALTH" });
    log("error", "threw", { error: new TypeError("no") });
    log("warn", "odd");
    expect(lines).toEqual([
      "warning: not to be had (a:1, b:2): Error: refused\n",
      "error: refused (HEALTH)\n",
      "error: threw: TypeError: no\n",
      "warning: odd\n",
    ]);
  });

  it("keeps to one line whatever a server says", () => {
    const { log, lines } = setUp();
    log("warn", "odd", { problem: "a\r\nb\u001b[2J" });
    expect(lines).toEqual(["warning: odd: a b\u241b[2J\n"]);
  });

  it("leaves out what is no trouble", () => {
    const { log, lines } = setUp();
    log("info", "connected", { server: "a" });
    log("debug", "again");
    expect(lines).toEqual([]);
  });
});
