import { expect, test } from "vitest";
import { describeOnNewestNats } from "../../support/nats-server.ts";
import { runDemo } from "./run-demo.ts";

await describeOnNewestNats("the demo of a cluster", () => {
  test("tries out what the README promises, and everything holds", async () => {
    expect(await runDemo("cluster")).toContain("Everything held.");
  }, 120_000);
});
