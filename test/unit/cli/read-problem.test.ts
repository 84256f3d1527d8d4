import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { describe, expect, test } from "vitest";
import { readProblem } from "../../../src/cli/read-problem.ts";

describe("readProblem()", () => {
  test.each([
    { path: "/nowhere/a.pem", says: "cannot be read: there is no file /nowhere/a.pem" },
    { path: tmpdir(), says: `cannot be read: ${tmpdir()} is a directory` },
  ])("explains what the system says of $path", async ({ path, says }) => {
    const error: unknown = await readFile(path).catch((reason: unknown) => reason);
    expect(readProblem(path, error)).toBe(says);
  });

  test("explains what is no text", () => {
    const decode = () => new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from([0xff]));
    let error: unknown;
    try {
      decode();
    } catch (thrown) {
      error = thrown;
    }
    expect(readProblem("a", error)).toBe("cannot be read: a is no UTF-8 text");
  });

  test.each([
    {
      error: Object.assign(new Error("EACCES: permission denied"), { code: "EACCES" }),
      says: "cannot be read: this user may not read a",
    },
    { error: new Error("EIO: i/o error"), says: "cannot be read: EIO: i/o error" },
    { error: "broken", says: "cannot be read: broken" },
  ])("explains $error", ({ error, says }) => {
    expect(readProblem("a", error)).toBe(says);
  });
});
