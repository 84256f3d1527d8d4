import { expect, onTestFinished, test, vi } from "vitest";
import { withLoad } from "../../../docs/demo/traffic-load.ts";
import { freePort } from "../../support/free-port.ts";
import { runDemo } from "./run-demo.ts";

test("the demo of traffic explains a slow call in three ways, and they agree", async () => {
  expect(await runDemo("traffic", "--short")).toContain("Everything agreed.");
}, 120_000);

test("a load ends with the work that it is for, also when that fails", async () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
  onTestFinished(() => void vi.useRealTimers());
  const ended: string[] = [];
  const traffic = {
    routerUrl: `http://127.0.0.1:${await freePort()}`,
    callerSpans: ({ name }: { readonly name: string }) => ended.push(name),
  };
  const work = withLoad(traffic, async (load) => {
    load.start(10);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(200);
    throw new Error("nothing was found");
  });
  await expect(work).rejects.toThrow("nothing was found");
  expect(vi.getTimerCount()).toBe(0);
  expect(ended).toHaveLength(2);
});
