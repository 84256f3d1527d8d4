import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { describeOnNewestNats } from "../../support/nats-server.ts";

const demo = (name: string) => new URL(`../../../docs/demo/${name}.ts`, import.meta.url).pathname;

const run = (path: string, ...words: readonly string[]) =>
  promisify(execFile)(process.execPath, [path, ...words], { timeout: 110_000 });

await describeOnNewestNats("the demo of a cluster", () => {
  test("tries out what the README promises, and everything holds", async () => {
    // Rejects when it ends with anything but 0.
    const { stdout } = await run(demo("cluster"));
    expect(stdout).toContain("Everything held.");
  }, 120_000);
});

test("the demo of traffic explains a slow call in three ways, and they agree", async () => {
  const { stdout } = await run(demo("traffic"), "--short");
  expect(stdout).toContain("Everything agreed.");
}, 120_000);
