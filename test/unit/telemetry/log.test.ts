import { describe, expect, test } from "vitest";
import { createLog, type LogLevel } from "../../../src/telemetry/log.ts";

function start(level: LogLevel = "info", secrets: readonly string[] = []) {
  const lines: string[] = [];
  const log = createLog({ level, write: (line) => lines.push(line), secrets: () => secrets });
  return { log, lines };
}

describe("createLog()", () => {
  test("writes one JSON object a line with time, level and message", () => {
    const { log, lines } = start();
    log("warn", "breaker opened", { endpoint: "a/b" });
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "warn",
      msg: "breaker opened",
      endpoint: "a/b",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    });
  });

  test("leaves out what is below its level", () => {
    const { log, lines } = start("warn");
    log("info", "listening");
    expect(lines).toEqual([]);
  });

  test.each(["cause", "error"])(
    "writes what an error says and where it was thrown: %s",
    (field) => {
      const { log, lines } = start();
      log("error", "failed", { [field]: new Error("broken") });
      expect(JSON.parse(lines[0] ?? "")[field]).toMatchObject({
        message: "broken",
        stack: expect.stringContaining("log.test.ts"),
      });
    },
  );

  test("masks a secret wherever it turns up", () => {
    const { log, lines } = start("info", ["sk-canary-1"]);
    log("error", "sent sk-canary-1", {
      url: "https://x/?key=sk-canary-1",
      cause: new Error("bad key sk-canary-1"),
    });
    expect(lines.join("")).not.toContain("sk-canary-1");
    expect(lines.join("")).toContain("[secret]");
  });

  test.each(['abc"defgh123', "back\\slash-123", "tab\tand-line\n1"])(
    "masks %j in the spellings that JSON gives it",
    (secret) => {
      const { log, lines } = start("info", [secret]);
      log("warn", `sent ${secret}`, { body: JSON.stringify({ key: secret }), key: secret });
      expect(JSON.parse(lines[0] ?? "")).toMatchObject({
        msg: "sent [secret]",
        body: '{"key":"[secret]"}',
        key: "[secret]",
      });
    },
  );

  test("leaves no rest of a secret that begins with another one", () => {
    const { log, lines } = start("info", ["sk-canary", "sk-canary-longer"]);
    log("info", "sent sk-canary-longer");
    expect(JSON.parse(lines[0] ?? "").msg).toBe("sent [secret]");
  });

  test("reads a secret as letters, not as a pattern", () => {
    const secret = "a.*b+(c)?[d]{2}|e^$/f";
    const { log, lines } = start("info", [secret, "sk-other-1"]);
    log("info", `sent ${secret}, not axxb, and sk-other-1`);
    expect(JSON.parse(lines[0] ?? "").msg).toBe("sent [secret], not axxb, and [secret]");
  });

  test("masks secrets that came later", () => {
    const lines: string[] = [];
    let secrets = ["sk-first-1"];
    const write = (line: string) => lines.push(line);
    const log = createLog({ level: "info", write, secrets: () => secrets });
    log("info", "sk-first-1");
    secrets = ["sk-first-1", "sk-second-2"];
    log("info", "sk-second-2");
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(["[secret]", "[secret]"]);
  });

  test("does not mask words for the sake of a secret that is too short to be one", () => {
    const { log, lines } = start("info", ["", "a"]);
    log("info", "banana");
    expect(JSON.parse(lines[0] ?? "").msg).toBe("banana");
  });
});
