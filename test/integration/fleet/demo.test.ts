import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { describeOnNewestNats } from "./use-fleet.ts";

const DEMO = new URL("../../../docs/demo/cluster.ts", import.meta.url).pathname;

await describeOnNewestNats("the demo of a cluster", () => {
  test("tries out what the README promises, and everything holds", async () => {
    // Rejects when it ends with anything but 0.
    const { stdout } = await promisify(execFile)(process.execPath, [DEMO], { timeout: 110_000 });
    expect(stdout).toContain("Everything held.");
  }, 120_000);
});
