import { errors } from "@nats-io/transport-node";
import { describe, expect, test } from "vitest";
import { createLinkLog } from "../../../src/nats/link-log.ts";

function open() {
  let timeMs = 0;
  const lines: string[] = [];
  const linkLog = createLinkLog({
    log: (level, message, fields) => lines.push(`${level} ${message} ${JSON.stringify(fields)}`),
    nowMs: () => timeMs,
    hosts: ["a:1"],
    secrets: ["hunter22"],
  });
  return {
    linkLog,
    lines,
    pass(ms: number) {
      timeMs += ms;
    },
  };
}

describe("createLinkLog()", () => {
  test("says the same once a minute, and at once after things were well", () => {
    const { linkLog, lines, pass } = open();
    linkLog.lost(new Error("refused"));
    pass(59_999);
    linkLog.lost(new Error("refused"));
    expect(lines).toHaveLength(1);
    pass(1);
    linkLog.lost(new Error("refused"));
    expect(lines).toHaveLength(2);
    linkLog.recovered();
    linkLog.lost(new Error("refused"));
    expect(lines).toHaveLength(3);
    expect(lines[0]).toBe(
      'warn NATS is not to be had; trying on {"servers":["a:1"],"problem":"Error: refused"}',
    );
  });

  test("refused credentials are an alarm", () => {
    const { linkLog, lines } = open();
    linkLog.lost(new errors.AuthorizationError("'Authorization Violation'"));
    expect(lines[0]).toMatch(/^error NATS refuses the credentials/);
  });

  test("what is denied on a connection is not told as one that is lost", () => {
    const { linkLog, lines } = open();
    linkLog.lost(new errors.PermissionViolationError("Permissions Violation", "publish", "a"));
    expect(lines[0]).toMatch(/^warn NATS denies a right .*Permissions Violation/);
  });

  test("masks secrets, wherever they turn up", () => {
    const { linkLog, lines } = open();
    linkLog.trouble("odd", new Error("server nats://u:hunter22@a"));
    expect(lines[0]).toContain("nats://u:[secret]@a");
  });
});
