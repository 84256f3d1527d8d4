import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";

/** Sends the process its own interrupt at the first moment at which it listens for one. */
const interruptAtOnce = `data:text/javascript,${encodeURIComponent(`
  process.once("newListener", (name) => {
    if (name === "SIGINT") setImmediate(() => process.kill(process.pid, "SIGINT"));
  });
`)}`;

/** Types Ctrl-C when the process asks for its standard input, which stays open. */
const interruptAtInput = `data:text/javascript,${encodeURIComponent(`
  process.stdin.once("newListener", () => process.kill(process.pid, "SIGINT"));
`)}`;

describe("an interrupt before there is a call", () => {
  it.each([
    { name: "while the command is loaded", preload: interruptAtOnce, argv: ["models"] },
    {
      name: "while the prompt is read",
      preload: interruptAtInput,
      argv: ["complete", "a/b", "-"],
    },
  ])("is answered with a line and exit code 130 $name", async ({ preload, argv }) => {
    const child = spawn(
      process.execPath,
      ["--import", preload, "src/main.ts", ...argv, "--server", "127.0.0.1:1"],
      { stdio: ["pipe", "pipe", "pipe"] },
    );
    const [out, err, [exitCode]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, "exit"),
    ]);
    expect({ out, err, exitCode }).toEqual({
      out: "",
      err: "error: interrupted: no call was under way\n",
      exitCode: 130,
    });
  });
});
