import { describe, expect, test } from "vitest";
import { createSdkLog } from "../../../src/telemetry/sdk-log.ts";

function start(secrets: readonly string[] = []) {
  let nowMs = 0;
  const lines: unknown[] = [];
  const sdkLog = createSdkLog(
    (level, message, fields) => lines.push({ level, message, ...fields }),
    () => nowMs,
    secrets,
  );
  return { ...sdkLog, lines, wait: (ms: number) => (nowMs += ms) };
}

describe("createSdkLog()", () => {
  test("tells what went wrong once in a minute, with the number of the others", () => {
    const { logger, onError, lines, wait, started } = start();
    started();
    logger.error("one", { body: "whole answers are left out" });
    logger.warn("two");
    onError(new Error("three"));
    wait(60_000);
    onError(new TypeError("four"));
    const message = "telemetry is not exported as it should be";
    expect(lines).toEqual([
      { level: "warn", message, detail: "one", suppressed: 0 },
      { level: "warn", message, detail: "TypeError: four", suppressed: 2 },
    ]);
  });

  test("tells all that is wrong at the start, each of it once, and the first of what comes then", () => {
    const { logger, onError, lines, started } = start();
    logger.warn("one");
    logger.warn("two");
    logger.error("one");
    started();
    onError(new Error("three"));
    logger.warn("one");
    expect(lines).toMatchObject([
      { detail: "one", suppressed: 0 },
      { detail: "two", suppressed: 0 },
      { detail: "Error: three", suppressed: 0 },
    ]);
  });

  test("keeps the rest to itself", () => {
    const { logger, lines } = start();
    logger.info("one");
    logger.debug("two");
    logger.verbose("three");
    expect(lines).toEqual([]);
  });

  test("masks secrets, and cuts what is long", () => {
    const { onError, lines } = start(["canary-key", "a"]);
    onError(new Error(`sent canary-key ${"x".repeat(1_000)}`));
    expect(JSON.stringify(lines)).toContain("sent [secret] x");
    expect(JSON.stringify(lines)).not.toContain("canary");
    expect(JSON.stringify(lines).length).toBeLessThan(500);
  });
});
