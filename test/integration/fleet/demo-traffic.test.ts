import { expect, test } from "vitest";
import { runDemo } from "./run-demo.ts";

test("the demo of traffic explains a slow call in three ways, and they agree", async () => {
  expect(await runDemo("traffic", "--short")).toContain("Everything agreed.");
}, 120_000);
